"""How a database is kept: for whoever has to know whether it can be relied on."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import apsw

from callreel.catalog.migrate import migrations, step_of
from callreel.catalog.sqlite_db import open_writer
from callreel.errors import Misconfigured

SAFE_SQLITE: Final = (3, 51, 3)
"""Before it, two connections could damage a database: https://sqlite.org/wal.html."""
_SYNCHRONOUS: Final = ("OFF", "NORMAL", "FULL", "EXTRA")


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """How a database is kept.

    Attributes:
        journal: SQLite's `journal_mode`, as it is once we have opened it.
        synchronous: SQLite's `synchronous` by name, as we write with it.
        step: The last step of the schema that was applied, or None where the file is not ours.
        has_recordings: Whether there are any.
        newest_step: The last step that this version knows.
    """

    journal: str
    synchronous: str
    step: int | None
    has_recordings: bool
    newest_step: int


def sqlite_version() -> tuple[int, ...]:
    """Return the version of the SQLite in use."""
    return tuple(map(int, apsw.sqlite_lib_version().split(".")))


def condition_of(path: Path) -> Condition:
    """Open a database as the archive does, but without bringing it up to date.

    Raises:
        Misconfigured: it cannot be opened or written to.
    """
    try:
        with closing(open_writer(path)) as database:
            database.execute("BEGIN IMMEDIATE; ROLLBACK")
            step = step_of(database)
            return Condition(
                journal=str(database.execute("PRAGMA journal_mode").get),
                synchronous=_SYNCHRONOUS[database.execute("PRAGMA synchronous").get],
                step=step,
                has_recordings=bool(step and database.execute("SELECT 1 FROM entry LIMIT 1").get),
                newest_step=migrations()[-1].number,
            )
    except apsw.Error as error:
        raise Misconfigured(f"The database cannot be opened: {error}.") from error
