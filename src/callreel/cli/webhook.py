"""`callreel webhook`: who is told of what happens."""

from __future__ import annotations

import time
from typing import Any, Final, Literal

from cyclopts import App

from callreel.archive import tell
from callreel.catalog.outbox import Delivery, EventKind, Webhook
from callreel.cli.opened import opened_archive, opened_catalog
from callreel.cli.output import moment, note, print_json, print_objects
from callreel.cli.source_options import owner_of
from callreel.cli.tenant import number_of
from callreel.errors import Misconfigured
from callreel.importers.wanted import moment_of
from callreel.outside import parts_of
from callreel.settings import read_settings

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
    async with opened_archive(settings) as archive:
        owner = await owner_of(archive.catalog, tenant)
        made = await tell.add(
            archive, owner.number, url, frozenset(map(EventKind, event or EventKind))
        )
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
    async with opened_catalog() as catalog:
        owner = await number_of(catalog, tenant)
        found = [_plain(each) for each in await catalog.webhooks(owner)]
    print_objects(
        ("number", "tenant", "url", "events", "created", "ended", "why"), found, as_json=json
    )


@webhook.command
async def deliveries(number: int, /, *, limit: int = SHOWN, json: bool = False) -> None:
    """Show what a webhook was told last, newest first, and what came of it.

    Args:
        number: The webhook's number, which `callreel webhook list` shows.
        limit: At most so many.
        json: Print a list of objects.
    """
    async with opened_catalog() as catalog:
        found = [_plain_delivery(each) for each in await catalog.deliveries(number, limit)]
    print_objects(
        ("message", "event", "subject", "at", "tries", "outcome", "next"), found, as_json=json
    )


@webhook.command
async def end(number: int, /) -> None:
    """Tell a webhook nothing more, not even what is waiting.

    Args:
        number: The webhook's number, which `callreel webhook list` shows.
    """
    async with opened_catalog() as catalog:
        await catalog.end_webhook(number, int(time.time()), "ended by the operator")
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
    async with opened_catalog() as catalog:
        count = await catalog.replay(number, begin, int(time.time()), failed_only=failed)
    print(f"{count} messages will be sent again.")


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
