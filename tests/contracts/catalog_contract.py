"""The contract of `callreel.catalog.Catalog` as tests; each backend's tests inherit it."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Never

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callreel.archive import keys
from callreel.catalog import Catalog, Outcome
from callreel.errors import Conflict, NotFound
from callreel.model import (
    CallFilter,
    Facts,
    ListRequest,
    Reach,
    Scope,
    SortField,
    SortKey,
    State,
)
from contracts.catalog_audit_contract import AuditContract
from contracts.catalog_calls_contract import CallsContract
from contracts.catalog_case import SLOW_OK, ids_of, known_of, run
from contracts.catalog_deletions_contract import DeletionsContract
from contracts.catalog_ledger_contract import LedgerContract
from contracts.catalog_list_contract import ListContract
from contracts.catalog_names_contract import NamesContract
from contracts.catalog_outbox_contract import OutboxContract
from contracts.catalog_reference import (
    NOON,
    OPENING,
    Known,
    body_of,
    entry_of,
    facts_in,
    listed,
    random_facts,
)


class CatalogContract(
    ListContract,
    CallsContract,
    NamesContract,
    AuditContract,
    DeletionsContract,
    LedgerContract,
    OutboxContract,
):
    """Inherit, and say how to open an empty catalog in a folder."""

    # Adding

    def test_a_repeat_is_the_same_and_other_content_a_conflict(self) -> None:
        known = known_of(3, seed=5, tenants=1)

        async def play() -> None:
            async with self.filled(known) as catalog:
                entry = entry_of(known[0])
                other = replace(entry, fingerprint=b"x" * 32)
                fresh = entry_of(Known(1, "fresh", known[0].facts))
                outcomes = await catalog.add(1, [entry, other, fresh, fresh])
                assert outcomes == [
                    Outcome.SAME,
                    Outcome.CONFLICT,
                    Outcome.ADDED,
                    Outcome.SAME,
                ]
                assert await catalog.count(Reach(1), CallFilter()) == 4
                assert (await catalog.find(Reach(1), entry.id)).body == entry.body

        run(play())

    def test_the_same_id_lives_in_two_tenants(self) -> None:
        async def play() -> None:
            async with self.filled([]) as catalog:
                first, second = known_of(2, seed=9, tenants=1)
                assert await catalog.add(1, [entry_of(replace(first, id="x"))]) == [Outcome.ADDED]
                assert await catalog.add(2, [entry_of(replace(second, id="x"))]) == [Outcome.ADDED]
                assert facts_in((await catalog.find(Reach(1), "x")).body) == first.facts
                assert facts_in((await catalog.find(Reach(2), "x")).body) == second.facts

        run(play())

    def test_arrival_orders_calls_of_one_second_over_batches(self) -> None:
        facts = Facts(NOON, NOON, 0)
        known = [Known(1, f"n{index}", facts) for index in range(10)]

        async def play() -> list[str]:
            async with self.filled(known[:4]) as catalog:
                for each in known[4:]:
                    await catalog.add(1, [entry_of(each)])
                return ids_of(await catalog.page(Reach(1), ListRequest(), OPENING))

        assert run(play()) == [each.id for each in known]

    # One

    def test_one_is_found_within_reach_only(self) -> None:
        facts = Facts(NOON, NOON, 0, project_id=1, user_id=10)

        async def play() -> None:
            async with self.filled([Known(1, "one", facts)]) as catalog:
                entry = await catalog.find(Reach(1, frozenset([1, 2]), frozenset([10])), "one")
                assert (entry.id, entry.state) == ("one", State.AVAILABLE)
                for reach in (
                    Reach(2),
                    Reach(1, projects=frozenset([2])),
                    Reach(1, users=frozenset()),
                ):
                    with pytest.raises(NotFound):
                        await catalog.find(reach, "one")

        run(play())

    @given(seed=st.integers(0, 10**6), tags=st.frozensets(st.sampled_from([5, 6, 7, 8, 9])))
    @settings(SLOW_OK, max_examples=15)
    def test_rewritten_tags_are_found_and_the_old_ones_not(
        self, seed: int, tags: frozenset[int]
    ) -> None:
        known = known_of(12, seed, tenants=1)
        after = [replace(known[0], facts=replace(known[0].facts, tags=tags)), *known[1:]]

        async def play() -> None:
            async with self.filled(known) as catalog:
                body = body_of(after[0].id, after[0].facts)
                made = await catalog.rewrite(Reach(1), known[0].id, lambda _: body, facts_in)
                assert made == body == (await catalog.find(Reach(1), known[0].id)).body
                for tag in (5, 6, 7, 8, 9):
                    wanted = CallFilter(tags=(frozenset([tag]),))
                    page = await catalog.page(Reach(1), ListRequest(wanted), OPENING)
                    assert ids_of(page) == listed(
                        Reach(1), wanted, (SortKey(SortField.STARTED),), after
                    )

        run(play())

    def test_a_change_that_fails_leaves_all_as_it_was(self) -> None:
        known = known_of(5, seed=3, tenants=1)

        def fail(_body: bytes) -> Never:
            raise ValueError("no")

        async def play() -> None:
            async with self.filled(known) as catalog:
                before = await catalog.find(Reach(1), known[0].id)
                with pytest.raises(ValueError, match="no"):
                    await catalog.rewrite(Reach(1), known[0].id, fail, facts_in)
                with pytest.raises(ValueError, match="no"):
                    await catalog.withdraw(Reach(1), known[0].id, State.DELETING, fail)
                assert await catalog.find(Reach(1), known[0].id) == before
                assert await catalog.count(Reach(1), CallFilter()) == 5

        run(play())

    def test_a_withdrawn_recording_is_in_no_list_until_it_is_restored(self) -> None:
        known = known_of(40, seed=4, tenants=1)
        victim, rest = known[7], [*known[:7], *known[8:]]
        request = ListRequest(sort=(SortKey(SortField.TALKING),))

        async def play() -> None:
            async with self.filled(known) as catalog:
                await catalog.withdraw(Reach(1), victim.id, State.MISSING_AUDIO, facts_in)
                assert (await catalog.find(Reach(1), victim.id)).state is State.MISSING_AUDIO
                for kept in (ListRequest(), request):
                    page = await catalog.page(Reach(1), kept, OPENING)
                    assert ids_of(page) == listed(Reach(1), kept.filter, kept.sort, rest)
                assert await catalog.count(Reach(1), CallFilter()) == len(rest)
                with pytest.raises(NotFound):
                    await catalog.rewrite(Reach(1), victim.id, lambda body: body, facts_in)
                await catalog.restore(Reach(1), victim.id, facts_in)
                page = await catalog.page(Reach(1), request, OPENING)
                assert ids_of(page) == listed(Reach(1), CallFilter(), request.sort, known)

        run(play())

    def test_a_deletion_that_began_is_not_undone(self) -> None:
        known = known_of(3, seed=9, tenants=1)

        async def play() -> None:
            async with self.filled(known) as catalog:
                await catalog.withdraw(Reach(1), known[0].id, State.DELETING, facts_in)
                await catalog.withdraw(Reach(1), known[0].id, State.SUSPECT, facts_in)
                with pytest.raises(NotFound):
                    await catalog.restore(Reach(1), known[0].id, facts_in)
                assert (await catalog.find(Reach(1), known[0].id)).state is State.DELETING
                assert await catalog.count(Reach(1), CallFilter()) == 2

        run(play())

    def test_what_is_forgotten_is_gone_and_its_digest_unused(self) -> None:
        known = [Known(1, "aaaa-1", random_facts(random.Random(1)))]

        async def play() -> None:
            async with self.filled(known) as catalog:
                digest = entry_of(known[0]).digest
                await catalog.forget(Reach(1), "aaaa-1")
                assert await catalog.is_digest_used(1, digest), "an available one is not forgotten"
                assert not await catalog.is_digest_used(2, digest)
                await catalog.withdraw(Reach(1), "aaaa-1", State.SUSPECT, facts_in)
                assert await catalog.is_digest_used(1, digest)
                await catalog.withdraw(Reach(1), "aaaa-1", State.DELETING, facts_in)
                assert not await catalog.is_digest_used(1, digest)
                await catalog.forget(Reach(1), "aaaa-1")
                await catalog.forget(Reach(1), "aaaa-1")
                assert not await catalog.is_digest_used(1, digest)
                with pytest.raises(NotFound):
                    await catalog.find(Reach(1), "aaaa-1")
                assert await catalog.add(1, [entry_of(known[0])]) == [Outcome.ADDED]

        run(play())

    def test_whether_an_id_begins_so_is_told_of_one_tenant_and_every_state(self) -> None:
        known = [
            Known(tenant, each, random_facts(random.Random(tenant)))
            for tenant, each in ((1, "aaaa-1"), (1, "ab_c"), (2, "b%\U0010ffff"))
        ]

        async def play() -> None:
            async with self.filled(known) as catalog:
                await catalog.withdraw(Reach(1), "ab_c", State.SUSPECT, facts_in)
                for tenant in (1, 2):
                    for beginning in (
                        "",
                        "a",
                        "aaaa-",
                        "aaaa-1",
                        "aaaa-12",
                        "ab_",
                        "a_",
                        "b%",
                        "B",
                    ):
                        expected = any(
                            each.tenant == tenant and each.id.startswith(beginning)
                            for each in known
                        )
                        assert await catalog.has_id_like(tenant, beginning) == expected

        run(play())

    @pytest.mark.parametrize("is_same", [True, False])
    def test_the_id_of_what_is_being_deleted_is_free(self, is_same: bool) -> None:
        known = [*known_of(3, seed=6, tenants=1), Known(1, "zzzz-4", Facts(NOON, NOON, 0))]
        victim, new = known[3], known[3] if is_same else replace(known[0], id=known[3].id)

        async def play() -> None:
            async with self.filled(known) as catalog:
                await catalog.withdraw(Reach(1), victim.id, State.SUSPECT, facts_in)
                expected = Outcome.SAME if is_same else Outcome.CONFLICT
                assert await catalog.add(1, [entry_of(new)]) == [expected]
                await catalog.withdraw(Reach(1), victim.id, State.DELETING, facts_in)
                assert await catalog.add(1, [entry_of(new)]) == [Outcome.ADDED]
                assert await catalog.count(Reach(1), CallFilter()) == 4
                assert (await catalog.find(Reach(1), new.id)).body == entry_of(new).body
                await catalog.withdraw(Reach(1), new.id, State.DELETING, facts_in)
                await catalog.forget(Reach(1), new.id)
                assert not await catalog.is_digest_used(1, entry_of(victim).digest)

        run(play())

    @pytest.mark.parametrize("verb", ["withdraw", "restore", "rewrite"])
    def test_what_is_out_of_reach_cannot_be_changed(self, verb: str) -> None:
        known = known_of(3, seed=8, tenants=1)

        async def play() -> None:
            async with self.filled(known) as catalog:
                for reach in (Reach(2), Reach(1, projects=frozenset([99]))):
                    changes: dict[str, Callable[[Reach], Awaitable[object]]] = {
                        "withdraw": lambda r: catalog.withdraw(
                            r, known[0].id, State.SUSPECT, facts_in
                        ),
                        "restore": lambda r: catalog.restore(r, known[0].id, facts_in),
                        "rewrite": lambda r: catalog.rewrite(
                            r, known[0].id, lambda body: body, facts_in
                        ),
                    }
                    with pytest.raises(NotFound):
                        await changes[verb](reach)
                assert await catalog.count(Reach(1), CallFilter()) == 3

        run(play())

    # Tenants, keys

    def test_tenants_have_their_own_names(self) -> None:
        async def play() -> None:
            async with self.empty(tenants=2) as catalog:
                with pytest.raises(Conflict):
                    await catalog.add_tenant("tenant 1")
                assert [t.name for t in await catalog.tenants()] == ["tenant 1", "tenant 2"]

        run(play())

    def test_a_key_is_known_by_its_digest_and_stays_when_revoked(self) -> None:
        async def play() -> None:
            async with self.empty() as catalog:
                reach = Reach(2, frozenset([3, 1]), None)
                text, key = keys.make("for tests", reach, frozenset([Scope.READ]), NOON)
                await catalog.add_key(key)
                assert await catalog.key_by_digest(keys.digest_of(text)) == key
                assert await catalog.key_by_digest(keys.digest_of(text + "x")) is None
                assert await catalog.revoke_key(key.id, 5) == 5
                assert await catalog.revoke_key(key.id, 9) == 5
                assert await catalog.keys() == await catalog.keys(2) == [replace(key, revoked_at=5)]
                assert await catalog.damaged_keys() == []
                assert await catalog.keys(1) == []
                for at in (7, 9, 8):
                    await catalog.note_key_uses({key.id: at, "nobody": at})
                assert await catalog.keys() == [replace(key, revoked_at=5, used_at=9)]
                with pytest.raises(NotFound):
                    await catalog.revoke_key("nobody", 5)

        run(play())

    def test_it_can_be_checked(self, shared: Catalog) -> None:
        run(shared.check())
