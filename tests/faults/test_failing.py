from __future__ import annotations

from pathlib import Path

from faults import failing


def test_an_error_of_the_disk_is_told_loses_nothing_and_is_over_when_it_is_over(
    tmp_path: Path,
) -> None:
    found = failing.run(tmp_path, 2, seed=3)
    assert found.wrong == [], found.wrong
    assert found.refused > 10
    assert found.unknown == 0
