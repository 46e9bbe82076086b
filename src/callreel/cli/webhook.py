"""`callreel webhook`: who is told of what happens."""

from __future__ import annotations

import time
from typing import Any, Final, Literal

from cyclopts import App

from callreel.archive import tell
from callreel.catalog.outbox import Delivery, EventKind, Webhook
from callreel.cli.output import moment, note, print_json, print_rows
from callreel.cli.source_options import owner_of
from callreel.cli.tenant import tenant_named
from callreel.errors import Misconfigured
from callreel.importers.wanted import moment_of
from callreel.outside import parts_of
from callreel.settings import read_settings
from callreel.wiring import existing, open_archive, open_catalog

SHOWN: Final = 100
Kind = Literal["recording.available", "recording.deleted", "import.finished"]

webhook = App(name="webhook", help="Create, list and end webhooks.")


@webhook.command
async def create(
    url: str,
    /,
    *,
    tenant: str | None = None,
    event: set[Kind] | None = None,
    json: bool = False,
) -> None:
    """Tell an address from now on, and print the secret that signs the messages.

    Args:
        url: Where messages are sent, by https.
        tenant: Name or number of the tenant of whose recordings it is told; the only one if left
            out.
        event: What it is told of; may be repeated; everything if left out.
        json: Print `{"number", "secret", …}`.
    """
    settings = read_settings()
    schemes = frozenset({"https", "http"} if settings.webhooks_private else {"https"})
    try:
        parts_of(url, schemes)
    except ValueError as error:
        raise Misconfigured(f"The address of a webhook {error}.") from error
    archive = open_archive(existing(settings))
    try:
        owner = await owner_of(archive.catalog, tenant)
        made = await tell.add(
            archive, owner.number, url, frozenset(map(EventKind, event or EventKind))
        )
    finally:
        await archive.close()
    if json:
        print_json(_plain(made) | {"secret": made.secret})
    else:
        print(made.secret)
        note(f"This is the secret of webhook {made.number}, which is told of {owner.name}'s.")


@webhook.command(name="list")
async def list_(*, tenant: str | None = None, json: bool = False) -> None:
    """List webhooks, ended ones too.

    Args:
        tenant: Only those of this tenant, by name or number.
        json: Print a list of objects.
    """
    catalog = open_catalog(existing(read_settings()))
    try:
        owner = None if tenant is None else (await tenant_named(catalog, tenant)).number
        found = [_plain(each) for each in await catalog.webhooks(owner)]
    finally:
        await catalog.close()
    _print(("number", "tenant", "url", "events", "created", "ended", "why"), found, json=json)


@webhook.command
async def deliveries(number: int, /, *, limit: int = SHOWN, json: bool = False) -> None:
    """Show what a webhook was told last, newest first, and what came of it.

    Args:
        number: The webhook's number, which `callreel webhook list` shows.
        limit: At most so many.
        json: Print a list of objects.
    """
    catalog = open_catalog(existing(read_settings()))
    try:
        found = [_plain_delivery(each) for each in await catalog.deliveries(number, limit)]
    finally:
        await catalog.close()
    _print(("message", "event", "subject", "at", "tries", "outcome", "next"), found, json=json)


@webhook.command
async def end(number: int, /) -> None:
    """Tell a webhook nothing more, not even what is waiting.

    Args:
        number: The webhook's number, which `callreel webhook list` shows.
    """
    catalog = open_catalog(existing(read_settings()))
    try:
        await catalog.end_webhook(number, int(time.time()), "ended by the operator")
    finally:
        await catalog.close()
    print(f"Webhook {number} is told nothing more.")


@webhook.command
async def replay(number: int, /, *, since: str, failed: bool = False) -> None:
    """Tell a webhook again what has happened; events are kept for 30 days.

    Args:
        number: The webhook's number, which `callreel webhook list` shows.
        since: From when on, UTC: 2026-03-29, or 2026-03-29T14:00:00.
        failed: Only what was given up.
    """
    begin = moment_of(since, None)
    catalog = open_catalog(existing(read_settings()))
    try:
        count = await catalog.replay(number, begin, int(time.time()), failed_only=failed)
    finally:
        await catalog.close()
    print(f"{count} messages will be sent again.")


def _print(headings: tuple[str, ...], rows: list[dict[str, Any]], *, json: bool) -> None:
    if json:
        print_json(rows)
        return
    print_rows(headings, [[_cell(row[heading]) for heading in headings] for row in rows])


def _plain(hook: Webhook) -> dict[str, Any]:
    return {
        "number": hook.number,
        "tenant": hook.tenant,
        "url": hook.url,
        "events": sorted(hook.kinds),
        "created": moment(hook.created_at),
        "ended": moment(hook.ended_at) or None,
        "why": hook.ended_why,
    }


def _plain_delivery(delivery: Delivery) -> dict[str, Any]:
    event = delivery.event
    return {
        "message": f"msg_{event.tenant}_{event.number}",
        "event": event.kind.value,
        "subject": event.subject,
        "at": moment(event.at),
        "tries": delivery.tries,
        "outcome": delivery.outcome,
        "next": moment(delivery.due_at) or None,
    }


def _cell(value: str | int | list[str] | None) -> str:
    if isinstance(value, list):
        return ",".join(value)
    return "-" if value is None else str(value)
