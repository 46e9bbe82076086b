from __future__ import annotations

from pathlib import Path

from faults import programs


class Failing(programs.Migration):
    """A migration that can be run once, as where its code is changed meanwhile."""

    name = "migration that fails"
    runs = 0

    @property
    def command(self) -> tuple[str, ...]:
        self.runs += 1
        return super().command if self.runs == 1 else ("no-such-command",)


def test_an_import_that_was_killed_is_finished_by_running_it_again(tmp_path: Path) -> None:
    found = programs.run(tmp_path, 1, seed=3, kinds=[programs.Import])
    assert found.wrong == []
    assert found.notes["points"] == "import 1"


def test_a_command_that_ends_before_it_is_killed_is_told_where_it_failed(tmp_path: Path) -> None:
    found = programs.run(tmp_path, 1, seed=3, kinds=[Failing])
    assert "the migration that fails ended with 2, and nobody killed it" in found.wrong
    assert found.notes["points"] == "migration that fails 0"
