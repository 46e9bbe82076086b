from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from callreel.catalog.migrate import Migration, migrate, migrations
from callreel.catalog.sqlite import SqliteCatalog
from callreel.errors import Misconfigured


def schema_of(connection: apsw.Connection) -> list[tuple[str, str]]:
    rows = connection.execute("SELECT name, sql FROM sqlite_schema WHERE sql NOT NULL ORDER BY 1")
    return [(str(name), " ".join(str(sql).split())) for name, sql in rows]


def test_the_steps_are_numbered_without_gaps() -> None:
    assert [step.number for step in migrations()] == list(range(1, len(migrations()) + 1))


def test_a_fresh_database_equals_one_that_was_migrated_step_by_step() -> None:
    fresh, stepped = apsw.Connection(":memory:"), apsw.Connection(":memory:")
    extra = Migration(len(migrations()) + 1, "later", "ALTER TABLE entry ADD COLUMN note TEXT")
    steps = [*migrations(), extra]
    migrate(fresh, steps)
    for count in range(1, len(steps) + 1):
        migrate(stepped, steps[:count])
    assert schema_of(fresh) == schema_of(stepped)
    assert fresh.execute("SELECT number, name FROM migration").fetchall() == [
        (step.number, step.name) for step in steps
    ]


def test_a_step_that_fails_leaves_the_schema_as_it_was() -> None:
    connection = apsw.Connection(":memory:")
    migrate(connection, migrations())
    before = schema_of(connection)
    bad = Migration(len(migrations()) + 1, "bad", "CREATE TABLE fine (x); CREATE TABLE fine (x)")
    with pytest.raises(apsw.SQLError):
        migrate(connection, [*migrations(), bad])
    assert schema_of(connection) == before
    migrate(connection, migrations())


def test_a_database_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    later = Migration(len(migrations()) + 1, "later", "CREATE TABLE later (x)")
    path = tmp_path / "callreel.db"
    SqliteCatalog(path, steps=[*migrations(), later])._db.close()
    with pytest.raises(Misconfigured, match="newer version"):
        SqliteCatalog(path)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "callreel.db"
    path.write_bytes(b"hello, I am no database at all" * 100)
    with pytest.raises(Misconfigured, match="no database of ours"):
        SqliteCatalog(path)
