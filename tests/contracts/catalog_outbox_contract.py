"""What a catalog promises of webhooks, as tests; each backend's tests inherit it."""

from __future__ import annotations

import pytest

from callreel.catalog import Catalog
from callreel.catalog.outbox import Delivery, EventKind, NewWebhook, Tried, Webhook
from callreel.errors import NotFound
from callreel.model import Facts, Reach, State
from contracts.catalog_case import CatalogCase, run
from contracts.catalog_reference import NOON, Known, entry_of, facts_in

LATER = 1 << 40
ALL = frozenset(EventKind)
NOBODY: frozenset[int] = frozenset()


async def hook(catalog: Catalog, tenant: int = 1, kinds: frozenset[EventKind] = ALL) -> Webhook:
    return await catalog.add_webhook(
        NewWebhook(tenant, "https://example.org/in", "whsec_MQ==", kinds, NOON)
    )


async def bring(catalog: Catalog, *ids: str, tenant: int = 1) -> None:
    known = [Known(tenant, each, Facts(NOON, NOON + 60, 9)) for each in ids]
    await catalog.add(tenant, [entry_of(each) for each in known])


async def due(
    catalog: Catalog, *, now: int = LATER, limit: int = 99, busy: frozenset[int] = NOBODY
) -> list[Delivery]:
    return await catalog.take_due(now, now + 60, limit, busy)


def told(deliveries: list[Delivery]) -> list[tuple[int, str, str]]:
    return [(each.webhook.number, each.event.kind.value, each.event.subject) for each in deliveries]


