from __future__ import annotations

from pathlib import Path

from faults import made


def test_a_kill_while_something_is_made_leaves_it_whole_or_to_be_made_again(tmp_path: Path) -> None:
    found = made.run(tmp_path, 1, seed=3)
    assert found.wrong == []
    assert found.notes["points"] == "conversion 1, export 1"
