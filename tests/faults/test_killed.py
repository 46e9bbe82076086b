from __future__ import annotations

from pathlib import Path

from faults import kills

KILLS = 2


def test_what_was_promised_outlives_kills_at_any_moment(tmp_path: Path) -> None:
    found = kills.run(tmp_path, KILLS, seed=5)
    assert found.wrong == []
    assert found.acknowledged > 0
    assert found.unknown >= KILLS
