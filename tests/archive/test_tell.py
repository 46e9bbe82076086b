from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from callreel.archive import tell
from callreel.archive.tell import WAITS, Answer, Teller
from callreel.catalog.outbox import Delivery, EventKind, Webhook
from house import CALL, House

TAKEN = Answer("200", is_taken=True)


class Noting:
    """A messenger that notes what it is given and answers as it is told."""

    def __init__(self, answer: Callable[[Delivery], Answer] = lambda _: TAKEN) -> None:
        self.sent: list[Delivery] = []
        self.most = 0
        self.held: dict[int, asyncio.Event] = {}
        self.arrived = asyncio.Event()
        self._answer = answer
        self._running = 0

    async def send(self, delivery: Delivery) -> Answer:
        self.sent.append(delivery)
        self.arrived.set()
        self._running += 1
        self.most = max(self.most, self._running)
        held = self.held.get(delivery.webhook.number)
        await (asyncio.sleep(0) if held is None else held.wait())
        self._running -= 1
        return self._answer(delivery)


def hook(house: House) -> Webhook:
    kinds = frozenset(EventKind)
    return house.run(tell.add(house.archive, 1, "https://example.org/in", kinds))


def told(house: House, messenger: Noting) -> int:
    """Deliver all that is due now and return how much that was."""

    async def play() -> int:
        teller = Teller(house.archive, messenger)
        begun = 0
        while count := await teller.begin_due():
            begun += count
            await teller.wait()
        return begun

    return house.run(play())


def test_each_webhook_has_a_secret_of_its_own(house: House) -> None:
    secrets = {hook(house).secret for _ in range(3)}
    assert len(secrets) == 3
    assert all(each.startswith("whsec_") and len(each) > 40 for each in secrets)


def test_what_was_taken_is_not_sent_again(house: House) -> None:
    hook(house)
    house.take_in()
    messenger = Noting()
    assert told(house, messenger) == 1
    assert told(house, messenger) == 0
    assert [each.event.kind for each in messenger.sent] == [EventKind.AVAILABLE]


def test_what_is_not_taken_is_tried_again_ever_later_and_given_up_after_three_days(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = hook(house)
    house.take_in()
    begin = now = time.time() + 1.0
    monkeypatch.setattr(time, "time", lambda: now)
    messenger = Noting(lambda _: Answer("503"))
    for wait in WAITS:
        assert told(house, messenger) == 1
        (delivery,) = house.run(house.archive.catalog.deliveries(made.number, 1))
        assert delivery.due_at == int(now) + wait
        now = delivery.due_at
    assert 3 * 86_400 <= now - begin <= 3.5 * 86_400
    assert told(house, messenger) == 1
    (given_up,) = house.run(house.archive.catalog.deliveries(made.number, 1))
    assert (given_up.due_at, given_up.tries) == (None, len(WAITS) + 1)
    assert given_up.outcome == "503"


def test_one_who_answers_slowly_delays_nobody_else(house: House) -> None:
    slow, quick = hook(house), hook(house)
    house.take_in()
    messenger = Noting()
    messenger.held[slow.number] = asyncio.Event()

    async def play() -> None:
        teller = Teller(house.archive, messenger)
        await teller.begin_due()
        for count in (1, 2, 3):
            await teller.wait()
            done = await house.archive.catalog.deliveries(quick.number, 9)
            assert [each.outcome for each in done] == ["200"] * count
            await house.taking_in(recording_id=f"more-{count}")
            await teller.begin_due()
        waiting = await house.archive.catalog.deliveries(slow.number, 9)
        assert [each.outcome for each in waiting] == [None] * 4
        messenger.held[slow.number].set()
        await teller.wait()
        await teller.wait()

    house.run(play())


def test_only_a_few_messages_are_on_their_way_to_one_at_once(house: House) -> None:
    made = hook(house)
    for number in range(20):
        house.take_in(recording_id=f"r-{number}")
    messenger = Noting()
    assert told(house, messenger) == 20
    assert messenger.most == 4
    subjects = [each.event.subject for each in messenger.sent]
    assert subjects == [f"r-{number}" for number in range(20)]
    assert {each.webhook for each in messenger.sent} == {made}


def test_who_answers_that_it_is_gone_is_told_nothing_more(house: House) -> None:
    made = hook(house)
    house.take_in()
    messenger = Noting(lambda _: Answer("410", is_unwanted=True))
    told(house, messenger)
    house.take_in(recording_id="other")
    assert told(house, messenger) == 0
    (ended,) = house.run(house.archive.catalog.webhooks())
    assert (ended.number, ended.ended_why) == (made.number, "the receiver answered 410")


def test_what_was_on_its_way_when_telling_ended_is_sent_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = hook(house)
    house.take_in()
    messenger = Noting()
    messenger.held[made.number] = asyncio.Event()

    async def play() -> None:
        telling = asyncio.create_task(Teller(house.archive, messenger).run())
        await messenger.arrived.wait()
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)

    house.run(play())
    later = time.time() + 3_600
    monkeypatch.setattr(time, "time", lambda: later)
    again = Noting()
    assert told(house, again) == 1
    assert again.sent[0].event == messenger.sent[0].event


def test_telling_goes_on_with_what_happens_later(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tell, "_LOOK_SECONDS", 0.01)
    hook(house)
    messenger = Noting()

    async def play() -> None:
        telling = asyncio.create_task(Teller(house.archive, messenger).run())
        for number in range(3):
            messenger.arrived.clear()
            await house.taking_in(CALL, None, f"r-{number}")
            await messenger.arrived.wait()
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)

    house.run(play())
    assert [each.event.subject for each in messenger.sent] == ["r-0", "r-1", "r-2"]


def test_what_happened_while_the_clock_was_ahead_is_told_once_it_is_right(
    house: House, tmp_path: Path
) -> None:
    hook(house)
    house.take_in()
    with closing(apsw.Connection(str(tmp_path / "callreel.db"))) as connection:
        connection.execute("UPDATE delivery SET due_at = due_at + ?", (10 * 365 * 86_400,))
        assert connection.changes() == 1
    is_told = asyncio.Event()

    def answer(_: Delivery) -> Answer:
        is_told.set()
        return Answer("200", is_taken=True)

    messenger = Noting(answer)

    async def play() -> None:
        running = asyncio.create_task(Teller(house.archive, messenger).run())
        await asyncio.wait_for(is_told.wait(), timeout=10)
        running.cancel()

    house.run(play())
    assert [each.event.kind for each in messenger.sent] == [EventKind.AVAILABLE]
