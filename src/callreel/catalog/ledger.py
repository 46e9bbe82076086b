"""The ledger: what was imported, and what became of each thing that an import met."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from callreel.model import Reach, Span


@dataclass(frozen=True, slots=True)
class ImportRun:
    """One run of an import.

    Attributes:
        number: Its number, over all tenants.
        tenant: Whose recordings it brought.
        format: The format's name.
        began_at, ended_at: Seconds UTC; the end is None while it runs, and where it was cut short.
        undone_at: When it was undone, or None.
        files, rows: How many of each became what.
    """

    number: int
    tenant: int
    format: str
    began_at: int
    ended_at: int | None = None
    undone_at: int | None = None
    files: Mapping[str, int] = field(default_factory=dict)
    rows: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportItem:
    """What became of a file or of a row of call records.

    Attributes:
        place: The file, or the file and the line; safe to print.
        is_row: Which of the two.
        became: What.
        fault, reason: Where it was not taken in, why: the kind, and a sentence.
        notes: What a person should know all the same.
        recording: The id of the recording that was taken in or was there already, or None.
    """

    place: str
    is_row: bool
    became: str
    fault: str | None = None
    reason: str | None = None
    notes: tuple[str, ...] = ()
    recording: str | None = None


@dataclass(frozen=True, slots=True)
class Brought:
    """A recording that an import brought and that is still there.

    Attributes:
        id: Its id.
        is_touched: Whether someone has tagged or heard it.
    """

    id: str
    is_touched: bool


WatchedFile = tuple[bytes, int, float]
"""A file of a watched folder: its path below it, its size in bytes, when it was written (UTC)."""


class Ledger(Protocol):
    """Imports. A write has reached stable storage when its method returns."""

    async def begin_import(self, tenant: int, format_name: str, at: int) -> int:
        """Begin an import and return its number."""
        ...

    async def note_items(self, run: int, items: Sequence[ImportItem]) -> None:
        """Note what became of things, in the order in which they are to be shown."""
        ...

    async def end_import(self, run: int, at: int) -> None:
        """Note that an import came to its end."""
        ...

    async def imports(self, tenant: int | None = None) -> list[ImportRun]:
        """Return the imports, of one tenant or all, newest first."""
        ...

    async def import_run(self, run: int) -> ImportRun:
        """Return one import.

        Raises:
            NotFound: there is none of this number.
        """
        ...

    async def import_items(
        self,
        run: int,
        after: int,
        limit: int,
        became: frozenset[str] | None = None,
        faults: frozenset[str] | None = None,
    ) -> list[tuple[int, ImportItem]]:
        """Return what became of things, each with its number, in order.

        Args:
            run: The import.
            after: Only those with higher numbers; they begin at 1.
            limit: At most so many.
            became: Only those that became one of these, or None for all.
            faults: Only those that were not taken in for one of these kinds of reason, or None.
        """
        ...

    async def brought(self, run: int) -> list[Brought]:
        """Return the recordings that an import brought and that are still there."""
        ...

    async def note_undone(self, run: int, at: int) -> None:
        """Note that an import was undone; what a mirror's tenant has mirrored is forgotten."""
        ...

    async def touch(self, reach: Reach, recording_id: str, at: int) -> None:
        """Note that someone heard a recording; nothing happens where there is none."""
        ...

    async def watched_files(self, tenant: int, folder: str) -> list[WatchedFile]:
        """Return the files of a watched folder that need not be looked at again."""
        ...

    async def note_watched(self, tenant: int, folder: str, files: Sequence[WatchedFile]) -> None:
        """Note files of a watched folder, each in place of what was noted of its path before."""
        ...

    async def mirrored(self, tenant: int, account: bytes) -> list[Span]:
        """Return when calls of an account elsewhere started that are all taken in.

        Spans of seconds UTC, ascending, with a gap between each and the next.
        """
        ...

    async def note_mirrored(self, tenant: int, account: bytes, span: Span) -> None:
        """Note that all calls of an account that started in a span are taken in."""
        ...
