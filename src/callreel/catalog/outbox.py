"""The outbox: what there is to tell to whom, written with what it tells of in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class EventKind(StrEnum):
    """What may be told of."""

    AVAILABLE = "recording.available"
    DELETED = "recording.deleted"
    IMPORTED = "import.finished"


@dataclass(frozen=True, slots=True)
class Webhook:
    """Somebody who is told.

    Attributes:
        number: Its number, over all tenants.
        tenant: Of whose recordings and imports.
        url: Where messages are sent.
        secret: What signs them: `whsec_` and base64.
        kinds: What it is told of.
        created_at: Seconds UTC.
        ended_at: Since when it is told nothing more, or None.
        ended_why: Why, in words, or None.
    """

    number: int
    tenant: int
    url: str
    secret: str
    kinds: frozenset[EventKind]
    created_at: int
    ended_at: int | None = None
    ended_why: str | None = None


@dataclass(frozen=True, slots=True)
class NewWebhook:
    """Somebody who is to be told; the fields are those of a `Webhook`."""

    tenant: int
    url: str
    secret: str
    kinds: frozenset[EventKind]
    created_at: int


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened.

    Attributes:
        number: Its number, ascending as things happen.
        tenant: Whose.
        kind: What.
        subject: The id of the recording, or the number of the import.
        at: Seconds UTC.
    """

    number: int
    tenant: int
    kind: EventKind
    subject: str
    at: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event on its way to a webhook.

    Attributes:
        webhook: To whom.
        event: What.
        tries: How often it was tried.
        due_at: When it is tried next, or None where nothing is left to do.
        settled_at: When it was delivered or given up, or None.
        outcome: What the last try ended in, such as `200` or `timed out`, or None.
    """

    webhook: Webhook
    event: Event
    tries: int
    due_at: int | None = None
    settled_at: int | None = None
    outcome: str | None = None


@dataclass(frozen=True, slots=True)
class Tried:
    """How a try to deliver ended.

    Attributes:
        delivery: What was tried.
        outcome: In a word or a few.
        next_at: When to try again, or None where it was delivered or is given up.
    """

    delivery: Delivery
    outcome: str
    next_at: int | None = None


class Outbox(Protocol):
    """Webhooks and what they are to be told. A write has reached stable storage on return."""

    async def add_webhook(self, hook: NewWebhook) -> Webhook:
        """Tell somebody, from now on."""
        ...

    async def webhooks(self, tenant: int | None = None) -> list[Webhook]:
        """Return all webhooks, of one tenant or all, by number; ended ones too."""
        ...

    async def end_webhook(self, number: int, at: int, why: str) -> None:
        """Tell it nothing more, not even what is waiting; one that was ended keeps its time.

        Raises:
            NotFound: there is none of this number.
        """
        ...

    async def take_due(
        self, now: int, until: int, limit: int, busy: frozenset[int]
    ) -> list[Delivery]:
        """Return deliveries that are due, each webhook's in the order in which they are, put off.

        Args:
            now: Seconds UTC.
            until: Up to when nobody else is given them; who takes them has settled them by then,
                or died.
            limit: At most so many to each webhook.
            busy: Webhooks that are given nothing.
        """
        ...

    async def hasten(self, now: int, latest: int) -> None:
        """Make due now what is due later than is right, as after a clock that was ahead.

        Args:
            now: Seconds UTC.
            latest: When anything is due at the latest.
        """
        ...

    async def settle(self, tried: Sequence[Tried], at: int) -> None:
        """Note how deliveries ended."""
        ...

    async def deliveries(self, number: int, limit: int) -> list[Delivery]:
        """Return the newest deliveries to a webhook, newest first."""
        ...

    async def replay(self, number: int, since: int, now: int, *, failed_only: bool) -> int:
        """Deliver again what has happened since; return how much that is.

        Raises:
            NotFound: there is no such webhook, or it was ended.
        """
        ...

    async def forget_events(self, before: int) -> None:
        """Drop events that happened before and that nobody waits for any more."""
        ...
