from __future__ import annotations

from pathlib import Path

from faults import backups

ROUNDS = 3


def test_backups_under_load_hold_all_that_was_promised_before_and_are_whole(
    tmp_path: Path,
) -> None:
    found = backups.run(tmp_path, ROUNDS, seed=3)
    assert found.wrong == []
    assert found.acknowledged > ROUNDS
