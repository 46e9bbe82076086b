"""Exports: the whole of a list in one file, written at flat memory.

A `Writer` knows a format and writes into a `Draft`, which becomes the finished file only when it
is whole. Formats that name the fields of a record are in `api.exporting`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final, Protocol

from callreel.model import DEFAULT_SORT, CallFilter, Position, SortKey

UNREADABLE: Final = "unreadable"
"""In `Draft.numbers`: of how many recordings the audio could not be put into the export."""


class Output(Protocol):
    """Bytes that only ever grow."""

    @property
    def size(self) -> int:
        """How many there are."""
        ...

    def write(self, piece: bytes) -> None:
        """Append bytes.

        Raises:
            StorageFull: there is no room.
            Misconfigured: they cannot be written.
        """
        ...


class Draft(Protocol):
    """An export that is being written.

    Attributes:
        position: Behind which place of the list to go on, or None for its beginning.
        numbers: What writers count; kept with the draft.
    """

    position: Position | None
    numbers: dict[str, int]

    @property
    def main(self) -> Output:
        """What becomes the finished file."""
        ...

    def side(self, name: str) -> Output:
        """Return bytes that are kept beside it until it is finished."""
        ...

    def read_side(self, name: str) -> BinaryIO:
        """Return them from their beginning, to be read and closed; write no more to them."""
        ...

    def add_file(self, name: str) -> Output:
        """Begin a file of its own, where the export is a folder; the one before is finished."""
        ...

    def note(self, position: Position) -> None:
        """Note that all up to this place of the list was written."""
        ...

    def finish(self) -> None:
        """Put the export on stable storage, under its name."""
        ...


class Writer(Protocol):
    """Writes records in a format."""

    async def add(self, records: Sequence[bytes]) -> None:
        """Write records, each the public JSON of a recording.

        Raises:
            StorageFull, Misconfigured: as `Output.write`.
            Unavailable: the archive cannot go on.
        """
        ...

    async def finish(self) -> None:
        """Write what belongs at the end."""
        ...


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be exported.

    Attributes:
        filter: Which calls.
        sort: In which order.
        opening: What comes before each body (see `Catalog.page`).
    """

    filter: CallFilter
    opening: bytes
    sort: tuple[SortKey, ...] = DEFAULT_SORT