class OutboxContract(CatalogCase):
    """Inherit, and say how to open an empty catalog in a folder."""

    def test_those_who_want_it_are_told_what_happened_in_order(self) -> None:
        async def play() -> None:
            async with self.empty() as catalog:
                one = await hook(catalog)
                await hook(catalog, tenant=2)
                other = await hook(catalog, kinds=frozenset([EventKind.DELETED]))
                await bring(catalog, "a", "b")
                await bring(catalog, "a")
                await catalog.withdraw(Reach(1), "a", State.DELETING, facts_in)
                await catalog.withdraw(Reach(1), "a", State.DELETING, facts_in)
                number = await catalog.begin_import(1, "freepbx", NOON)
                await catalog.end_import(number, NOON)
                assert told(await due(catalog)) == [
                    (one.number, "recording.available", "a"),
                    (one.number, "recording.available", "b"),
                    (one.number, "recording.deleted", "a"),
                    (one.number, "import.finished", str(number)),
                    (other.number, "recording.deleted", "a"),
                ]

        run(play())

    def test_what_happened_before_somebody_wanted_to_know_is_not_told(self) -> None:
        async def play() -> None:
            async with self.empty() as catalog:
                await bring(catalog, "a")
                await hook(catalog)
                assert await due(catalog) == []

        run(play())

    def test_a_recording_that_is_put_aside_is_not_told_of_as_deleted(self) -> None:
        async def play() -> None:
            async with self.empty() as catalog:
                await bring(catalog, "a")
                await hook(catalog)
                await catalog.withdraw(Reach(1), "a", State.SUSPECT, facts_in)
                assert await due(catalog) == []
                await catalog.withdraw(Reach(1), "a", State.DELETING, facts_in)
                assert len(await due(catalog)) == 1

        run(play())

    def test_what_is_due_too_late_can_be_made_due_now(self) -> None:
        async def play() -> None:
            async with self.empty() as catalog:
                for _ in range(2):
                    await hook(catalog)
                await bring(catalog, "a", "b", "c")
                taken = await due(catalog, now=LATER)
                ahead = {"a": LATER + 100, "b": LATER + 101, "c": None}
                tried = [Tried(each, "503", ahead[each.event.subject]) for each in taken]
                await catalog.settle(tried, LATER)
                await catalog.hasten(LATER, LATER + 100)
                assert [each.event.subject for each in await due(catalog)] == ["b", "b"]
                found = await due(catalog, now=LATER + 100)
                assert [each.event.subject for each in found] == ["b", "a"] * 2

        run(play())

    def test_what_was_taken_is_given_to_nobody_else_for_a_while(self) -> None:
        async def play() -> None:
            async with self.empty() as catalog:
                await hook(catalog)
                await bring(catalog, "a")
                assert len(await due(catalog, now=LATER)) == 1
                assert await due(catalog, now=LATER + 59) == []
                assert len(await due(catalog, now=LATER + 60)) == 1

        run(play())

    def test_so_many_at_most_are_given_for_each_and_nothing_for_the_busy(self) -> None:
        async def play() -> None:
            async with self.empty() as catalog:
                one, two = await hook(catalog), await hook(catalog)
                await bring(catalog, "a", "b", "c")
                taken = await due(catalog, limit=2, busy=frozenset([one.number]))
                assert told(taken) == [
                    (two.number, "recording.available", "a"),
                    (two.number, "recording.available", "b"),
                ]

        run(play())

    def test_a_try_is_noted_and_repeated_when_it_is_due_or_never_again(self) -> None:
        async def play() -> None:
            async with self.empty() as catalog:
                made = await hook(catalog)
                await bring(catalog, "a", "b")
                first, second = await due(catalog)
                await catalog.settle([Tried(first, "500", LATER + 5), Tried(second, "200")], NOON)
                assert await due(catalog, now=LATER + 4) == []
                (again,) = await due(catalog, now=LATER + 5)
                assert (again.event, again.tries, again.outcome) == (first.event, 1, "500")
                newest, oldest = await catalog.deliveries(made.number, 9)
                assert (newest.event, newest.outcome, newest.settled_at) == (
                    second.event,
                    "200",
                    NOON,
                )
                assert (newest.due_at, oldest.settled_at) == (None, None)
                assert len(await catalog.deliveries(made.number, 1)) == 1

        run(play())

    def test_who_was_ended_is_told_nothing_more(self) -> None:
        async def play() -> None:
            async with self.empty() as catalog:
                made = await hook(catalog)
                await bring(catalog, "a")
                (taken,) = await due(catalog)
                await catalog.end_webhook(made.number, NOON, "why not")
                await catalog.end_webhook(made.number, NOON + 9, "once more")
                await catalog.settle([Tried(taken, "500", LATER)], NOON)
                await bring(catalog, "b")
                assert await due(catalog, now=LATER + 999) == []
                (ended,) = await catalog.webhooks(1)
                assert (ended.ended_at, ended.ended_why) == (NOON, "why not")
                with pytest.raises(NotFound, match="no webhook 9"):
                    await catalog.end_webhook(9, NOON, "")

        run(play())

    def test_webhooks_are_listed_by_number_each_tenants_apart(self) -> None:
        async def play() -> None:
            async with self.empty() as catalog:
                one, two = await hook(catalog), await hook(catalog, tenant=2)
                assert await catalog.webhooks() == [one, two]
                assert await catalog.webhooks(2) == [two]
                assert one.kinds == ALL

        run(play())

    @pytest.mark.parametrize(("failed_only", "again"), [(True, ["b"]), (False, ["a", "b", "c"])])
    def test_what_was_told_can_be_told_again(self, failed_only: bool, again: list[str]) -> None:
        async def play() -> None:
            async with self.empty() as catalog:
                made = await hook(catalog)
                await bring(catalog, "a", "b", "c")
                good, bad, _ = await due(catalog, now=LATER)
                await catalog.settle([Tried(good, "204"), Tried(bad, "timed out")], NOON)
                count = await catalog.replay(made.number, 0, LATER, failed_only=failed_only)
                assert count == len(again)
                found = await due(catalog, now=LATER + 1)
                assert [each.event.subject for each in found] == again
                assert {each.tries for each in found} == {0}
                assert await catalog.replay(made.number, LATER, LATER, failed_only=False) == 0

        run(play())

    def test_who_was_ended_cannot_be_told_again(self) -> None:
        async def play() -> None:
            async with self.empty() as catalog:
                made = await hook(catalog)
                await catalog.end_webhook(made.number, NOON, "")
                with pytest.raises(NotFound):
                    await catalog.replay(made.number, 0, NOON, failed_only=False)

        run(play())

    def test_old_events_are_forgotten_unless_somebody_waits_for_them(self) -> None:
        async def play() -> None:
            async with self.empty() as catalog:
                made = await hook(catalog)
                await bring(catalog, "a", "b")
                first, _ = await due(catalog)
                await catalog.settle([Tried(first, "200")], NOON)
                await catalog.forget_events(0)
                assert len(await catalog.deliveries(made.number, 9)) == 2
                await catalog.forget_events(LATER)
                (left,) = await catalog.deliveries(made.number, 9)
                assert left.event.subject == "b"

        run(play())
