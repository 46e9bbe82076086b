from __future__ import annotations

from pathlib import Path

from faults import outages


def test_a_slow_disk_keeps_nobody_from_reading(tmp_path: Path) -> None:
    found = outages.slow(tmp_path, 1, seed=3)
    assert found.wrong == []
    assert found.acknowledged > 0
    assert found.refused == found.unknown == 0
