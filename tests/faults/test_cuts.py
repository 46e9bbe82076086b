from __future__ import annotations

from pathlib import Path

from faults import cuts


def test_what_was_promised_outlives_the_power(tmp_path: Path) -> None:
    found = cuts.run("ext4", tmp_path, 1, seed=3)
    assert found.wrong == []
    assert found.acknowledged > 0
