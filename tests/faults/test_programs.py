from __future__ import annotations

from pathlib import Path

from faults import programs


def test_an_import_that_was_killed_is_finished_by_running_it_again(tmp_path: Path) -> None:
    found = programs.run(tmp_path, 1, seed=3, kinds=[programs.Import])
    assert found.wrong == []
