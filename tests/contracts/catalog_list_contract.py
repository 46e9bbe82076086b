"""What every `Catalog` lists and counts, as tests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callreel.catalog import Catalog
from callreel.errors import BadParameter
from callreel.model import (
    EVERY_CALL,
    NO_FILTER,
    CallFilter,
    DialogType,
    Direction,
    Facts,
    ListRequest,
    Reach,
    SortField,
    SortKey,
    Span,
    State,
)
from contracts.catalog_case import (
    ENOUGH,
    SLOW_OK,
    CatalogCase,
    fill,
    ids_of,
    known_of,
    mixed_of,
    run,
    walk,
)
from contracts.catalog_reference import (
    NOON,
    NUMBERS,
    OPENING,
    REACHES,
    REQUESTS,
    SORTS,
    Known,
    entry_of,
    facts_in,
    listed,
    matches,
    of_list,
)

MANY = mixed_of(400, seed=1)
SEVERAL_TAGS = st.frozensets(st.sampled_from([5, 6, 7, 8]), min_size=2)
SEVERAL_NUMBERS = st.frozensets(st.sampled_from(NUMBERS), min_size=2)
SEVERAL_VALUES = st.builds(
    ListRequest,
    filter=st.builds(
        CallFilter,
        tags=st.tuples(SEVERAL_TAGS),
        numbers=st.lists(SEVERAL_NUMBERS, max_size=1).map(tuple),
        unrecorded_too=st.booleans(),
    ),
    sort=st.tuples(st.builds(SortKey, st.just(SortField.STARTED), st.booleans())),
    limit=st.integers(1, 6),
    offset=st.integers(0, 6),
)


class ListContract(CatalogCase):
    @pytest.fixture(scope="class")
    @classmethod
    def shared(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
        """One catalog for all tests that only read."""
        catalog = cls().open(tmp_path_factory.mktemp("shared"))

        async def prepare() -> None:
            for number in range(1, 5):
                await catalog.add_tenant(f"tenant {number}")
            await fill(catalog, MANY)

        run(prepare())
        yield catalog
        run(catalog.close())

    @given(reach=REACHES, request_=REQUESTS)
    @settings(SLOW_OK, max_examples=400)
    def test_a_page_is_the_slice_of_the_sorted_matches(
        self, shared: Catalog, reach: Reach, request_: ListRequest
    ) -> None:
        expected = listed(reach, request_.filter, request_.sort, MANY)
        page = run(shared.page(reach, request_, OPENING))
        assert ids_of(page) == expected[request_.offset : request_.offset + request_.limit]

    @given(reach=REACHES, request_=REQUESTS)
    @settings(SLOW_OK, max_examples=200)
    def test_the_count_is_the_number_of_matches(
        self, shared: Catalog, reach: Reach, request_: ListRequest
    ) -> None:
        held = of_list(request_.filter, MANY)
        expected = sum(matches(reach, request_.filter, each) for each in held)
        assert run(shared.count(reach, request_.filter)) == expected

    @given(reach=REACHES, request_=REQUESTS, limit=st.sampled_from([1, 2, 3, 10]))
    @settings(SLOW_OK, max_examples=150)
    def test_walking_by_position_gives_the_whole_list_once(
        self, shared: Catalog, reach: Reach, request_: ListRequest, limit: int
    ) -> None:
        walked = run(walk(shared, reach, replace(request_, limit=limit, offset=0)))
        assert walked == listed(reach, request_.filter, request_.sort, MANY)

    @given(sort=SORTS, seed=st.integers(0, 10**6), limit=st.integers(1, 5), data=st.data())
    @settings(SLOW_OK, max_examples=25)
    def test_a_walk_neither_skips_nor_repeats_whatever_comes_and_goes(
        self, sort: tuple[SortKey, ...], seed: int, limit: int, data: st.DataObject
    ) -> None:
        known = known_of(25, seed, tenants=1)
        late = iter(known_of(60, seed + 1, tenants=1))

        async def play() -> tuple[list[str], set[str]]:
            reach, request = Reach(1), ListRequest(sort=sort, limit=limit)
            seen, gone = list[str](), set[str]()
            async with self.filled(known) as catalog:
                while True:
                    page = await catalog.page(reach, request, OPENING)
                    seen += ids_of(page)
                    if page.count < limit:
                        return seen, gone
                    assert len(seen) < ENOUGH, "a walk without end"
                    request = replace(request, after=page.last)
                    await catalog.add(1, [entry_of(next(late, known[0])) for _ in range(2)])
                    victim = data.draw(st.sampled_from([each.id for each in known]))
                    if victim not in gone:
                        gone.add(victim)
                        await catalog.withdraw(reach, victim, State.DELETING, facts_in)
                        await catalog.forget(reach, victim)

        seen, gone = run(play())
        assert len(seen) == len(set(seen))
        assert {each.id for each in known} - gone <= set(seen)

    def test_nobody_sees_past_the_tenant_even_with_the_same_ids_and_values(self) -> None:
        facts = Facts(NOON, NOON + 5, 100, 1, 10, frozenset(["48"]), frozenset([5]))
        known = [Known(tenant, "same-id", facts) for tenant in (1, 2, 3)]

        async def play() -> None:
            async with self.filled(known) as catalog:
                await catalog.withdraw(Reach(2), "same-id", State.SUSPECT, facts_in)
                for tenant, expected in ((1, 1), (2, 0), (3, 1), (4, 0)):
                    assert await catalog.count(Reach(tenant), CallFilter()) == expected
                    wanted = CallFilter(projects=frozenset([1]), tags=(frozenset([5]),))
                    page = await catalog.page(Reach(tenant), ListRequest(wanted), OPENING)
                    assert page.count == expected

        run(play())

    def test_a_position_of_another_order_is_refused(self, shared: Catalog) -> None:
        talking = (SortKey(SortField.TALKING),)
        for position in ((1, 2, 3), (-1,), (1 << 48,)):
            with pytest.raises(BadParameter):
                run(shared.page(Reach(1), ListRequest(after=position), OPENING))
        with pytest.raises(BadParameter):
            run(shared.page(Reach(1), ListRequest(sort=talking, after=(1,)), OPENING))

    @given(reach=REACHES, request_=SEVERAL_VALUES)
    @settings(SLOW_OK, max_examples=150)
    def test_calls_with_several_of_the_values_asked_for_come_once_and_in_order(
        self, shared: Catalog, reach: Reach, request_: ListRequest
    ) -> None:
        expected = listed(reach, request_.filter, request_.sort, MANY)
        page = run(shared.page(reach, request_, OPENING))
        assert ids_of(page) == expected[request_.offset : request_.offset + request_.limit]

    @pytest.mark.parametrize("of_calls", [False, True])
    @pytest.mark.parametrize("sort", [SortField.STARTED, SortField.TALKING])
    def test_many_long_lists_at_once_are_answered(
        self, shared: Catalog, sort: SortField, of_calls: bool
    ) -> None:
        tags = tuple(frozenset(range(5, 100 + more)) for more in range(8))
        everything = frozenset(range(-100, 900))
        wanted = CallFilter(
            tags=tags, projects=everything, users=everything, unrecorded_too=of_calls
        )
        expected = listed(Reach(1), wanted, (SortKey(sort),), MANY)
        request_ = ListRequest(wanted, (SortKey(sort),), limit=10)
        assert expected
        assert ids_of(run(shared.page(Reach(1), request_, OPENING))) == expected[:10]
        assert run(shared.count(Reach(1), wanted)) == len(expected)

    @pytest.mark.parametrize("of_calls", [False, True])
    @pytest.mark.parametrize("descends", [False, True])
    @pytest.mark.parametrize(
        "started",
        [
            Span(),
            Span(NOON + 1, NOON + 3),
            Span(NOON + 1, NOON + 86_401),
            Span(NOON - 43_200, NOON + 5 * 86_400 + 43_199),  # from midnight to midnight
            Span(high=NOON + 86_400),
        ],
    )
    def test_every_offset_leads_to_its_place(
        self, shared: Catalog, started: Span, descends: bool, of_calls: bool
    ) -> None:
        wanted = CallFilter(started=started, unrecorded_too=of_calls)
        sort = (SortKey(SortField.STARTED, descends),)
        expected = listed(Reach(1), wanted, sort, MANY)

        async def look() -> None:
            for offset in range(len(expected) + 2):
                request = ListRequest(wanted, sort, 2, offset)
                page = await shared.page(Reach(1), request, OPENING)
                assert ids_of(page) == expected[offset : offset + 2]

        run(look())

    @pytest.mark.parametrize("wanted", [NO_FILTER, EVERY_CALL])
    @pytest.mark.parametrize("limit", [10, 500])
    def test_a_narrowed_reach_bounds_the_plainest_list(
        self, shared: Catalog, limit: int, wanted: CallFilter
    ) -> None:
        request = ListRequest(wanted, limit=limit)
        for reach in (
            Reach(2),
            Reach(2, projects=frozenset([1])),
            Reach(2, users=frozenset([10])),
            Reach(2, projects=frozenset()),
            Reach(4),
        ):
            expected = listed(reach, request.filter, request.sort, MANY)
            assert ids_of(run(shared.page(reach, request, OPENING))) == expected[:limit]
            assert run(shared.count(reach, request.filter)) == len(expected)

    def test_a_long_call_is_found_by_its_end_whatever_came_after_it(self) -> None:
        known = [
            Known(1, "long", Facts(NOON - 9_000, NOON, 0)),
            Known(1, "short", Facts(NOON - 8_000, NOON - 7_999, 0)),
        ]
        wanted = CallFilter(hung_up=Span(low=NOON))

        async def play() -> None:
            async with self.filled(known[:1]) as catalog:
                await catalog.add(1, [entry_of(known[1])])
                page = await catalog.page(Reach(1), ListRequest(wanted), OPENING)
                assert ids_of(page) == ["long"]

        run(play())

    @pytest.mark.parametrize(
        "wanted",
        [
            CallFilter(projects=frozenset([1])),
            CallFilter(users=frozenset([1])),
            CallFilter(numbers=(frozenset(["1"]),)),
            CallFilter(tags=(frozenset([1]),)),
            CallFilter(talking=Span(low=1)),
            CallFilter(hung_up=Span(low=NOON + 1)),
            CallFilter(started=Span(low=NOON + 1)),
            CallFilter(types=frozenset([DialogType.BOT])),
            CallFilter(directions=frozenset([Direction.OUTBOUND])),
            CallFilter(source_call_ids=(frozenset(["1"]),)),
        ],
    )
    def test_each_condition_alone_leaves_out_what_does_not_meet_it(
        self, wanted: CallFilter
    ) -> None:
        bare = Facts(
            *(NOON, NOON, 0), dialog_type=DialogType.CONSULTANT, direction=Direction.INBOUND
        )
        full = Facts(
            *(NOON + 1, NOON + 1, 1, 1, 1, frozenset(["1"]), frozenset([1])),
            *(DialogType.BOT, Direction.OUTBOUND, "1"),
        )
        known = [
            Known(1, f"{name} {kind}", facts, f"{name} {kind}", kind == "recorded")
            for name, facts in (("bare", bare), ("full", full))
            for kind in ("recorded", "unrecorded")
        ]

        async def play() -> None:
            async with self.filled(known) as catalog:
                page = await catalog.page(Reach(1), ListRequest(wanted), OPENING)
                assert ids_of(page) == ["full recorded"]
                assert await catalog.count(Reach(1), wanted) == 1
                calls = replace(wanted, unrecorded_too=True)
                page = await catalog.page(Reach(1), ListRequest(calls), OPENING)
                assert ids_of(page) == ["full recorded", "full unrecorded"]
                assert await catalog.count(Reach(1), calls) == 2

        run(play())
