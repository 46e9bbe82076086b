from __future__ import annotations

import os
import pty
import re
import sys
from collections.abc import Callable, Iterator
from typing import TextIO
from unittest.mock import Mock

import pytest

from callreel.cli.output import counting, moment, note, print_json, print_rows
from cli_runs import Command

STEERING = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """A terminal of 60 columns, and what was written to it."""

    def __init__(self, keyboard: int, screen: int) -> None:
        self.file: TextIO = os.fdopen(screen, "w", encoding="utf-8")
        self._keyboard = keyboard

    def text(self) -> str:
        """Return what was written, without colours and movements; nothing can be written then."""
        self.file.close()
        written = b""
        try:
            while part := os.read(self._keyboard, 65_536):
                written += part
        except OSError:  # so the kernel says that nothing has the terminal open
            pass
        return STEERING.sub("", written.decode()).replace("\r\n", "\n")


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("TERM", "xterm")
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    keyboard, screen = pty.openpty()
    made = Terminal(keyboard, screen)
    yield made
    made.file.close()
    os.close(keyboard)


def lines(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines()]


@pytest.mark.parametrize(
    "name", ["[bold]Acme[/bold]", ":smile:", "Żółta Łódka", "http://a.example", "[/]"]
)
def test_a_name_is_shown_on_a_terminal_as_it_is(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(sys, "stdout", terminal.file)

    print_rows(("number", "name"), [("1", name)])

    assert lines(terminal.text()) == ["number name", f"1 {name}"]


def test_a_long_value_is_folded_on_a_terminal_and_nothing_of_it_is_lost(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = "".join(f"{number:03}" for number in range(50))
    monkeypatch.setattr(sys, "stdout", terminal.file)

    print_rows(("id", "value"), [("1", long)])
    shown = terminal.text()

    assert "".join(shown.split()) == f"idvalue1{long}"
    assert max(map(len, shown.splitlines())) <= 60


def test_columns_stand_below_one_another_on_a_terminal(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdout", terminal.file)

    print_rows(("id", "value"), [("1", "a"), ("1000", "b")])
    shown = terminal.text()

    assert "\t" not in shown
    assert [line.index(mark) for line, mark in zip(shown.splitlines(), "vab", strict=True)] == [
        6
    ] * 3


def test_a_command_prints_a_table_on_a_terminal(
    terminal: Terminal, callreel: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    callreel("tenant", "create", "One")
    monkeypatch.setattr(sys, "stdout", terminal.file)

    callreel("tenant", "list")

    assert lines(terminal.text()) == ["number name", "1 One"]


def test_rows_for_pipes_hold_what_they_are_given(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows(("a", "b"), iter([("[red]", ":smile:"), ("", "ż" * 200)]))

    assert capsys.readouterr() == (f"a\tb\n[red]\t:smile:\n\t{'ż' * 200}\n", "")


def test_rows_may_be_none(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows(("a", "b"), [])

    assert capsys.readouterr().out == "a\tb\n"


def test_json_is_one_line_that_people_can_read_too(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"name": "Żółta\nŁódka", "n": None})

    assert capsys.readouterr() == ('{"name": "Żółta\\nŁódka", "n": null}\n', "")


def test_a_note_is_not_for_scripts(capsys: pytest.CaptureFixture[str]) -> None:
    note("shown this once")

    assert capsys.readouterr() == ("", "shown this once\n")


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Kolkata"])
@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "1970-01-01 00:00:00"),
        (1_772_438_405, "2026-03-02 08:00:05"),
        (253_402_300_799, "9999-12-31 23:59:59"),
        (None, ""),
    ],
)
def test_a_moment_is_written_in_utc_wherever_the_machine_is(
    in_zone: Callable[[str], None], zone: str, seconds: int | None, text: str
) -> None:
    in_zone(zone)

    assert moment(seconds) == text


def count_to(total: int, each: Callable[[Callable[[], None]], None]) -> None:
    with counting("Importing", lambda: total) as advance:
        each(advance)


def test_progress_is_shown_on_a_terminal(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stderr", terminal.file)

    def thrice(advance: Callable[[], None]) -> None:
        for _ in range(3):
            advance()

    count_to(3, thrice)
    last = lines(terminal.text())[-1]

    assert last.startswith("Importing ")
    assert "3/3" in last
    assert re.search(r"[0-9]/s", last)
    assert capsys.readouterr().out == ""


def test_progress_says_that_it_counts_while_it_does(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", terminal.file)

    def fail() -> int:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), counting("Importing", fail):
        pass

    shown = terminal.text()
    assert "Counting" in shown
    assert "Importing" not in shown


def test_progress_shows_how_far_it_came_where_it_was_cut_short(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", terminal.file)

    def stop(advance: Callable[[], None]) -> None:
        advance()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        count_to(7, stop)

    assert "1/7" in lines(terminal.text())[-1]


def test_progress_is_silent_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    asked = Mock(return_value=5)

    with counting("Importing", asked) as advance:
        advance()

    asked.assert_called_once()
    assert capsys.readouterr() == ("", "")
