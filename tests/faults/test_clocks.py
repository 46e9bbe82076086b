from __future__ import annotations

from pathlib import Path

from faults import clocks


def test_a_clock_that_steps_under_work_loses_nothing_and_ends_keys_as_it_says(
    tmp_path: Path,
) -> None:
    found = clocks.run(tmp_path, 1, seed=2)
    assert found.wrong == []
    assert found.acknowledged > 0
