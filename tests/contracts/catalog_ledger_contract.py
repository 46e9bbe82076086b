"""What a catalog promises of imports, as tests; each backend's tests inherit it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from callreel.catalog import Catalog
from callreel.catalog.ledger import Brought, ImportItem, ImportRun
from callreel.errors import NotFound
from callreel.model import Facts, Reach, Span, State
from contracts.catalog_case import CatalogCase, run
from contracts.catalog_reference import NOON, Known, body_of, entry_of, facts_in

ITEMS = [
    ImportItem(place="a.wav", is_row=False, became="added", recording="r-1"),
    ImportItem(place="b.wav", is_row=False, became="added", notes=("One.", "Zwei."), recording="2"),
    ImportItem(place="c.wav", is_row=False, became="refused", fault="empty", reason="No sound."),
    ImportItem(place="cdr.csv:2", is_row=True, became="joined"),
]


async def bring(catalog: Catalog, number: int, *ids: str, project: int = 1) -> None:
    """Add recordings of an import."""
    known = [Known(1, each, Facts(NOON, NOON + 60, 9, project_id=project)) for each in ids]
    await catalog.add(1, [replace(entry_of(each), import_run=number) for each in known])


class LedgerContract(CatalogCase):
    """Inherit, and say how to open an empty catalog in a folder."""

    def test_what_became_of_things_is_kept_in_order_and_counted(self) -> None:
        async def play() -> None:
            async with self.empty() as catalog:
                number = await catalog.begin_import(2, "freepbx", NOON)
                await catalog.note_items(number, ITEMS[:3])
                await catalog.note_items(number, [])
                await catalog.note_items(number, ITEMS[3:])
                found = await catalog.import_items(number, 0, 10)
                assert found == list(enumerate(ITEMS, 1))
                files = {"added": 2, "refused": 1}
                assert await catalog.import_run(number) == ImportRun(
                    number, 2, "freepbx", NOON, None, None, files, {"joined": 1}
                )

        run(play())

    def test_items_come_in_pages_and_by_what_they_became(self) -> None:
        async def play() -> None:
            async with self.empty() as catalog:
                other = await catalog.begin_import(1, "freepbx", NOON)
                number = await catalog.begin_import(1, "freepbx", NOON)
                await catalog.note_items(other, ITEMS[:1])
                await catalog.note_items(number, ITEMS)
                assert await catalog.import_items(number, 1, 2) == [(2, ITEMS[1]), (3, ITEMS[2])]
                assert await catalog.import_items(number, 4, 2) == []
                wanted = frozenset({"refused", "joined"})
                found = await catalog.import_items(number, 0, 9, wanted)
                assert [each for each, _ in found] == [3, 4]
                assert await catalog.import_items(number, 0, 9, frozenset()) == []
                faults = frozenset({ITEMS[2].fault or ""})
                found = await catalog.import_items(number, 0, 9, None, faults)
                assert found == [(3, ITEMS[2])]
                assert await catalog.import_items(number, 0, 9, frozenset({"joined"}), faults) == []
                assert await catalog.import_items(number, 0, 9, None, frozenset()) == []

        run(play())

    def test_imports_are_listed_newest_first_with_their_ends(self) -> None:
        async def play() -> None:
            async with self.empty() as catalog:
                first = await catalog.begin_import(1, "freepbx", NOON)
                second = await catalog.begin_import(2, "csv", NOON + 1)
                await catalog.end_import(first, NOON + 5)
                await catalog.note_undone(first, NOON + 9)
                ended = ImportRun(first, 1, "freepbx", NOON, NOON + 5, NOON + 9)
                assert await catalog.imports() == [ImportRun(second, 2, "csv", NOON + 1), ended]
                assert await catalog.imports(1) == [ended]
                assert await catalog.imports(3) == []
                with pytest.raises(NotFound, match="no import 77"):
                    await catalog.import_run(77)

        run(play())

    def test_an_import_brought_what_it_added_and_no_more(self) -> None:
        async def play() -> None:
            async with self.empty() as catalog:
                first = await catalog.begin_import(1, "freepbx", NOON)
                second = await catalog.begin_import(1, "freepbx", NOON)
                await bring(catalog, first, "a", "b")
                await bring(catalog, second, "b", "c")
                await catalog.add(1, [entry_of(Known(1, "d", Facts(NOON, NOON, 0)))])
                assert await catalog.brought(first) == [Brought("a", False), Brought("b", False)]
                assert await catalog.brought(second) == [Brought("c", False)]

        run(play())

    def test_what_is_being_deleted_is_no_longer_there_and_what_is_withdrawn_is(self) -> None:
        async def play() -> None:
            async with self.empty() as catalog:
                number = await catalog.begin_import(1, "freepbx", NOON)
                await bring(catalog, number, "a", "b", "c")
                await catalog.withdraw(Reach(1), "a", State.SUSPECT, facts_in)
                await catalog.withdraw(Reach(1), "b", State.DELETING, facts_in)
                await catalog.withdraw(Reach(1), "c", State.DELETING, facts_in)
                await catalog.forget(Reach(1), "c")
                assert await catalog.brought(number) == [Brought("a", False)]

        run(play())

    def test_what_was_heard_or_tagged_is_touched(self) -> None:
        async def play() -> None:
            async with self.empty() as catalog:
                number = await catalog.begin_import(1, "freepbx", NOON)
                await bring(catalog, number, "a", "b", "c")
                await catalog.touch(Reach(1), "a", NOON)
                await catalog.touch(Reach(1), "a", NOON + 1)
                tagged = Facts(NOON, NOON + 60, 9, project_id=1, tags=frozenset([4]))
                await catalog.rewrite(Reach(1), "b", lambda _: body_of("b", tagged), facts_in)
                assert await catalog.brought(number) == [
                    Brought("a", True),
                    Brought("b", True),
                    Brought("c", False),
                ]

        run(play())

    @pytest.mark.parametrize("reach", [Reach(2), Reach(1, frozenset([9])), Reach(1)])
    def test_who_cannot_reach_a_recording_cannot_touch_it(self, reach: Reach) -> None:
        async def play() -> None:
            async with self.empty() as catalog:
                number = await catalog.begin_import(1, "freepbx", NOON)
                await bring(catalog, number, "a")
                await catalog.touch(reach, "absent" if reach == Reach(1) else "a", NOON)
                assert await catalog.brought(number) == [Brought("a", False)]

        run(play())

    def test_what_comes_again_after_its_deletion_is_untouched(self) -> None:
        async def play() -> None:
            async with self.empty() as catalog:
                number = await catalog.begin_import(1, "freepbx", NOON)
                await bring(catalog, number, "a")
                await catalog.touch(Reach(1), "a", NOON)
                await catalog.withdraw(Reach(1), "a", State.DELETING, facts_in)
                await bring(catalog, number, "a")
                assert await catalog.brought(number) == [Brought("a", False)]

        run(play())

    @pytest.mark.parametrize(
        ("noted", "found"),
        [
            ([], []),
            ([(5, 9)], [(5, 9)]),
            ([(20, 29), (5, 9)], [(5, 9), (20, 29)]),
            ([(5, 9), (10, 12)], [(5, 12)]),
            ([(10, 12), (5, 9)], [(5, 12)]),
            ([(5, 9), (11, 12)], [(5, 9), (11, 12)]),
            ([(5, 9), (11, 12), (10, 10)], [(5, 12)]),
            ([(5, 9), (6, 7)], [(5, 9)]),
            ([(6, 7), (5, 9)], [(5, 9)]),
            ([(1, 2), (5, 6), (9, 10), (2, 8)], [(1, 10)]),
            ([(1, 2), (5, 6), (9, 10), (2, 7)], [(1, 7), (9, 10)]),
            ([(5, 5), (5, 5)], [(5, 5)]),
        ],
    )
    def test_mirrored_spans_that_meet_are_one(
        self, noted: list[tuple[int, int]], found: list[tuple[int, int]]
    ) -> None:
        async def play() -> None:
            async with self.empty() as catalog:
                for low, high in noted:
                    await catalog.note_mirrored(1, b"here", Span(low, high))
                assert await catalog.mirrored(1, b"here") == [Span(*each) for each in found]
                assert await catalog.mirrored(2, b"here") == []
                assert await catalog.mirrored(1, b"there") == []

        run(play())

    def test_undoing_a_mirror_forgets_what_its_tenant_mirrored_and_no_other_import_does(
        self,
    ) -> None:
        async def play() -> None:
            async with self.empty() as catalog:
                for tenant in (1, 2):
                    await catalog.note_mirrored(tenant, b"here", Span(1, 2))
                await catalog.note_undone(await catalog.begin_import(1, "freepbx", NOON), NOON)
                assert await catalog.mirrored(1, b"here") == [Span(1, 2)]
                await catalog.note_undone(await catalog.begin_import(1, "mirror", NOON), NOON)
                assert await catalog.mirrored(1, b"here") == []
                assert await catalog.mirrored(2, b"here") == [Span(1, 2)]

        run(play())
