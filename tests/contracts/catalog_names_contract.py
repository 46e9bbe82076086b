"""What every `Catalog` knows of names and tags, as tests."""

from __future__ import annotations

from dataclasses import replace

import pytest

from callreel.catalog import Kind
from callreel.errors import Conflict
from callreel.model import Facts, Named, Reach
from contracts.catalog_case import CatalogCase, run
from contracts.catalog_reference import NOON, Known, entry_of


class NamesContract(CatalogCase):
    def test_the_newest_name_is_known(self) -> None:
        entry = entry_of(Known(1, "a", Facts(NOON, NOON, 0, 1, 10)))

        async def play() -> None:
            async with self.empty() as catalog:
                first = replace(entry, project=Named(1, "Old"), user=Named(10, "Łucja"))
                await catalog.add(1, [first])
                later = replace(entry, id="b", project=Named(1, "New"), user=Named(10, None))
                await catalog.add(1, [later])
                assert await catalog.names(Reach(1), Kind.PROJECT) == [Named(1, "New")]
                assert await catalog.names(Reach(1), Kind.USER) == [Named(10, "Łucja")]
                assert await catalog.names(Reach(2), Kind.PROJECT) == []

        run(play())

    def test_of_the_names_that_come_at_once_the_last_one_counts(self) -> None:
        names = ["Old", "New", None]
        entries = [
            replace(
                entry_of(Known(1, f"n{index}", Facts(NOON, NOON, 0, 1))), project=Named(1, name)
            )
            for index, name in enumerate(names)
        ]

        async def play() -> None:
            async with self.empty() as catalog:
                await catalog.add(1, entries)
                assert await catalog.names(Reach(1), Kind.PROJECT) == [Named(1, "New")]

        run(play())

    def test_a_narrowed_reach_learns_no_name_from_another_tenant_s_calls(self) -> None:
        async def play() -> None:
            async with self.empty() as catalog:
                for tenant, user in ((1, 10), (2, 11)):
                    known = Known(tenant, "a", Facts(NOON, NOON, 0, 1, user))
                    entry = replace(entry_of(known), project=Named(1, "P"), user=Named(user, "U"))
                    await catalog.add(tenant, [entry])
                elsewhere = Reach(1, users=frozenset([11]))
                assert await catalog.names(elsewhere, Kind.PROJECT) == []
                assert await catalog.names(Reach(1, users=frozenset([10])), Kind.PROJECT) != []

        run(play())

    def test_a_narrowed_reach_sees_the_names_of_its_own_calls(self) -> None:
        calls = [("a", 1, 10), ("b", 2, 11), ("c", 1, 12)]

        async def play() -> None:
            async with self.empty() as catalog:
                for recording_id, project, user in calls:
                    known = Known(1, recording_id, Facts(NOON, NOON, 0, project, user))
                    named = replace(
                        entry_of(known), project=Named(project, "P"), user=Named(user, "U")
                    )
                    await catalog.add(1, [named])
                in_one = Reach(1, projects=frozenset([1]))
                own = Reach(1, users=frozenset([11]))
                assert [n.id for n in await catalog.names(in_one, Kind.USER)] == [10, 12]
                assert [n.id for n in await catalog.names(in_one, Kind.PROJECT)] == [1]
                assert [n.id for n in await catalog.names(own, Kind.PROJECT)] == [2]
                await catalog.add_tag(1, "VIP")
                assert [n.name for n in await catalog.names(own, Kind.TAG)] == ["VIP"]

        run(play())

    def test_tags_have_one_name_each(self) -> None:
        async def play() -> None:
            async with self.empty() as catalog:
                assert await catalog.add_tag(1, "VIP") == (Named(1, "VIP"), True)
                assert await catalog.add_tag(1, "VIP") == (Named(1, "VIP"), False)
                assert await catalog.add_tag(1, "Skarga", 40) == (Named(40, "Skarga"), True)
                assert await catalog.add_tag(1, "next") == (Named(41, "next"), True)
                assert await catalog.add_tag(2, "VIP", 7) == (Named(7, "VIP"), True)
                for name, tag_id in (("VIP", 2), ("other", 40)):
                    with pytest.raises(Conflict):
                        await catalog.add_tag(1, name, tag_id)
                assert await catalog.unknown_tags(1, frozenset([1, 7, 40])) == {7}

        run(play())

    def test_a_tag_that_came_with_a_call_is_known_and_can_be_named(self) -> None:
        entry = entry_of(Known(1, "a", Facts(NOON, NOON, 0, tags=frozenset([9]))))

        async def play() -> None:
            async with self.empty() as catalog:
                await catalog.add(1, [entry])
                assert await catalog.names(Reach(1), Kind.TAG) == [Named(9, None)]
                assert await catalog.add_tag(1, "Nine", 9) == (Named(9, "Nine"), True)
                assert await catalog.unknown_tags(1, frozenset([9])) == frozenset()

        run(play())
