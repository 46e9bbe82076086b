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
