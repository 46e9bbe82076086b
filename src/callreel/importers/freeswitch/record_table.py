"""Records that `mod_cdr_csv` writes: a line for each channel, by a template that is free text.

The template `example` that comes with FreeSWITCH is known; of another one the columns are named,
by the variables that the template has, or in a header line that somebody put before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from callreel.errors import Misconfigured
from callreel.importers.asterisk.columns import Shape
from callreel.importers.asterisk.records import Headerless
from callreel.importers.freeswitch.record import Record
from callreel.importers.items import Refusal
from callreel.importers.source import Source
from callreel.importers.table import Table, TableRow, open_text
from callreel.importers.tree import Found

EXAMPLE: Final = (
    *("caller_id_name", "caller_id_number", "destination_number", "context", "start_stamp"),
    *("answer_stamp", "end_stamp", "duration", "billsec", "hangup_cause", "uuid", "bleg_uuid"),
    *("accountcode", "read_codec", "write_codec"),
)
_START: Final = ("start_uepoch", "start_epoch", "start_stamp")
_LONGEST_HEADER: Final = 4096


@dataclass(frozen=True, slots=True)
class RecordRow:
    """A row.

    Attributes:
        found: The table.
        where: The table and the line, safe to print.
        uuid: Nothing: a row has no name.
    """

    found: Found
    where: str
    row: TableRow
    uuid: str = ""

    def read(self) -> Record:
        """Return the record.

        Raises:
            ValueError: the row is broken; the message is for the user.
        """
        if self.row.fault is not None:
            raise ValueError(self.row.fault)
        return Record(self.row.cells)


class RecordTable:
    """A file of `mod_cdr_csv`."""

    def __init__(self, path: Path, source: Source) -> None:
        """Open it.

        Raises:
            Misconfigured: it cannot be read, or its columns or its time zone are not known.
        """
        self._path = path
        names = _given(source.columns) or _header(path) or EXAMPLE
        if "uuid" not in names or not set(names) & set(_START):
            raise Misconfigured(
                "The call records need the columns uuid and start_stamp or start_epoch; name them "
                "all with --columns, in their order, as FreeSWITCH names its variables."
            )
        if not set(names) & set(_START[:2]):
            source.need_zone()
        self._table = (
            Table(path, frozenset({"uuid"}))
            if source.columns is None and _header(path)
            else Headerless(path, _shape(names), ",")
        )

    def walk(self) -> Iterator[RecordRow | Refusal]:
        """Yield each row.

        Raises:
            Misconfigured: the file can no longer be read.
        """
        found = self._found()
        for row in self._table.rows():
            yield RecordRow(found, f"{found.where}:{row.line}", row)

    def has_news(self, is_news: Callable[[Found], bool]) -> bool:
        """Say whether the file is one to look at."""
        return is_news(self._found())

    def speaks_of(self, path: Path) -> bool:
        """Say whether a file is this one."""
        return path == self._path

    def _found(self) -> Found:
        try:
            info = self._path.stat()
        except OSError as error:
            raise Misconfigured("The file of call records vanished.") from error
        return Found((self._path.name,), info.st_size, info.st_mtime)


def _given(columns: str | None) -> tuple[str, ...]:
    return () if columns is None else tuple(each.strip().lower() for each in columns.split(","))


def _header(path: Path) -> tuple[str, ...]:
    """Return the columns that the first line names, or none where it is a record."""
    with open_text(path) as stream:
        first = stream.readline(_LONGEST_HEADER)
    cells = tuple(cell.strip().strip('"').lower() for cell in first.split(","))
    return cells if "uuid" in cells else ()


def _shape(names: tuple[str, ...]) -> Shape:
    def named(cells: Sequence[str]) -> tuple[str, ...] | None:
        return names if len(cells) == len(names) else None

    return named
