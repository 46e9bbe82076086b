"""What every `Catalog` knows of calls, with recordings and without, as tests."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from callreel.catalog import Catalog, Kind, Outcome
from callreel.catalog.deletions import Deletion
from callreel.model import (
    EVERY_CALL,
    CallFilter,
    Direction,
    ListRequest,
    Named,
    Reach,
    SortField,
    SortKey,
    Span,
    State,
)
from contracts.catalog_calls_reference import Simple
from contracts.catalog_case import ENOUGH, SLOW_OK, CatalogCase, ids_of, mixed_of, run
from contracts.catalog_reference import (
    OPENING,
    SORTS,
    Known,
    call_of,
    calls,
    entry_of,
    facts_in,
    random_facts,
    whole_body,
)

EVERY = ListRequest(EVERY_CALL, limit=10_000)
RUN = 1
DIALOGS = ["a", "b", "c", "d"]
VERBS = [
    "record", "record", "record", "call", "call of an import", "drop", "end", "restore",
    "delete", "delete", "undo", "bring back", "lift", "note",
]  # fmt: skip
A_FIRST_THAT_DOES_NOT_LIST = [
    "record", "record", "record", "end", "restore", "end", "end", "restore", "delete",
]  # fmt: skip
"""After it, one that is in no list is deleted, while the first of its call does not list it."""


def made(number: int, dialog: str, *, is_recorded: bool) -> Known:
    """Return something known of one of few calls; the facts of a call are the same in all of it."""
    facts = random_facts(random.Random(dialog))
    return Known(1, f"{number}-{dialog}", facts, dialog, is_recorded)


async def agree(catalog: Catalog, simple: Simple, everything: dict[str, Known]) -> None:
    """Check that the lists and the counts are those that are to be."""
    listed = ids_of(await catalog.page(Reach(1), EVERY, OPENING))
    expected = simple.shown()
    assert {everything[each].call for each in listed} == expected.keys()
    assert len(listed) == len(expected)
    assert all(each in expected[everything[each].call] for each in listed)
    assert await catalog.count(Reach(1), EVERY_CALL) == len(expected)
    recordings = ids_of(await catalog.page(Reach(1), ListRequest(), OPENING))
    assert sorted(recordings) == sorted(simple.available)
    assert await catalog.count(Reach(1), CallFilter()) == len(simple.available)
    inbound = CallFilter(directions=frozenset([Direction.INBOUND]), unrecorded_too=True)
    several = CallFilter(projects=frozenset([1, 2]), unrecorded_too=True)
    longest = ListRequest(several, (SortKey(SortField.TALKING, descending=True),))
    facts = [everything[next(iter(ids))].facts for ids in expected.values()]
    assert await catalog.count(Reach(1), inbound) == sum(
        each.direction is Direction.INBOUND for each in facts
    )
    lost = {each: _second_and_dialog(simple.deleted[each]) for each in simple.lost}
    assert await catalog.calls_of_deleted(Reach(1), Span()) == set(lost.values())
    gone = await catalog.deletions(1, (0, ""), 100)
    assert [each.id for each in gone] == sorted(simple.deleted)
    assert {each.id: each.call for each in gone if each.call} == lost
    page = await catalog.page(Reach(1), longest, OPENING)
    assert page.count == sum(each.project_id in {1, 2} for each in facts)


class CallsContract(CatalogCase):
    @given(
        steps=st.lists(
            st.tuples(st.sampled_from(VERBS), st.sampled_from(DIALOGS[:2])),
            min_size=4,
            max_size=20,
        )
    )
    @example(steps=[(verb, "a") for verb in A_FIRST_THAT_DOES_NOT_LIST])
    @settings(SLOW_OK, max_examples=20)
    def test_a_call_is_listed_once_whatever_comes_and_goes(
        self, steps: list[tuple[str, str]]
    ) -> None:
        everything: dict[str, Known] = {}
        simple = Simple()

        async def play() -> None:
            async with self.empty() as catalog:
                assert await catalog.begin_import(1, "test", 1) == RUN
                for number, (verb, dialog) in enumerate(steps):
                    await _take(catalog, simple, everything, (number, verb, dialog))
                    await agree(catalog, simple, everything)

        run(play())

    @given(
        sort=SORTS,
        seed=st.integers(0, 10**6),
        limit=st.integers(1, 5),
        data=st.data(),
    )
    @settings(SLOW_OK, max_examples=8)
    def test_a_walk_over_calls_neither_skips_nor_repeats(
        self, sort: tuple[SortKey, ...], seed: int, limit: int, data: st.DataObject
    ) -> None:
        known = mixed_of(40, seed, tenants=1)
        late = iter(mixed_of(90, seed + 1, tenants=1))
        of = {each.id: each.call for each in known}
        facts = {each.call: each.facts for each in calls(known)}

        async def play() -> list[str]:
            request, seen = ListRequest(EVERY_CALL, sort, limit), list[str]()
            async with self.filled(known) as catalog:
                while True:
                    page = await catalog.page(Reach(1), request, OPENING)
                    seen += ids_of(page)
                    if page.count < limit:
                        return seen
                    assert len(seen) < ENOUGH, "a walk without end"
                    request = replace(request, after=page.last)
                    for each in [next(late, known[0]), replace(data.draw(a_call), id="later")]:
                        of[each.id] = each.call
                        agreed = replace(each, facts=facts.setdefault(each.call, each.facts))
                        await _add(catalog, agreed)

        a_call = st.sampled_from([each for each in known if not each.is_recorded] or known)
        seen = [of[each] for each in run(play())]
        assert len(seen) == len(set(seen))
        assert {each.call for each in calls(known)} <= set(seen)

    def test_a_recording_takes_the_place_of_its_call(self) -> None:
        facts = random_facts(random.Random(1))
        silent = [Known(1, f"silent-{d}", facts, d, is_recorded=False) for d in DIALOGS]
        recorded = Known(1, "recorded", facts, "b")

        async def play() -> None:
            async with self.filled([*silent, recorded]) as catalog:
                page = await catalog.page(Reach(1), EVERY, OPENING)
                assert ids_of(page) == ["silent-a", "recorded", "silent-c", "silent-d"]
                await catalog.withdraw(Reach(1), "recorded", State.DELETING, facts_in)
                page = await catalog.page(Reach(1), EVERY, OPENING)
                assert ids_of(page) == [each.id for each in silent]

        run(play())

    def test_the_dialog_of_another_second_or_tenant_is_another_call(self) -> None:
        facts = random_facts(random.Random(1))
        later = replace(facts, started_at=facts.started_at + 1)
        known = [
            Known(1, "one", facts, "a", is_recorded=False),
            Known(1, "two", later, "a"),
            Known(2, "three", facts, "a"),
        ]

        async def play() -> None:
            async with self.filled(known) as catalog:
                assert await catalog.count(Reach(1), EVERY_CALL) == 2
                assert await catalog.count(Reach(2), EVERY_CALL) == 1
                page = await catalog.page(Reach(2), EVERY, OPENING)
                assert ids_of(page) == ["three"]

        run(play())

    def test_recordings_of_no_known_dialog_are_calls_of_their_own(self) -> None:
        facts = random_facts(random.Random(1))

        async def play() -> None:
            async with self.filled([Known(1, "one", facts), Known(1, "two", facts)]) as catalog:
                assert await catalog.count(Reach(1), EVERY_CALL) == 2

        run(play())

    def test_a_call_without_recording_makes_names_and_tags_known(self) -> None:
        facts = replace(
            random_facts(random.Random(1)), project_id=3, user_id=12, tags=frozenset([77])
        )
        call = replace(
            call_of(Known(1, "one", facts, "a")), project=Named(3, "Sales"), user=Named(12, "Ola")
        )

        async def play() -> None:
            async with self.empty() as catalog:
                await catalog.add_calls(1, [call])
                assert await catalog.names(Reach(1), Kind.PROJECT) == [Named(3, "Sales")]
                narrowed = Reach(1, projects=frozenset([3]))
                assert await catalog.names(narrowed, Kind.USER) == [Named(12, "Ola")]
                assert await catalog.unknown_tags(1, frozenset([77, 78])) == {78}

        run(play())

    def test_a_call_of_which_a_leg_is_recorded_is_there_already(self) -> None:
        facts, later = random_facts(random.Random(1)), random_facts(random.Random(2))
        recorded = Known(1, "one", facts, "leg", is_recorded=True)
        call = call_of(Known(1, "two", later, "call", is_recorded=False))
        here, theirs = (facts.started_at, "leg"), (facts.started_at, "other")
        beyond = ((0, "leg"), (1 << 40, "leg"))  # keys that would be of another tenant

        async def play() -> None:
            async with self.empty() as catalog:
                await catalog.add(2, [entry_of(replace(recorded, tenant=2))])
                await catalog.add(1, [entry_of(recorded)])
                for legs, outcome in (
                    ((theirs, here), Outcome.SAME),
                    ((theirs, *beyond), Outcome.ADDED),
                ):
                    told = replace(call, legs=legs)
                    assert await catalog.knows_call(1, told) is (outcome is Outcome.SAME)
                    assert await catalog.add_calls(1, [told]) == [outcome]
                assert await catalog.knows_call(1, call)

        run(play())

    @pytest.mark.parametrize("limit", [1, 2, 10])
    def test_calls_of_an_import_are_dropped_so_many_at_a_time(self, limit: int) -> None:
        facts = random_facts(random.Random(1))
        known = [Known(1, d, facts, d, is_recorded=False) for d in DIALOGS]

        async def play() -> None:
            async with self.empty() as catalog:
                number = await catalog.begin_import(1, "test", 1)
                own = [replace(call_of(each), import_run=number) for each in known[:3]]
                await catalog.add_calls(1, [*own, call_of(known[3])])
                dropped = [await catalog.drop_calls(number, limit) for _ in range(5)]
                assert sum(dropped) == 3
                assert max(dropped) == min(limit, 3)
                assert await catalog.count(Reach(1), EVERY_CALL) == 1

        run(play())


async def _add(catalog: Catalog, known: Known, import_run: int | None = None) -> Outcome:
    if known.is_recorded:
        (outcome,) = await catalog.add(1, [entry_of(known)])
    else:
        call = replace(call_of(known), import_run=import_run)
        (outcome,) = await catalog.add_calls(1, [call])
    return outcome


async def _take(
    catalog: Catalog, simple: Simple, everything: dict[str, Known], step: tuple[int, str, str]
) -> None:
    """Take a step in the catalog and in what is to be there."""
    number, verb, dialog = step
    if verb in {"record", "call", "call of an import"}:
        known = everything[f"{number}-{dialog}"] = made(
            number, dialog, is_recorded=verb == "record"
        )
        is_of_import = verb == "call of an import"
        outcome = await _add(catalog, known, RUN if is_of_import else None)
        assert outcome is simple.add(known, is_of_import=is_of_import)
    elif verb == "drop":
        await catalog.drop_calls(RUN, 100)
        simple.drop()
    elif verb == "restore":
        for each in _one(simple.withdrawn.values(), dialog, number):
            await catalog.restore(Reach(1), each.id, facts_in)
            simple.restore(each.id)
    elif verb == "end":
        for each in _one(simple.available.values(), dialog, number):
            await catalog.withdraw(Reach(1), each.id, State.SUSPECT, facts_in)
            simple.withdraw(each.id)
    elif verb in {"delete", "undo"}:
        await _delete(catalog, simple, step)
    else:
        await _after_deletion(catalog, simple, step)


async def _delete(catalog: Catalog, simple: Simple, step: tuple[int, str, str]) -> None:
    number, verb, dialog = step
    known = [*simple.available.values(), *simple.withdrawn.values()]
    for each in _one(known, dialog, number):
        if verb == "delete":
            await catalog.delete(Reach(1), each.id, facts_in, whole_body, number)
            simple.delete(each.id)
        else:
            await catalog.withdraw(Reach(1), each.id, State.DELETING, facts_in)
            simple.undo(each.id)
        if number // 2 % 2:
            await catalog.forget(Reach(1), each.id)


async def _after_deletion(catalog: Catalog, simple: Simple, step: tuple[int, str, str]) -> None:
    """Take back a deletion, or a recording, or hear of a deletion."""
    number, verb, dialog = step
    deleted, away = _of(simple.deleted.values(), dialog), _of(simple.away.values(), dialog)
    if verb == "lift":
        for each in deleted[:1]:
            await catalog.lift_deletion(1, each.id)
            simple.lift(each.id)
    elif verb == "note":
        for each in [*deleted, *away][number % 2 :][:1]:
            told = Deletion(1, each.id, number, _second_and_dialog(each))
            await catalog.note_deletions([told])
            simple.note(each.id)
    else:
        for each in [*deleted, *away][:1]:
            is_deleted = each.id in simple.deleted
            outcome = Outcome.DELETED if is_deleted else Outcome.ADDED
            assert await catalog.add(1, [entry_of(each)]) == [outcome]
            if is_deleted:
                assert await catalog.add(1, [entry_of(each)], deleted_too=True) == [Outcome.ADDED]
            simple.bring_back(each.id)


def _second_and_dialog(known: Known) -> tuple[int, str]:
    return known.facts.started_at, known.dialog


def _of(known: Iterable[Known], dialog: str) -> list[Known]:
    return [each for each in known if each.dialog == dialog]


def _one(known: Iterable[Known], dialog: str, number: int) -> list[Known]:
    """Return one of those of a dialog, drawn by a number, or nothing where there is none."""
    found = _of(known, dialog)
    return found[number % len(found) :][:1] if found else []
