"""What was deleted for good; what changes it runs inside a transaction of the writer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import apsw

from callreel.catalog.bounds import MAX_TENANT, Bounds, bounds_of, first_key, second_of
from callreel.catalog.deletions import Deletion
from callreel.catalog.sqlite_calls import kept_key
from callreel.catalog.sqlite_surplus import facts_kept
from callreel.errors import NotFound
from callreel.model import EARLIEST_START, LATEST_START, CallFilter, Reach, Span


def is_deleted(connection: apsw.Connection, tenant: int, recording_id: str) -> bool:
    """Say whether a recording was deleted for good."""
    return bool(deleted_of(connection, tenant, [recording_id]))


def deleted_of(connection: apsw.Connection, tenant: int, ids: Sequence[str]) -> frozenset[str]:
    """Return which of some recordings were deleted for good."""
    sql = "SELECT id FROM deletion WHERE tenant = ? AND id IN (SELECT value FROM json_each(?))"
    rows: list[Any] = connection.execute(sql, (tenant, json.dumps(ids))).fetchall()
    return frozenset(an_id for (an_id,) in rows)


def deletions(
    connection: apsw.Connection, tenant: int | None, after: tuple[int, str], limit: int
) -> list[Deletion]:
    """Return deletions (see `Deletions.deletions`)."""
    sql = (
        "SELECT tenant, id, at, k, dialog FROM deletion LEFT JOIN unrecorded ON k = call "
        "WHERE (tenant, id) > (?1, ?2) "
        "AND tenant BETWEEN coalesce(?3, 0) AND coalesce(?3, ?4) ORDER BY 1, 2 LIMIT ?5"
    )
    rows: list[Any] = connection.execute(sql, (*after, tenant, MAX_TENANT, limit)).fetchall()
    return [
        Deletion(owner, an_id, at, (second_of(k), dialog) if dialog else None)
        for owner, an_id, at, k, dialog in rows
    ]


def note(connection: apsw.Connection, noted: Sequence[Deletion]) -> None:
    """Note deletions (see `Deletions.note_deletions`)."""
    for each in noted:
        keep(connection, each, _kept_call(connection, each))


def keep(connection: apsw.Connection, deletion: Deletion, call: int | None) -> None:
    """Keep that a recording was deleted for good.

    Args:
        connection: The writer's.
        deletion: The recording, and when.
        call: The key of what is kept of its call without it, or None.

    Raises:
        NotFound: there is no such tenant.
    """
    try:
        connection.execute(
            "INSERT INTO deletion (tenant, id, at, call) VALUES (?, ?, ?, ?) ON CONFLICT "
            "DO UPDATE SET at = min(at, excluded.at), call = coalesce(call, excluded.call)",
            (deletion.tenant, deletion.id, deletion.at, call),
        )
    except apsw.ConstraintError as error:
        raise NotFound("There is no such tenant.") from error


def _kept_call(connection: apsw.Connection, deletion: Deletion) -> int | None:
    started_at, dialog = deletion.call or (0, "")
    if not dialog or not EARLIEST_START <= started_at <= LATEST_START:
        return None  # a key of another start would be another tenant's
    return kept_key(connection, first_key(deletion.tenant, started_at), dialog)


def lift(connection: apsw.Connection, tenant: int, recording_id: str) -> None:
    """Forget a deletion (see `Deletions.lift_deletion`)."""
    connection.execute("DELETE FROM deletion WHERE tenant = ? AND id = ?", (tenant, recording_id))
    if not connection.changes():
        raise NotFound("No such recording was deleted.")
    connection.execute("DELETE FROM mirrored WHERE tenant = ?", (tenant,))


def calls_of_deleted(
    connection: apsw.Connection, reach: Reach, started: Span
) -> frozenset[tuple[int, str]]:
    """Return the calls of which a recording was deleted (see `Deletions.calls_of_deleted`)."""
    bounds = bounds_of(reach, CallFilter(started=started), 0)
    sql = (
        "SELECT k, dialog, facts FROM unrecorded WHERE k >= ? AND k < ? "
        "AND (deleted > 0 OR k IN (SELECT call FROM deletion WHERE call >= ? AND call < ?))"
    )
    rows: list[Any] = connection.execute(sql, (bounds.low, bounds.high) * 2).fetchall()
    return frozenset(
        (second_of(k), dialog) for k, dialog, facts in rows if _is_within(bounds, k, facts)
    )


def _is_within(bounds: Bounds, k: int, kept: str) -> bool:
    facts = facts_kept(k, kept)
    return facts is not None and (
        (bounds.projects is None or facts.project_id in bounds.projects)
        and (bounds.users is None or facts.user_id in bounds.users)
    )
