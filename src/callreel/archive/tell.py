"""Tell others what happened: who is told, when it is tried again, and when it is given up."""

from __future__ import annotations

import asyncio
import base64
import secrets
import time
from dataclasses import dataclass
from itertools import groupby
from typing import Final, Protocol

from callreel.archive import Archive
from callreel.catalog.outbox import Delivery, EventKind, NewWebhook, Tried, Webhook

WAITS: Final = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""Seconds after each failed try until the next one: ten tries within a little over three days."""
KEPT_SECONDS: Final = 30 * 86_400
SECRET_BYTES: Final = 32
TRY_SECONDS: Final = 15
_TO_ONE: Final = 16
_TO_ONE_AT_ONCE: Final = 4
_LEASE_SECONDS: Final = 2 * TRY_SECONDS * _TO_ONE // _TO_ONE_AT_ONCE
_LOOK_SECONDS: Final = 1.0
_TIDY_SECONDS: Final = 3_600.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of sending a message.

    Attributes:
        outcome: In a word or a few, such as `200` or `timed out`.
        is_taken: Whether whoever was told has taken it.
        is_unwanted: Whether they want to be told nothing any more.
    """

    outcome: str
    is_taken: bool = False
    is_unwanted: bool = False


class Messenger(Protocol):
    """Writes messages and sends them."""

    async def send(self, delivery: Delivery) -> Answer:
        """Send one; whatever goes wrong is an answer, too."""
        ...


def new_secret() -> str:
    """Return a secret as Standard Webhooks has it: `whsec_` and base64."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


async def add(archive: Archive, tenant: int, url: str, kinds: frozenset[EventKind]) -> Webhook:
    """Tell somebody from now on; the webhook that is returned has the secret."""
    hook = NewWebhook(tenant, url, new_secret(), kinds, int(time.time()))
    return await archive.catalog.add_webhook(hook)


class Teller:
    """Delivers what is due, for as long as it runs; one at a time works on an archive.

    Each event is delivered at least once: what was under way when a process died is sent again.
    One who answers slowly delays nobody else.
    """

    def __init__(self, archive: Archive, messenger: Messenger) -> None:
        self._archive = archive
        self._messenger = messenger
        self._under_way: dict[int, asyncio.Task[None]] = {}
        self._tidied_at = -_TIDY_SECONDS

    async def run(self) -> None:
        """Deliver until cancelled.

        Raises:
            Unavailable, StorageFull: the catalog cannot go on just now.
        """
        try:
            while True:
                await self._tidy()
                await self.begin_due()
                await self.wait(_LOOK_SECONDS)
        finally:
            await self._drop()

    async def begin_due(self) -> int:
        """Begin to deliver what is due to those who are not busy; return how much that is."""
        now = int(time.time())
        busy = frozenset(self._under_way)
        due = await self._archive.catalog.take_due(now, now + _LEASE_SECONDS, _TO_ONE, busy)
        for number, group in groupby(due, lambda each: each.webhook.number):
            deliveries = list(group)
            self._under_way[number] = asyncio.create_task(self._deliver(deliveries))
        return len(due)

    async def wait(self, seconds: float | None = None) -> None:
        """Wait until one who was told has answered, but no longer than so many seconds.

        Raises:
            Unavailable, StorageFull: what came of it could not be noted; it will be sent again.
        """
        if not self._under_way:
            await asyncio.sleep(seconds or 0)
            return
        done, _ = await asyncio.wait(
            self._under_way.values(), timeout=seconds, return_when=asyncio.FIRST_COMPLETED
        )
        self._under_way = {n: task for n, task in self._under_way.items() if task not in done}
        for task in done:
            task.result()

    async def _deliver(self, deliveries: list[Delivery]) -> None:
        """Deliver to one webhook, a few at once, and note what came of it."""
        slots = asyncio.Semaphore(_TO_ONE_AT_ONCE)

        async def send(delivery: Delivery) -> Answer:
            async with slots:
                return await self._messenger.send(delivery)

        answers = await asyncio.gather(*map(send, deliveries))
        tried = [_tried(*pair) for pair in zip(deliveries, answers, strict=True)]
        now = int(time.time())
        await self._archive.catalog.settle(tried, now)
        if any(answer.is_unwanted for answer in answers):
            number = deliveries[0].webhook.number
            await self._archive.catalog.end_webhook(number, now, "the receiver answered 410")

    async def _tidy(self) -> None:
        """Now and then drop what is old, and have nothing wait for a clock that was ahead."""
        if time.monotonic() - self._tidied_at > _TIDY_SECONDS:
            self._tidied_at = time.monotonic()
            now = int(time.time())
            await self._archive.catalog.forget_events(now - KEPT_SECONDS)
            await self._archive.catalog.hasten(now, now + max(WAITS))

    async def _drop(self) -> None:
        """Leave what is under way to the next one who runs."""
        for task in self._under_way.values():
            task.cancel()
        await asyncio.gather(*self._under_way.values(), return_exceptions=True)
        self._under_way.clear()


def _tried(delivery: Delivery, answer: Answer) -> Tried:
    if answer.is_taken or delivery.tries >= len(WAITS):
        return Tried(delivery, answer.outcome)
    return Tried(delivery, answer.outcome, int(time.time()) + WAITS[delivery.tries])
