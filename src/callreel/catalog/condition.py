"""How a database is kept: for whoever has to know whether it can be relied on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import apsw

from callreel.catalog.migrate import lacking, migrations, step_of
from callreel.catalog.sqlite_writer import BUSY_MS
from callreel.errors import Misconfigured

SAFE_SQLITE: Final = (3, 51, 3)
"""Before it, two connections could damage a database: https://sqlite.org/wal.html."""
_READ_BY: Final = 19
"""Where the header tells how the file is read; told that nobody writes, SQLite itself does not."""
_BY_LOG: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """How a database is kept.

    Attributes:
        has_log: Whether changes go through a log, SQLite's `journal_mode=wal`.
        step: The last step of the schema that was applied, or None where the file is not ours.
        lacks: Tables, columns, indexes and views that it should have by that step.
        has_recordings: Whether there are any.
        newest_step: The last step that this version knows.
    """

    has_log: bool
    step: int | None
    lacks: list[str]
    has_recordings: bool
    newest_step: int


def sqlite_version() -> tuple[int, ...]:
    """Return the version of the SQLite in use."""
    return tuple(map(int, apsw.sqlite_lib_version().split(".")))


def condition_of(path: Path) -> Condition:
    """Look at a database, and change nothing: neither the file nor what stands beside it.

    Raises:
        Misconfigured: it is an empty file, or it cannot be opened.
    """
    if not path.stat().st_size:
        raise Misconfigured(
            f"{path.name} in the data folder is an empty file; put the database back, or remove "
            "the file to begin anew."
        )
    # Before SQLite opens it: to close a file ends all locks that the process has on it.
    header = _header(path)
    try:
        with _unchanged(path) as database:
            step, lacks = step_of(database), lacking(database)
            has_entries = step is not None and "entry" not in lacks
            return Condition(
                has_log=header[_READ_BY] == _BY_LOG,
                step=step,
                lacks=lacks,
                has_recordings=bool(
                    has_entries and database.execute("SELECT 1 FROM entry LIMIT 1").get
                ),
                newest_step=migrations()[-1].number,
            )
    except apsw.Error as error:
        raise Misconfigured(f"The database cannot be opened: {error}.") from error


def _header(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(100)


def is_blank(path: Path) -> bool:
    """Say whether a database was never ours, or is nothing any more; it is only looked at.

    One that cannot be read is not blank: who opens it says what is wrong with it.
    """
    try:
        return _step_at(path) is None
    except apsw.Error:
        return False


def is_outdated(path: Path) -> bool:
    """Say whether whoever opens a database brings its schema up to date; it is only looked at."""
    try:
        return 0 < (_step_at(path) or 0) < migrations()[-1].number
    except apsw.Error:
        return False


def _step_at(path: Path) -> int | None:
    if not path.stat().st_size:
        return None
    with _unchanged(path) as database:
        return step_of(database)


@contextmanager
def _unchanged(path: Path) -> Iterator[apsw.Connection]:
    """Open a database so that nothing is written.

    Without a log beside it, SQLite would make one even to read; so it is told that nobody writes.
    """
    has_log = path.with_name(f"{path.name}-wal").exists()
    place = f"{path.absolute().as_uri()}?{'mode=ro' if has_log else 'immutable=1'}"
    flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
    with closing(apsw.Connection(place, flags=flags)) as database:
        database.set_busy_timeout(BUSY_MS)
        yield database
