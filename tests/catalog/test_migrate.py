from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import apsw
import pytest

from callreel.catalog import snapshot
from callreel.catalog.migrate import Migration, migrate, migrations
from callreel.catalog.snapshot import Snapshot, is_sound
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


COUNT = len(migrations())
LATER = Migration(COUNT + 1, "later", "CREATE TABLE later (x); INSERT INTO later VALUES (1)")
LATEST = Migration(
    COUNT + 2, "latest", "DROP TABLE later; ALTER TABLE touched ADD COLUMN note TEXT"
)


def make(path: Path, steps: list[Migration]) -> None:
    """Bring a database to some steps, and a tenant into it."""

    async def run() -> None:
        catalog = SqliteCatalog(path, steps=steps)
        await catalog.add_tenant(f"known at {len(steps)}")
        await catalog.close()

    asyncio.run(run())


def copies(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.glob("*.before-*"))


def tenants(path: Path) -> list[str]:
    with Snapshot(path) as found:
        return [name for (name,) in found._connection.execute("SELECT name FROM tenant")]


def test_a_copy_is_kept_before_the_schema_changes_and_only_the_last_one(tmp_path: Path) -> None:
    path = tmp_path / "callreel.db"
    make(path, migrations())
    assert copies(tmp_path) == []
    SqliteCatalog(path)._db.close()
    assert copies(tmp_path) == []
    make(path, [*migrations(), LATER])
    before = tmp_path / f"callreel.db.before-{COUNT + 1:04d}"
    assert copies(tmp_path) == [before.name]
    assert before.stat().st_mode & 0o777 == 0o600
    assert is_sound(before)
    assert tenants(before) == [f"known at {COUNT}"]
    with Snapshot(before) as kept:
        assert kept.held().step == COUNT
    make(path, [*migrations(), LATER, LATEST])
    assert copies(tmp_path) == [f"callreel.db.before-{COUNT + 2:04d}"]


def test_the_copy_can_be_put_back(tmp_path: Path) -> None:
    path = tmp_path / "callreel.db"
    make(path, migrations())
    make(path, [*migrations(), LATER])
    (tmp_path / copies(tmp_path)[0]).replace(path)
    catalog = SqliteCatalog(path)
    assert [each.name for each in asyncio.run(catalog.tenants())] == [f"known at {COUNT}"]
    asyncio.run(catalog.close())


def test_without_room_for_the_copy_the_schema_stays_and_so_does_the_older_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "callreel.db"
    make(path, migrations())
    make(path, [*migrations(), LATER])
    kept = copies(tmp_path)

    def full(_path: Path) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(snapshot, "sync_file", full)
        with pytest.raises(Misconfigured, match="no room for the copy"):
            SqliteCatalog(path, steps=[*migrations(), LATER, LATEST])
    with Snapshot(path) as found:
        assert found.held().step == COUNT + 1
    assert copies(tmp_path) == kept
    SqliteCatalog(path, steps=[*migrations(), LATER, LATEST])._db.close()


MIGRATING = """
import os, pathlib, signal, apsw
from callreel.catalog import snapshot
from callreel.catalog.migrate import Migration, migrations
from callreel.catalog.sqlite import SqliteCatalog

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

apsw.connection_hooks.append(lambda made: made.create_scalar_function("die", die, 0))
if {in_copy}:
    snapshot.sync_file = die
steps = [*migrations()]
steps.append(Migration(len(steps) + 1, "later", {sql!r}))
SqliteCatalog(pathlib.Path({path!r}), steps=steps)
"""
PARTS = ("CREATE TABLE later (x)", "INSERT INTO later VALUES (1)", "DROP TABLE by_tag")


@pytest.mark.parametrize("place", range(-1, len(PARTS) + 1))
def test_a_kill_in_a_migration_leaves_the_old_schema_and_the_next_start_brings_the_new(
    tmp_path: Path, place: int
) -> None:
    path = tmp_path / "callreel.db"
    make(path, migrations())
    before = schema_of(apsw.Connection(str(path)))
    parts = list(PARTS)
    parts.insert(max(place, 0), "SELECT die()")
    script = MIGRATING.format(path=str(path), sql="; ".join(parts), in_copy=place < 0)

    killed = subprocess.run([sys.executable, "-c", script], check=False)

    assert killed.returncode == -signal.SIGKILL
    database = apsw.Connection(str(path))
    assert schema_of(database) == before
    assert database.execute("PRAGMA integrity_check").get == "ok"
    database.close()
    if place >= 0:
        assert is_sound(tmp_path / copies(tmp_path)[0])
    whole = Migration(COUNT + 1, "later", "; ".join(PARTS))
    make(path, [*migrations(), whole])
    assert copies(tmp_path) == [f"callreel.db.before-{COUNT + 1:04d}"]
    with Snapshot(path) as found:
        assert found.held().step == COUNT + 1
