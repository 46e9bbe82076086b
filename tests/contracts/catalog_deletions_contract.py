"""The part of the catalog's contract about what was deleted for good, and what only files tell."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callreel.catalog import Outcome
from callreel.catalog.deletions import Deletion
from callreel.errors import NotFound
from callreel.model import EVERY_CALL, CallFilter, Reach, Span, State
from contracts.catalog_audit_contract import flaws
from contracts.catalog_calls_contract import EVERY, made
from contracts.catalog_case import SLOW_OK, CatalogCase, ids_of, known_of, run
from contracts.catalog_reference import NOON, OPENING, entry_of, facts_in, matches, whole_body


class DeletionsContract(CatalogCase):
    def test_what_was_deleted_for_good_is_added_only_by_who_says_so(self) -> None:
        known = known_of(3, seed=7, tenants=1)
        one, other, _ = map(entry_of, known)

        async def play() -> None:
            async with self.filled(known) as catalog:
                for again in range(2):  # the second time, its deletion is under way already
                    await catalog.delete(Reach(1), one.id, facts_in, whole_body, 9 - again)
                    assert await catalog.add(1, [one, other]) == [Outcome.DELETED, Outcome.SAME]
                await catalog.forget(Reach(1), one.id)
                assert await catalog.is_deleted(1, one.id)
                assert not await catalog.is_deleted(2, one.id)
                assert await catalog.has_id_like(1, one.id[:5])
                changed = replace(one, fingerprint=b"\1" * 32)
                assert await catalog.add(1, [changed]) == [Outcome.DELETED]
                assert await catalog.add(2, [one]) == [Outcome.ADDED]
                (kept,) = await catalog.deletions(1, (0, ""), 9)
                assert replace(kept, call=None) == Deletion(1, one.id, 8)
                added = await catalog.add(1, [one, one], deleted_too=True)
                assert added == [Outcome.ADDED, Outcome.SAME]
                assert await catalog.deletions(1, (0, ""), 9) == []
                assert await catalog.count(Reach(1), CallFilter()) == 3

        run(play())

    def test_what_is_out_of_reach_cannot_be_deleted(self) -> None:
        known = known_of(1, seed=7, tenants=1)

        async def play() -> None:
            async with self.filled(known) as catalog:
                for reach in (Reach(2), Reach(1, projects=frozenset([99]))):
                    with pytest.raises(NotFound):
                        await catalog.delete(reach, known[0].id, facts_in, whole_body, 1)
                assert await catalog.deletions(None, (0, ""), 9) == []
                assert await catalog.add(1, [entry_of(known[0])]) == [Outcome.SAME]

        run(play())

    def test_a_recording_that_is_in_no_list_leaves_the_lists_as_they_are(self) -> None:
        one, two, three = (made(number, "a", is_recorded=True) for number in range(3))

        async def play() -> None:
            async with self.filled([one, two, three]) as catalog:
                await catalog.withdraw(Reach(1), one.id, State.SUSPECT, facts_in)
                await catalog.restore(Reach(1), one.id, facts_in)  # the second lists the call now
                await catalog.withdraw(Reach(1), three.id, State.SUSPECT, facts_in)
                await catalog.delete(Reach(1), three.id, facts_in, whole_body, 1)
                assert ids_of(await catalog.page(Reach(1), EVERY, OPENING)) == [two.id]
                assert await catalog.count(Reach(1), EVERY_CALL) == 1
                assert await flaws(catalog) == []

        run(play())

    @pytest.mark.parametrize("limit", [1, 2, 100])
    def test_deletions_are_listed_by_tenant_and_id_page_by_page(self, limit: int) -> None:
        noted = [Deletion(tenant, each, 5) for tenant in (2, 1) for each in ("b", "a", "ż")]

        async def play() -> None:
            async with self.empty() as catalog:
                await catalog.note_deletions(noted)
                await catalog.note_deletions([Deletion(1, "a", 4), Deletion(1, "b", 6)])
                for tenant in (None, 1, 2, 3):
                    found: list[Deletion] = []
                    after = (0, "")
                    while page := await catalog.deletions(tenant, after, limit):
                        found += page
                        after = page[-1].tenant, page[-1].id
                        assert len(page) <= limit
                    own = sorted(
                        (each.tenant, each.id) for each in noted if tenant in {None, each.tenant}
                    )
                    assert [(each.tenant, each.id) for each in found] == own
                (first,) = await catalog.deletions(1, (0, ""), 1)
                assert first == Deletion(1, "a", 4)
                with pytest.raises(NotFound):
                    await catalog.note_deletions([Deletion(1, "c", 1), Deletion(77, "d", 1)])
                assert not await catalog.is_deleted(1, "c")

        run(play())

    @given(seed=st.integers(0, 10**6), low=st.integers(0, 4), length=st.integers(0, 700))
    @settings(SLOW_OK, max_examples=15)
    def test_recordings_of_files_alone_are_those_of_the_span_and_the_reach(
        self, seed: int, low: int, length: int
    ) -> None:
        rng = random.Random(seed)
        known = known_of(40, seed)
        told = {each.id: rng.choice([True, False, None]) for each in known}
        span = Span(NOON + low, NOON + low + length)
        reaches = [Reach(1), Reach(1, projects=frozenset([1, 2])), Reach(2, users=frozenset([11]))]

        async def play() -> None:
            async with self.empty() as catalog:
                for tenant in {each.tenant for each in known}:
                    own = [each for each in known if each.tenant == tenant]
                    entries = [
                        replace(entry_of(each), has_call_record=told[each.id]) for each in own
                    ]
                    await catalog.add(tenant, entries)
                gone = {each.id for each in known[::7]}
                for each in known[::7]:
                    await catalog.withdraw(Reach(each.tenant), each.id, State.SUSPECT, facts_in)
                for _ in range(2):
                    for reach in reaches:
                        assert await catalog.without_call_record(reach, span) == {
                            each.id
                            for each in known
                            if told[each.id] is False
                            and each.id not in gone
                            and matches(reach, CallFilter(started=span), each)
                        }
                    later = [each for each in known if told[each.id] is not None][::3]
                    digests = [(each.id, entry_of(each).digest) for each in later]
                    others = [(each.id, b"\1" * 32) for each in known]
                    await catalog.note_call_records(2, digests + others)
                    told.update({each.id: True for each in later if each.tenant == 2})
                for each in known:
                    entry = await catalog.find(Reach(each.tenant), each.id)
                    assert entry.has_call_record is told[each.id]

        run(play())
