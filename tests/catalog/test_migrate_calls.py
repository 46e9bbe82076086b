"""What becomes of an archive of before calls were listed."""

from __future__ import annotations

import asyncio
import json
import shutil
from dataclasses import replace
from pathlib import Path

import apsw

from callreel.api.wire import Bodies
from callreel.archive.facts import facts_reader
from callreel.catalog.bounds import first_key
from callreel.catalog.deletions import Deletion
from callreel.catalog.migrate import migrate, migrations
from callreel.catalog.sqlite import SqliteCatalog
from callreel.model import DialogType, Direction, Reach, Recording, Span, State
from exporting.exports import entry_of, no_audio
from house import CALL


def test_recordings_of_before_calls_were_listed_become_calls(tmp_path: Path) -> None:
    new, old = tmp_path / "new.db", tmp_path / "old.db"
    catalog = SqliteCatalog(new)
    entries = [entry_of(Recording(f"r-{n}", call, no_audio())) for n, call in enumerate(CALLS)]

    async def play() -> None:
        await catalog.add_tenant("one")
        await catalog.add(1, entries)
        await catalog.withdraw(Reach(1), "r-4", State.SUSPECT, facts_reader(Bodies()))
        await catalog.close()

    asyncio.run(play())
    shutil.copy(new, old)
    connection = apsw.Connection(str(old))
    views = "SELECT 'DROP VIEW ' || name FROM sqlite_schema WHERE type = 'view'"
    tables = (
        "SELECT 'DROP TABLE ' || name FROM sqlite_schema WHERE type = 'table' AND "
        "(name GLOB 'unrecorded*' OR name IN "
        "('deletion', 'further', 'by_kind', 'by_source_call', 'archive', 'key_use'))"
    )
    for names in (views, tables):
        for (statement,) in connection.execute(names).fetchall():
            connection.execute(str(statement))
    connection.execute(
        "ALTER TABLE entry DROP COLUMN dialog; ALTER TABLE day_count DROP COLUMN extra; "
        "ALTER TABLE entry DROP COLUMN has_call_record; "
        "DELETE FROM migration WHERE number > 4"
    )
    migrate(connection, migrations())
    migrated, fresh = _rows(connection), _rows(apsw.Connection(str(new)))
    assert migrated == fresh
    assert len(fresh["further"]) == 1
    assert len(fresh["by_source_call"]) == 3
    assert len(fresh["by_kind"]) == 4


def test_a_deletion_that_was_under_way_becomes_one_for_good(tmp_path: Path) -> None:
    connection = apsw.Connection(str(tmp_path / "old.db"))
    migrate(connection, migrations()[:5])
    connection.execute("INSERT INTO tenant (number, name) VALUES (1, 'one')")
    connection.executemany(
        "INSERT INTO entry (k, tenant, id, state, digest, fingerprint, arrived_at, source) "
        "VALUES (?, 1, ?, ?, x'', x'', 0, 'api')",
        [(1, "going", "deleting"), (2, "there", "available"), (3, "odd", "suspect")],
    )
    migrate(connection, migrations())
    connection.close()
    catalog = SqliteCatalog(tmp_path / "old.db")
    (found,) = asyncio.run(catalog.deletions(1, (0, ""), 9))
    assert found.id == "going"
    assert asyncio.run(catalog.without_call_record(Reach(1), Span())) == frozenset()
    asyncio.run(catalog.close())


def test_what_was_deleted_before_deletions_knew_their_calls_is_not_missed(tmp_path: Path) -> None:
    entry = entry_of(Recording("gone", CALL, no_audio()))
    call = json.dumps([CALL.hung_up_at, 1, None, None, [], [], None, None, None])
    connection = apsw.Connection(str(tmp_path / "old.db"))
    migrate(connection, migrations()[:6])
    connection.execute("INSERT INTO tenant (number, name) VALUES (1, 'one')")
    connection.execute("INSERT INTO deletion VALUES (1, 'gone', 5)")
    connection.execute(
        "INSERT INTO unrecorded (k, is_listed, body, dialog, facts, arrived_at, source, deleted) "
        "VALUES (?, 1, x'', ?, ?, 0, 'api', 1)",
        (first_key(1, CALL.started_at), CALL.dialog_id, call),
    )
    connection.close()
    catalog = SqliteCatalog(tmp_path / "old.db")

    async def play() -> None:
        of_call = (CALL.started_at, CALL.dialog_id)
        assert await catalog.deletions(1, (0, ""), 9) == [Deletion(1, "gone", 5)]
        assert await catalog.calls_of_deleted(Reach(1), Span()) == {of_call}
        await catalog.add(1, [entry], deleted_too=True)
        assert await catalog.calls_of_deleted(Reach(1), Span()) == frozenset()
        await catalog.close()

    asyncio.run(play())


TABLES = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
CALLS = [
    replace(CALL, dialog_id="a", source_call_id="1.7"),
    replace(CALL, dialog_id="b", source_call_id=None, direction=Direction.OUTBOUND),
    replace(CALL, dialog_id='"b" \\ ż', source_call_id="é"),
    replace(CALL, dialog_id="a", source_call_id="1.7", dialog_type=DialogType.BOT),
    replace(CALL, dialog_id="c", source_call_id="1.8", started_at=CALL.started_at - 1),
]


def _rows(connection: apsw.Connection) -> dict[str, list[tuple[object, ...]]]:
    return {
        str(table): sorted(connection.execute(f"SELECT * FROM {table}"), key=repr)  # noqa: S608 - a table of ours
        for (table,) in connection.execute(TABLES).fetchall()
        if table not in {"migration", "archive"}  # which no two databases have the same
    }
