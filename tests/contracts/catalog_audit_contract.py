"""The part of the catalog's contract by which it tells whether it agrees with itself."""

from __future__ import annotations

from dataclasses import replace

import pytest

from callreel.catalog import Catalog
from callreel.catalog.audit import Kept, ToldCall
from callreel.catalog.deletions import Deletion
from callreel.errors import NotFound
from callreel.model import EVERY_CALL, CallFilter, Reach, Span, State
from contracts.catalog_case import CatalogCase, known_of, mixed_of, run
from contracts.catalog_reference import Known, call_of, entry_of, facts_in, told_in, whole_body

MANY = 900
"""More than are read at a time."""


async def all_kept(catalog: Catalog) -> list[Kept]:
    return [each async for batch in catalog.kept(told_in) for each in batch]


async def flaws(catalog: Catalog) -> list[object]:
    found: list[object] = [each for each in await all_kept(catalog) if each.wrong_rows]
    found += [each async for batch in catalog.wrong_calls(told_in) for each in batch]
    found += [each async for batch in catalog.surplus_rows(told_in) for each in batch]
    found += [each async for batch in catalog.wrong_days() for each in batch]
    return found + list(await catalog.damages())


class AuditContract(CatalogCase):
    def test_nothing_is_wrong_whatever_was_done(self) -> None:
        known = known_of(60, seed=21)

        async def play() -> None:
            async with self.filled(known) as catalog:
                for each in known[:10]:
                    await catalog.withdraw(Reach(each.tenant), each.id, State.SUSPECT, facts_in)
                for each in known[:5]:
                    await catalog.restore(Reach(each.tenant), each.id, facts_in)
                await catalog.forget(Reach(known[7].tenant), known[7].id)
                assert await flaws(catalog) == []
                assert await catalog.knows_its_audio()

        run(play())

    def test_nothing_is_wrong_with_calls_whatever_was_done(self) -> None:
        known = mixed_of(120, seed=31, tenants=2)
        recorded = [each for each in known if each.is_recorded]

        async def play() -> None:
            async with self.filled(known) as catalog:
                assert await flaws(catalog) == []
                for each in recorded[::2]:
                    reach = Reach(each.tenant)
                    await catalog.withdraw(reach, each.id, State.SUSPECT, facts_in)
                assert await flaws(catalog) == []
                for each in recorded[1::2]:
                    await catalog.delete(Reach(each.tenant), each.id, facts_in, whole_body, 1)
                assert await flaws(catalog) == []
                for each in recorded[::4]:
                    await catalog.restore(Reach(each.tenant), each.id, facts_in)
                for each in recorded[2::4]:
                    await catalog.forget(Reach(each.tenant), each.id)
                assert await flaws(catalog) == []

        run(play())

    def test_a_call_that_cannot_be_read_is_told_and_stays(self) -> None:
        known = replace(known_of(1, seed=32, tenants=1)[0], dialog="a", is_recorded=False)

        async def play() -> None:
            async with self.filled([known]) as catalog:

                def unread(_body: bytes) -> None:
                    return None

                for _ in range(2):
                    found = [each async for batch in catalog.wrong_calls(unread) for each in batch]
                    told = [(each.tenant, each.dialog, each.tables) for each in found]
                    assert told == [(1, "a", ())]
                    assert not found[0].is_readable
                    await catalog.mend_call(found[0].place, unread)
                assert await flaws(catalog) == []
                assert await catalog.count(Reach(1), EVERY_CALL) == 1

        run(play())

    def test_mending_calls_that_are_right_changes_nothing(self) -> None:
        known = mixed_of(60, seed=33, tenants=2)

        async def play() -> None:
            async with self.filled(known) as catalog:
                before = [await catalog.count(Reach(tenant), EVERY_CALL) for tenant in (1, 2)]
                places = [each.place for each in await all_kept(catalog)]
                for place in range(min(places), max(places), (max(places) - min(places)) // 50):
                    await catalog.mend_call(place, told_in)
                for place in places:
                    await catalog.mend_call(place, told_in)
                assert await flaws(catalog) == []
                after = [await catalog.count(Reach(tenant), EVERY_CALL) for tenant in (1, 2)]
                assert after == before

        run(play())

    def test_more_calls_than_are_looked_at_at_a_time_are_all_looked_at(self) -> None:
        (one,) = known_of(1, seed=34, tenants=1)
        calls = [
            call_of(replace(one, id=f"c{each}", dialog=f"d{each}", is_recorded=False))
            for each in range(MANY)
        ]

        async def play() -> None:
            async with self.empty() as catalog:
                await catalog.add_calls(1, calls)
                other = replace(one.facts, tags=frozenset({4711}))
                found = [
                    each
                    async for batch in catalog.wrong_calls(lambda _: ToldCall("other", other))
                    for each in batch
                ]
                assert {each.dialog for each in found} == {call.dialog for call in calls}
                assert all("unrecorded" in each.tables for each in found)

        run(play())

    def test_all_is_told_in_order_and_of_all_tenants(self) -> None:
        known = known_of(MANY, seed=22)

        async def play() -> None:
            async with self.filled(known) as catalog:
                assert await catalog.entries() == MANY
                kept = await all_kept(catalog)
                assert [each.place for each in kept] == sorted({each.place for each in kept})
                told = {(each.tenant, each.id, each.second) for each in kept}
                assert told == {(each.tenant, each.id, each.facts.started_at) for each in known}
                entry = await catalog.find(Reach(kept[0].tenant), str(kept[0].id))
                assert (kept[0].listed, kept[0].digest) == (entry.body, entry.digest)
                assert (kept[0].fingerprint, kept[0].state) == (entry.fingerprint, State.AVAILABLE)

        run(play())

    def test_a_withdrawn_and_a_touched_recording_are_told_as_such(self) -> None:
        known = known_of(2, seed=23, tenants=1)

        async def play() -> None:
            async with self.filled(known) as catalog:
                await catalog.withdraw(Reach(1), known[0].id, State.QUARANTINED, facts_in)
                await catalog.touch(Reach(1), known[1].id, 1)
                kept = {each.id: each for each in await all_kept(catalog)}
                first, second = kept[known[0].id], kept[known[1].id]
                assert (first.listed, first.state) == (None, State.QUARANTINED)
                assert first.withdrawn is not None
                assert (first.is_touched, second.is_touched) == (False, True)

        run(play())

    def test_it_knows_whose_audio_is_whose(self) -> None:
        first, second = known_of(2, seed=24, tenants=1)
        shared = b"\7" * 32

        async def play() -> None:
            async with self.empty() as catalog:
                entries = [replace(entry_of(each), digest=shared) for each in (first, second)]
                await catalog.add(1, entries)
                assert await catalog.with_audio(1, shared) == sorted([first.id, second.id])
                assert await catalog.with_audio(2, shared) == []
                unknown = b"\1" * 32
                assert await catalog.used_among(1, [unknown, shared]) == {shared}
                assert await catalog.used_among(2, [unknown, shared]) == frozenset()
                assert await catalog.marked_among(1, [unknown, shared]) == {shared}
                assert await catalog.marked_among(2, [unknown, shared]) == frozenset()
                await catalog.withdraw(Reach(1), first.id, State.DELETING, facts_in)
                await catalog.withdraw(Reach(1), second.id, State.DELETING, facts_in)
                assert await catalog.used_among(1, [shared]) == {shared}

        run(play())

    def test_mending_what_is_right_changes_nothing(self) -> None:
        known = known_of(30, seed=25, tenants=2)

        async def play() -> None:
            async with self.filled(known) as catalog:
                before = await all_kept(catalog)
                for each in before:
                    await catalog.mend_rows(each.place, told_in)
                await catalog.mend_rows(before[-1].place + 1, told_in)
                assert await all_kept(catalog) == before
                assert await flaws(catalog) == []

        run(play())

    def test_what_is_set_aside_is_in_no_list_and_its_rows_are_surplus_until_dropped(self) -> None:
        known = known_of(20, seed=26, tenants=1)

        async def play() -> None:
            async with self.filled(known) as catalog:
                victim = (await all_kept(catalog))[3]
                await catalog.set_aside(victim.place, State.SUSPECT)
                entry = await catalog.find(Reach(1), str(victim.id))
                assert (entry.state, entry.body) == (State.SUSPECT, victim.listed)
                rows = [each async for batch in catalog.surplus_rows(told_in) for each in batch]
                assert {(each.place, each.recording) for each in rows} == {
                    (victim.place, victim.id)
                }
                for row in rows:
                    await catalog.drop_row(row, told_in)
                for day in [each async for batch in catalog.wrong_days() for each in batch]:
                    await catalog.mend_day(day)
                assert await flaws(catalog) == []
                assert await catalog.count(Reach(1), CallFilter()) == 19
                long_ago = CallFilter(talking=Span(0))
                assert await catalog.count(Reach(1), long_ago) == 19
                await catalog.restore(Reach(1), str(victim.id), facts_in)
                assert await flaws(catalog) == []

        run(play())

    @pytest.mark.parametrize("is_heir_recorded", [True, False])
    def test_what_was_set_aside_may_be_so_again_while_another_lists_its_call(
        self, is_heir_recorded: bool
    ) -> None:
        (known,) = known_of(1, seed=35, tenants=1)
        first = replace(known, id="first", dialog="a")
        other = replace(first, id="other", is_recorded=is_heir_recorded)

        async def play() -> None:
            async with self.filled(
                [first, other] if is_heir_recorded else [other, first]
            ) as catalog:
                (place,) = [each.place for each in await all_kept(catalog) if each.id == "first"]
                for _ in range(2):
                    await catalog.set_aside(place, State.SUSPECT)
                    rows = [each async for batch in catalog.surplus_rows(told_in) for each in batch]
                    for row in rows:
                        await catalog.drop_row(row, told_in)
                    days = [each async for batch in catalog.wrong_days() for each in batch]
                    if rows:  # which are counted for as long as they stay
                        for day in days:
                            await catalog.mend_day(day)
                    else:
                        assert days == []
                assert await flaws(catalog) == []
                assert await catalog.count(Reach(1), EVERY_CALL) == 1

        run(play())

    def test_a_row_that_is_called_for_by_now_is_not_dropped(self) -> None:
        (known,) = known_of(1, seed=27, tenants=1)

        async def play() -> None:
            async with self.filled([known]) as catalog:
                (victim,) = await all_kept(catalog)
                await catalog.set_aside(victim.place, State.SUSPECT)
                rows = [each async for batch in catalog.surplus_rows(told_in) for each in batch]
                for row in rows:
                    await catalog.drop_row(row, told_in)
                for day in [each async for batch in catalog.wrong_days() for each in batch]:
                    await catalog.mend_day(day)
                await catalog.restore(Reach(1), known.id, facts_in)
                for row in rows:
                    await catalog.drop_row(row, told_in)
                assert await flaws(catalog) == []

        run(play())

    def test_what_has_an_entry_is_not_adopted(self) -> None:
        known = known_of(2, seed=29, tenants=1)

        async def play() -> None:
            async with self.filled(known) as catalog:
                before = await all_kept(catalog)
                entry = replace(entry_of(known[0]), id="another", source="repair")
                await catalog.adopt(before[0].place, entry)
                assert {each.id for each in await all_kept(catalog)} == {k.id for k in known}

        run(play())

    def test_what_was_deleted_for_good_and_is_there_is_surplus_and_can_be_dropped(self) -> None:
        known = known_of(2, seed=36, tenants=1)

        async def play() -> None:
            async with self.filled(known) as catalog:
                away = Deletion(1, "elsewhere", 1)
                await catalog.note_deletions([away, Deletion(1, known[1].id, 2)])
                await catalog.delete(Reach(1), known[0].id, facts_in, whole_body, 3)
                (row,) = [each async for batch in catalog.surplus_rows(told_in) for each in batch]
                assert (row.table, row.tenant, row.recording) == ("deletion", 1, known[1].id)
                await catalog.drop_row(row, told_in)
                await catalog.drop_row(replace(row, key=(1, known[0].id)), told_in)
                assert await flaws(catalog) == []
                left = await catalog.deletions(1, (0, ""), 9)
                assert {each.id for each in left} == {"elsewhere", known[0].id}

        run(play())

    def test_deletions_under_way_are_told(self) -> None:
        known = known_of(3, seed=30, tenants=2)

        async def play() -> None:
            async with self.filled(known) as catalog:
                assert await catalog.deleting() == []
                reach = Reach(known[0].tenant)
                await catalog.withdraw(reach, known[0].id, State.DELETING, facts_in)
                (each,) = await catalog.deleting()
                told = (each.tenant, each.id, each.digest)
                assert told == (reach.tenant, known[0].id, entry_of(known[0]).digest)

        run(play())

    def test_a_forgotten_recording_uses_no_audio(self) -> None:
        known = Known(1, "x", known_of(1, seed=28)[0].facts)

        async def play() -> None:
            async with self.filled([known]) as catalog:
                digest = entry_of(known).digest
                await catalog.withdraw(Reach(1), "x", State.DELETING, facts_in)
                await catalog.forget(Reach(1), "x")
                assert await catalog.used_among(1, [digest]) == frozenset()
                assert await catalog.with_audio(1, digest) == []
                with pytest.raises(NotFound):
                    await catalog.find(Reach(1), "x")

        run(play())
