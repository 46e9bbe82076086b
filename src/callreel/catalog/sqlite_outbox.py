"""The outbox in SQLite; the writing functions run inside a transaction of the writer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

import apsw

from callreel.catalog.outbox import Delivery, Event, EventKind, NewWebhook, Tried, Webhook
from callreel.errors import NotFound

_HOOK: Final = "h.number, h.tenant, h.url, h.secret, h.kinds, h.created_at, h.ended_at, h.ended_why"
_EVENT: Final = "e.number, e.tenant, e.kind, e.subject, e.at"
_DELIVERY: Final = "d.tries, d.due_at, d.settled_at, d.outcome"
_JOINED: Final = (
    f"SELECT {_HOOK}, {_EVENT}, {_DELIVERY} FROM delivery d "
    "JOIN webhook h ON h.number = d.webhook JOIN event e ON e.number = d.event"
)
_HOOK_WIDTH: Final = 8
_EVENT_WIDTH: Final = 5


def tell(
    connection: apsw.Connection, tenant: int, kind: EventKind, subjects: Sequence[str]
) -> None:
    """Leave word of what happened for those who are to be told; where nobody is, leave nothing."""
    sql = (
        "SELECT number FROM webhook WHERE tenant = ? AND ended_at IS NULL "
        "AND EXISTS (SELECT 1 FROM json_each(kinds) WHERE value = ?)"
    )
    hooks = connection.execute(sql, (tenant, kind)).fetchall()
    if not hooks:
        return
    for subject in subjects:
        event = connection.execute(
            "INSERT INTO event (tenant, kind, subject, at) VALUES (?, ?, ?, unixepoch()) "
            "RETURNING number",
            (tenant, kind, subject),
        ).get
        connection.executemany(
            "INSERT INTO delivery (webhook, event, due_at) VALUES (?, ?, unixepoch())",
            ((hook, event) for (hook,) in hooks),
        )


def add_webhook(connection: apsw.Connection, hook: NewWebhook) -> Webhook:
    """Tell somebody, from now on (see `Outbox.add_webhook`)."""
    values = (hook.tenant, hook.url, hook.secret, json.dumps(sorted(hook.kinds)), hook.created_at)
    number = connection.execute(
        "INSERT INTO webhook (tenant, url, secret, kinds, created_at) VALUES (?, ?, ?, ?, ?) "
        "RETURNING number",
        values,
    ).get
    return Webhook(int(number), hook.tenant, hook.url, hook.secret, hook.kinds, hook.created_at)


def webhooks(connection: apsw.Connection, tenant: int | None) -> list[Webhook]:
    """Return all webhooks by number."""
    sql = f"SELECT {_HOOK} FROM webhook h WHERE ?1 IS NULL OR tenant = ?1 ORDER BY number"
    rows: list[Any] = connection.execute(sql, (tenant,)).fetchall()
    return [_webhook(row) for row in rows]


def end_webhook(connection: apsw.Connection, number: int, at: int, why: str) -> None:
    """Tell it nothing more (see `Outbox.end_webhook`)."""
    _require(connection, number, "")
    connection.execute(
        "UPDATE webhook SET ended_at = ?, ended_why = ? WHERE number = ? AND ended_at IS NULL",
        (at, why, number),
    )
    connection.execute(
        "UPDATE delivery SET due_at = NULL, settled_at = ?, outcome = 'not sent any more' "
        "WHERE webhook = ? AND due_at IS NOT NULL",
        (at, number),
    )


def take_due(
    connection: apsw.Connection, now: int, until: int, limit: int, busy: frozenset[int]
) -> list[Delivery]:
    """Return deliveries that are due, and put them off (see `Outbox.take_due`)."""
    sql = f"{_JOINED} WHERE d.webhook = ? AND d.due_at <= ? ORDER BY d.due_at, d.event LIMIT ?"
    taken: list[Delivery] = []
    for hook in due_hooks(connection, now, busy):
        rows: list[Any] = connection.execute(sql, (hook, now, limit)).fetchall()
        taken += [_delivery(row) for row in rows]
    connection.executemany(
        "UPDATE delivery SET due_at = ? WHERE webhook = ? AND event = ?",
        ((until, each.webhook.number, each.event.number) for each in taken),
    )
    return taken


def due_hooks(connection: apsw.Connection, now: int, busy: frozenset[int]) -> list[int]:
    """Return the webhooks for which something is due, but for the busy ones."""
    sql = (
        "SELECT number FROM webhook h WHERE ended_at IS NULL AND EXISTS "
        "(SELECT 1 FROM delivery d WHERE d.webhook = h.number AND d.due_at <= ?)"
    )
    rows: list[Any] = connection.execute(sql, (now,)).fetchall()
    return [number for (number,) in rows if number not in busy]


def hasten(connection: apsw.Connection, now: int, latest: int) -> None:
    """Make due now what is due later than is right (see `Outbox.hasten`)."""
    connection.execute(
        "UPDATE delivery SET due_at = ? "  # by webhook, as the index is
        "WHERE webhook IN (SELECT number FROM webhook) AND due_at > ?",
        (now, latest),
    )


def settle(connection: apsw.Connection, tried: Sequence[Tried], at: int) -> None:
    """Note how deliveries ended; what was ended meanwhile stays so."""
    connection.executemany(
        "UPDATE delivery SET tries = tries + 1, due_at = ?, settled_at = ?, outcome = ? "
        "WHERE webhook = ? AND event = ? AND due_at IS NOT NULL",
        (
            (
                each.next_at,
                at if each.next_at is None else None,
                each.outcome,
                each.delivery.webhook.number,
                each.delivery.event.number,
            )
            for each in tried
        ),
    )


def deliveries(connection: apsw.Connection, number: int, limit: int) -> list[Delivery]:
    """Return the newest deliveries to a webhook, newest first."""
    sql = f"{_JOINED} WHERE d.webhook = ? ORDER BY d.event DESC LIMIT ?"
    rows: list[Any] = connection.execute(sql, (number, limit)).fetchall()
    return [_delivery(row) for row in rows]


def replay(
    connection: apsw.Connection, number: int, since: int, now: int, *, failed_only: bool
) -> int:
    """Deliver again what has happened since (see `Outbox.replay`)."""
    _require(connection, number, " AND ended_at IS NULL")
    failed = " AND settled_at IS NOT NULL AND outcome NOT GLOB '2[0-9][0-9]'" if failed_only else ""
    connection.execute(
        "UPDATE delivery SET due_at = ?, tries = 0, settled_at = NULL WHERE webhook = ? "
        f"AND event IN (SELECT number FROM event WHERE at >= ?){failed}",
        (now, number, since),
    )
    return connection.changes()


def forget_events(connection: apsw.Connection, before: int) -> None:
    """Drop events that nobody waits for any more (see `Outbox.forget_events`)."""
    old = (
        "SELECT number FROM event e WHERE at < ? AND NOT EXISTS "
        "(SELECT 1 FROM delivery d WHERE d.event = e.number AND d.due_at IS NOT NULL)"
    )
    numbers = connection.execute(old, (before,)).fetchall()
    connection.executemany("DELETE FROM delivery WHERE event = ?", numbers)
    connection.executemany("DELETE FROM event WHERE number = ?", numbers)


def _require(connection: apsw.Connection, number: int, more: str) -> None:
    sql = f"SELECT 1 FROM webhook WHERE number = ?{more}"
    if connection.execute(sql, (number,)).get is None:
        raise NotFound(f"There is no webhook {number}.")


def _webhook(row: Sequence[Any]) -> Webhook:
    number, tenant, url, secret, kinds, created_at, ended_at, why = row
    told = frozenset(EventKind(kind) for kind in json.loads(kinds))
    return Webhook(number, tenant, url, secret, told, created_at, ended_at, why)


def _delivery(row: Sequence[Any]) -> Delivery:
    hook = _webhook(row[:_HOOK_WIDTH])
    number, tenant, kind, subject, at = row[_HOOK_WIDTH : _HOOK_WIDTH + _EVENT_WIDTH]
    event = Event(number, tenant, EventKind(kind), subject, at)
    return Delivery(hook, event, *row[_HOOK_WIDTH + _EVENT_WIDTH :])
