"""Numbered migrations: applied in order, each in a transaction with the note that it was."""

from __future__ import annotations

import re
import time
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Final

import apsw

from callreel.catalog.snapshot import Snapshot
from callreel.errors import Misconfigured, StorageFull

BEFORE: Final = ".before-"
"""Stands between the name of a database and the step, in the name of the copy before the step."""
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

    Before the schema of a database changes, a copy of it is kept beside it: `….before-0005` is what
    it was before step 5. There is one such copy, that of the last change.

    Raises:
        Misconfigured: the database was written by a newer version, or there is no room for the
            copy.
    """
    if step_of(connection) == steps[-1].number:
        return  # without waiting for whoever writes just now
    connection.execute("BEGIN IMMEDIATE")
    try:
        applied = step_of(connection) or 0
        if 0 < applied < steps[-1].number and connection.filename:
            _keep_before(Path(connection.filename), applied + 1)
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
    applied = step_of(connection)
    if applied is None:
        raise Misconfigured("The database is not of this program.")
    if applied != steps[-1].number:
        raise Misconfigured(
            f"The database is at step {applied} and this version writes {steps[-1].number}; any "
            "command that writes brings it up to date, such as `callreel serve`."
        )


def step_of(connection: apsw.Connection) -> int | None:
    """Return the last step that was applied, or None where none ever was."""
    is_ours = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'migration'"
    if connection.execute(is_ours).get is None:
        return None
    last = connection.execute("SELECT max(number) FROM migration").get
    return None if last is None else int(last)


def lacking(connection: apsw.Connection) -> list[str]:
    """Return which tables, columns, indexes and views of its step a database does not have.

    Of a database that is not ours, or of a newer version, nobody here knows that.
    """
    step = step_of(connection)
    lost = set() if step is None else _parts_at(step) - _parts_of(connection)
    return sorted(lost - {each for each in lost if each.rpartition(".")[0] in lost})


@lru_cache(maxsize=2)
def _parts_at(step: int) -> frozenset[str]:
    """Return the parts of the schema at a step, or none where this version does not know it."""
    steps = migrations()
    if step > steps[-1].number:
        return frozenset()
    with closing(apsw.Connection(":memory:")) as made:
        _apply(made, [each for each in steps if each.number <= step])
        return frozenset(_parts_of(made))


def _parts_of(connection: apsw.Connection) -> set[str]:
    sql = (
        "SELECT name FROM sqlite_schema WHERE name NOT LIKE 'sqlite%' UNION ALL "
        "SELECT t.name || '.' || c.name FROM sqlite_schema t, pragma_table_info(t.name) c "
        "WHERE t.type = 'table'"
    )
    return {str(name) for (name,) in connection.execute(sql).fetchall()}


def _keep_before(path: Path, step: int) -> None:
    """Keep a copy of the database; nobody writes to it meanwhile, as we are about to."""
    kept = path.with_name(f"{path.name}{BEFORE}{step:04d}")
    try:
        with Snapshot(path) as snapshot:
            snapshot.copy_to(kept)
    except StorageFull as error:
        raise Misconfigured(
            "There is no room for the copy of the database that is kept before its schema changes; "
            "make room for as much as it takes, and start again."
        ) from error
    for each in path.parent.glob(f"{path.name}{BEFORE}*"):
        if each != kept:
            each.unlink(missing_ok=True)


def _apply(connection: apsw.Connection, steps: list[Migration]) -> None:
    connection.execute(
        "CREATE TABLE IF NOT EXISTS migration "
        "(number INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL) STRICT"
    )
    applied = step_of(connection) or 0
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
