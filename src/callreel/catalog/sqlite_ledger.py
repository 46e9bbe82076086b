"""The ledger in SQLite; the writing functions run inside a transaction of the writer."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import apsw

from callreel.catalog.bounds import narrowing
from callreel.catalog.ledger import Brought, ImportItem, ImportRun, WatchedFile
from callreel.catalog.outbox import EventKind
from callreel.catalog.sqlite_outbox import tell
from callreel.errors import NotFound
from callreel.model import Reach, Span

_RUN_COLUMNS: Final = "number, tenant, format, began_at, ended_at, undone_at"
MIRROR: Final = "mirror"
_ITEM_COLUMNS: Final = "place, is_row, became, fault, reason, notes, recording"


def begin_import(connection: apsw.Connection, tenant: int, format_name: str, at: int) -> int:
    """Begin an import (see `Ledger.begin_import`)."""
    sql = "INSERT INTO import_run (tenant, format, began_at) VALUES (?, ?, ?) RETURNING number"
    return int(connection.execute(sql, (tenant, format_name, at)).get)


def note_items(connection: apsw.Connection, run: int, items: Sequence[ImportItem]) -> None:
    """Note what became of things (see `Ledger.note_items`)."""
    sql = "SELECT coalesce(max(number), 0) FROM import_item WHERE run = ?"
    first = connection.execute(sql, (run,)).get + 1
    connection.executemany(
        f"INSERT INTO import_item (run, number, {_ITEM_COLUMNS}) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        ((run, number, *_values(item)) for number, item in enumerate(items, first)),
    )
    totals = Counter((item.is_row, item.became) for item in items)
    connection.executemany(
        "INSERT INTO import_total VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET n = n + excluded.n",
        ((run, is_row, became, n) for (is_row, became), n in totals.items()),
    )


def _values(item: ImportItem) -> tuple[Any, ...]:
    notes = json.dumps(item.notes) if item.notes else None
    return item.place, item.is_row, item.became, item.fault, item.reason, notes, item.recording


def end_import(connection: apsw.Connection, run: int, at: int) -> None:
    """Note that an import came to its end."""
    sql = "UPDATE import_run SET ended_at = ? WHERE number = ? RETURNING tenant"
    tenant = connection.execute(sql, (at, run)).get
    if tenant is not None:
        tell(connection, int(tenant), EventKind.IMPORTED, [str(run)])


def note_undone(connection: apsw.Connection, run: int, at: int) -> None:
    """Note that an import was undone (see `Ledger.note_undone`)."""
    connection.execute("UPDATE import_run SET undone_at = ? WHERE number = ?", (at, run))
    sql = (
        "DELETE FROM mirrored WHERE tenant = "
        "(SELECT tenant FROM import_run WHERE number = ? AND format = ?)"
    )
    connection.execute(sql, (run, MIRROR))


def imports(connection: apsw.Connection, tenant: int | None) -> list[ImportRun]:
    """Return the imports, newest first."""
    sql = (
        f"SELECT {_RUN_COLUMNS} FROM import_run WHERE ?1 IS NULL OR tenant = ?1 "
        "ORDER BY number DESC"
    )
    rows: list[Any] = connection.execute(sql, (tenant,)).fetchall()
    return [_run(connection, row) for row in rows]


def import_run(connection: apsw.Connection, run: int) -> ImportRun:
    """Return one import (see `Ledger.import_run`)."""
    sql = f"SELECT {_RUN_COLUMNS} FROM import_run WHERE number = ?"
    row: Any = connection.execute(sql, (run,)).fetchone()
    if row is None:
        raise NotFound(f"There is no import {run}.")
    return _run(connection, row)


def _run(connection: apsw.Connection, row: tuple[Any, ...]) -> ImportRun:
    sql = "SELECT is_row, became, n FROM import_total WHERE run = ?"
    totals: list[Any] = connection.execute(sql, (row[0],)).fetchall()
    files, rows = ({b: n for is_row, b, n in totals if is_row == which} for which in (0, 1))
    number, tenant, format_name, began_at, ended_at, undone_at = row
    return ImportRun(number, tenant, format_name, began_at, ended_at, undone_at, files, rows)


def import_items(
    connection: apsw.Connection,
    run: int,
    after: int,
    limit: int,
    only: tuple[frozenset[str] | None, frozenset[str] | None],
) -> list[tuple[int, ImportItem]]:
    """Return what became of things: of these and for these faults (see `Ledger.import_items`)."""
    sql = (
        f"SELECT number, {_ITEM_COLUMNS} FROM import_item WHERE run = ?1 AND number > ?2 "
        "AND (?3 IS NULL OR became IN (SELECT value FROM json_each(?3))) "
        "AND (?4 IS NULL OR fault IN (SELECT value FROM json_each(?4))) ORDER BY number LIMIT ?5"
    )
    wanted = [None if each is None else json.dumps(sorted(each)) for each in only]
    rows: list[Any] = connection.execute(sql, (run, after, *wanted, limit)).fetchall()
    return [(row[0], _item(row[1:])) for row in rows]


def _item(row: tuple[Any, ...]) -> ImportItem:
    place, is_row, became, fault, reason, notes, recording = row
    return ImportItem(
        place=place,
        is_row=bool(is_row),
        became=became,
        fault=fault,
        reason=reason,
        notes=tuple(json.loads(notes)) if notes else (),
        recording=recording,
    )


def brought(connection: apsw.Connection, run: int) -> list[Brought]:
    """Return what an import brought that is still there (see `Ledger.brought`)."""
    sql = (
        "SELECT id, EXISTS (SELECT 1 FROM touched t WHERE t.k = e.k) FROM entry e "
        "WHERE import_run = ? AND state <> 'deleting' ORDER BY k"
    )
    rows: list[Any] = connection.execute(sql, (run,)).fetchall()
    return [Brought(an_id, bool(touched)) for an_id, touched in rows]


def is_touched(connection: apsw.Connection, reach: Reach, recording_id: str) -> bool:
    """Say whether touching would change nothing."""
    k = _key(connection, reach, recording_id)
    return k is None or connection.execute("SELECT 1 FROM touched WHERE k = ?", (k,)).get == 1


def touch(connection: apsw.Connection, reach: Reach, recording_id: str, at: int) -> None:
    """Note that someone heard a recording (see `Ledger.touch`)."""
    k = _key(connection, reach, recording_id)
    if k is not None:
        connection.execute("INSERT OR IGNORE INTO touched VALUES (?, ?)", (k, at))


def _key(connection: apsw.Connection, reach: Reach, recording_id: str) -> int | None:
    narrow = narrowing(reach)
    sql = f"SELECT k FROM entry d WHERE d.tenant = ? AND d.id = ?{narrow.where}"
    k: int | None = connection.execute(sql, (reach.tenant, recording_id, *narrow.args)).get
    return k


def watched_files(connection: apsw.Connection, tenant: int, folder: str) -> list[WatchedFile]:
    """Return the files that need not be looked at again (see `Ledger.watched_files`)."""
    sql = "SELECT place, size, modified_at FROM watched_file WHERE tenant = ? AND folder = ?"
    rows: list[Any] = connection.execute(sql, (tenant, folder)).fetchall()
    return rows


def note_watched(
    connection: apsw.Connection, tenant: int, folder: str, files: Sequence[WatchedFile]
) -> None:
    """Note files of a watched folder (see `Ledger.note_watched`)."""
    connection.executemany(
        "INSERT OR REPLACE INTO watched_file VALUES (?, ?, ?, ?, ?)",
        ((tenant, folder, *file) for file in files),
    )


def mirrored(connection: apsw.Connection, tenant: int, account: bytes) -> list[Span]:
    """Return the spans that are mirrored (see `Ledger.mirrored`)."""
    sql = "SELECT low, high FROM mirrored WHERE tenant = ? AND account = ? ORDER BY low"
    rows: list[Any] = connection.execute(sql, (tenant, account)).fetchall()
    return [Span(low, high) for low, high in rows]


def note_mirrored(connection: apsw.Connection, tenant: int, account: bytes, span: Span) -> None:
    """Note a span, joined with those that it meets (see `Ledger.note_mirrored`)."""
    met = "FROM mirrored WHERE tenant = ?1 AND account = ?2 AND low <= ?4 + 1 AND high >= ?3 - 1"
    given = (tenant, account, span.low, span.high)
    sql = f"SELECT min(?3, coalesce(min(low), ?3)), max(?4, coalesce(max(high), ?4)) {met}"
    row: Any = connection.execute(sql, given).fetchone()
    connection.execute(f"DELETE {met}", given)
    connection.execute("INSERT INTO mirrored VALUES (?, ?, ?, ?)", (tenant, account, *row))
