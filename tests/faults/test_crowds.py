from __future__ import annotations

from pathlib import Path

from faults import crowds


def test_uploads_that_break_off_anywhere_leave_nothing(tmp_path: Path) -> None:
    assert crowds.hang_up(tmp_path, 25, seed=3).wrong == []
