"""What was deleted for good; what changes it runs inside a transaction of the writer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import apsw

from callreel.catalog.bounds import MAX_TENANT, Bounds, bounds_of, second_of
from callreel.catalog.deletions import Deletion
from callreel.catalog.sqlite_surplus import facts_kept
from callreel.errors import NotFound
from callreel.model import CallFilter, Reach, Span


def is_deleted(connection: apsw.Connection, tenant: int, recording_id: str) -> bool:
    """Say whether a recording was deleted for good."""
    sql = "SELECT EXISTS (SELECT 1 FROM deletion WHERE tenant = ? AND id = ?)"
    return bool(connection.execute(sql, (tenant, recording_id)).get)


def deletions(
    connection: apsw.Connection, tenant: int | None, after: tuple[int, str], limit: int
) -> list[Deletion]:
    """Return deletions (see `Deletions.deletions`)."""
    sql = (
        "SELECT tenant, id, at FROM deletion WHERE (tenant, id) > (?1, ?2) "
        "AND tenant BETWEEN coalesce(?3, 0) AND coalesce(?3, ?4) ORDER BY 1, 2 LIMIT ?5"
    )
    rows: list[Any] = connection.execute(sql, (*after, tenant, MAX_TENANT, limit)).fetchall()
    return [Deletion(*row) for row in rows]


def note(connection: apsw.Connection, noted: Sequence[Deletion]) -> None:
    """Note deletions (see `Deletions.note_deletions`)."""
    try:
        connection.executemany(
            "INSERT INTO deletion VALUES (?, ?, ?) "
            "ON CONFLICT DO UPDATE SET at = excluded.at WHERE excluded.at < at",
            ((each.tenant, each.id, each.at) for each in noted),
        )
    except apsw.ConstraintError as error:
        raise NotFound("There is no such tenant.") from error


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
    sql = "SELECT k, dialog, facts FROM unrecorded WHERE k >= ? AND k < ? AND deleted > 0"
    rows: list[Any] = connection.execute(sql, (bounds.low, bounds.high)).fetchall()
    return frozenset(
        (second_of(k), dialog) for k, dialog, facts in rows if _is_within(bounds, k, facts)
    )


def _is_within(bounds: Bounds, k: int, kept: str) -> bool:
    facts = facts_kept(k, kept)
    return facts is not None and (
        (bounds.projects is None or facts.project_id in bounds.projects)
        and (bounds.users is None or facts.user_id in bounds.users)
    )
