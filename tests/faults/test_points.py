from __future__ import annotations

from pathlib import Path

from faults import points


def test_a_kill_in_the_midst_of_an_operation_leaves_it_done_whole_or_not_at_all(
    tmp_path: Path,
) -> None:
    found = points.run(tmp_path, 1, seed=3)
    assert found.wrong == []
    assert found.unknown == len(points.CASES)


def test_points_are_spread_over_all() -> None:
    assert points.spread(10, points.ALL) == list(range(1, 11))
    assert points.spread(10, 3) == [2, 6, 9]
    assert points.spread(3, 9) == [1, 2, 3]
    assert points.spread(7, 1) == [4]


def test_what_has_fewer_or_more_points_than_were_counted_is_killed_at_those_it_has() -> None:
    for has in (3, 5, 7):
        assert points.at_points(5, points.ALL, has.__ge__) == has
    assert points.at_points(5, 2, (3).__ge__) == 1
