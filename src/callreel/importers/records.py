"""Call records wherever they are: a table as text, a dump of a database, the database itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

from callreel.errors import Misconfigured
from callreel.importers.dump import Dump, is_dump
from callreel.importers.table import Table, TableRow

if TYPE_CHECKING:
    from callreel.importers.database import DatabaseTable

_MISSING: Final = (
    "Call records of a database need more packages: install them with pip install 'callreel[sql]', "
    "or export the table to a file."
)


class CallRecords(Protocol):
    """A table of call records.

    Attributes:
        name: What a person knows it by: the name of the file or of the table.
        columns: The names of its columns, in small letters.
    """

    name: str
    columns: list[str]

    def rows(self) -> Iterator[TableRow]:
        """Yield every row, each cell as text, with nothing in it for NULL.

        Raises:
            Misconfigured: they can no longer be read.
        """
        ...


@runtime_checkable
class Askable(Protocol):
    """Call records that can be asked for later calls only."""

    def rows_since(self, since: datetime) -> Iterator[TableRow]:
        """Yield the rows of calls that started at a time or later, by the clock of the records.

        Raises:
            Misconfigured: they can no longer be read.
        """
        ...


def rows_since(records: CallRecords, since: datetime) -> Iterator[TableRow]:
    """Yield the rows of calls that started at a time or later; where that cannot be asked, all.

    Raises:
        Misconfigured: they can no longer be read.
    """
    return records.rows_since(since) if isinstance(records, Askable) else records.rows()


def open_records(
    where: str, needed: frozenset[str], *, table: str = "cdr", known: frozenset[str] | None = None
) -> CallRecords:
    """Open call records by what they are given as.

    Args:
        where: The address of a database (`mysql://user@host/asteriskcdrdb`), a file with a dump
            of one, or a file with a table as text.
        needed: The columns that there must be.
        table: The name of the table in a dump or a database.
        known: Which columns a database is to be asked for besides, where it has them; all of
            them if left out.

    Raises:
        Misconfigured: they cannot be read, or lack a needed column.
    """
    if _is_address(where):
        return _database(where, needed, table, known)
    path = Path(where)
    return Dump(path, needed, table) if is_dump(path) else Table(path, needed)


def state_of(where: str) -> tuple[int, int] | None:
    """Return what differs once call records have changed, or None where nothing tells that.

    Args:
        where: As `open_records` has it. A file has its length and time; a database has nothing.
    """
    if _is_address(where):
        return None
    try:
        found = Path(where).stat()
    except OSError:  # whoever reads it says why it cannot be
        return None
    return found.st_size, found.st_mtime_ns


def _is_address(where: str) -> bool:
    return "://" in where


def _database(
    address: str, needed: frozenset[str], table: str, known: frozenset[str] | None
) -> DatabaseTable:
    try:
        module = import_module("callreel.importers.database")
    except ModuleNotFoundError as error:
        raise Misconfigured(_MISSING) from error
    opened: DatabaseTable = module.DatabaseTable(address, needed, table, known)
    return opened
