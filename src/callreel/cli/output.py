"""How commands print: tables for people, lines with tabs for pipes, JSON for scripts."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final, Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from callreel.errors import CallreelError

INTERRUPTED: Final = 130
"""The exit code of a command that Ctrl-C ended, as shells have it."""
COULD_NOT_RUN: Final = 2
"""That of a command whose 1 says that it found something, where it could not look."""


def looked(look: Callable[[], int], interrupted: str) -> int:
    """Return the exit code of a command that looks for what is wrong.

    Args:
        look: Looks, and returns what the code is then.
        interrupted: What is told where Ctrl-C ends it.
    """
    try:
        return look()
    except KeyboardInterrupt:
        note(f"callreel: {interrupted}")
        return INTERRUPTED
    except CallreelError as error:
        note(f"callreel: {error.message}")
        return COULD_NOT_RUN


def print_json(value: object) -> None:
    """Print a value as one line of JSON."""
    print(json.dumps(value, ensure_ascii=False), flush=True)


def print_rows(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table on a terminal, and rows with tabs where something else reads."""
    if not sys.stdout.isatty():
        for row in (headings, *rows):
            print("\t".join(row))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*row)
    Console(emoji=False).print(table, markup=False)


def print_objects(
    headings: Sequence[str], objects: Sequence[Mapping[str, object]], *, as_json: bool
) -> None:
    """Print objects: as JSON with all they hold, or what stands under the headings as a table."""
    if as_json:
        print_json(objects)
        return
    print_rows(headings, [[_cell(each[heading]) for heading in headings] for each in objects])


def _cell(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{count} {name}" for name, count in value.items()) or "-"
    if isinstance(value, list):
        return ",".join(map(str, value))
    return "-" if value is None else str(value)


class Advance(Protocol):
    """Says that one more is done, or how many are."""

    def __call__(self, to: int | None = None) -> None: ...


@contextmanager
def counting(title: str, count: Callable[[], int]) -> Iterator[Advance]:
    """Show how far something is, how fast it goes and how long it takes, on a terminal only.

    Args:
        title: What goes on.
        count: Tells of how many; called first, and may itself take a while.

    Yields:
        A function to call after each, or with how many there were so far.
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _RateColumn(),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("Counting", total=None)
        progress.update(task, total=count(), description=title)
        progress.reset(task)

        def advance(to: int | None = None) -> None:
            if to is None:
                progress.advance(task)
            else:
                progress.update(task, completed=to)

        yield advance


class _RateColumn(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text("" if task.speed is None else f"{task.speed:,.0f}/s")


def note(text: str) -> None:
    """Tell a person something that no script should read."""
    print(text, file=sys.stderr, flush=True)


def moment(seconds: int | None) -> str:
    """Write a time as UTC, or nothing."""
    return "" if seconds is None else f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}"
