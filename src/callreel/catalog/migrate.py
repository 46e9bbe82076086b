"""Numbered migrations: applied in order, each in a transaction with the note that it was."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from importlib.resources import files

import apsw

from callreel.errors import Misconfigured

_NAME = re.compile(r"(\d{4})_(\w+)\.sql")


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema: the number gives its place, the text is plain SQL."""

    number: int
    name: str
    sql: str


def migrations(dialect: str = "sqlite") -> list[Migration]:
    """Return the migrations that this version knows, in order."""
    folder = files("callreel.catalog").joinpath("migrations", dialect)
    found = [
        Migration(int(match[1]), match[2], file.read_text(encoding="utf-8"))
        for file in folder.iterdir()
        if (match := _NAME.fullmatch(file.name))
    ]
    return sorted(found, key=lambda migration: migration.number)


def migrate(connection: apsw.Connection, steps: list[Migration]) -> None:
    """Bring a database up to the newest of the steps; one that is there already stays as it is.

    Raises:
        Misconfigured: the database was written by a newer version.
    """
    if _step_of(connection) == steps[-1].number:
        return  # without waiting for whoever writes just now
    connection.execute("BEGIN IMMEDIATE")
    try:
        _apply(connection, steps)
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def require_newest(connection: apsw.Connection, steps: list[Migration]) -> None:
    """Return if a database is at the newest of the steps, without changing it.

    Raises:
        Misconfigured: it is not.
    """
    applied = _step_of(connection)
    if applied is None:
        raise Misconfigured("The database is not of this program.")
    if applied != steps[-1].number:
        raise Misconfigured(
            f"The database is at step {applied} and this version writes {steps[-1].number}; any "
            "command that writes brings it up to date, such as `callreel serve`."
        )


def _step_of(connection: apsw.Connection) -> int | None:
    """Return the last step that was applied, or None where none ever was."""
    is_ours = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'migration'"
    if connection.execute(is_ours).get is None:
        return None
    return int(connection.execute("SELECT coalesce(max(number), 0) FROM migration").get)


def _apply(connection: apsw.Connection, steps: list[Migration]) -> None:
    connection.execute(
        "CREATE TABLE IF NOT EXISTS migration "
        "(number INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL) STRICT"
    )
    applied = _step_of(connection) or 0
    if applied > steps[-1].number:
        raise Misconfigured(
            f"The database is at step {applied} and this version knows {steps[-1].number}; "
            "use the newer version that wrote it."
        )
    for step in steps:
        if step.number > applied:
            connection.execute(step.sql)
            connection.execute(
                "INSERT INTO migration VALUES (?, ?, ?)", (step.number, step.name, int(time.time()))
            )
