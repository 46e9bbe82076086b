from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import aclosing
from pathlib import Path

import pytest

from callreel.archive import delete, imports, listen, tag, take_in_batch
from callreel.archive.imports import Undone
from callreel.archive.verdict import Became, Verdict
from callreel.catalog.ledger import ImportItem
from callreel.catalog.sqlite import SqliteCatalog
from callreel.errors import NotFound, StorageFull
from callreel.importers.freepbx.importer import FreePbx
from callreel.importers.items import Fault, Item, Refusal, Row, RowUse
from callreel.model import EVERY_CALL, Reach
from house import EVERYTHING, House
from importers.monitor import put, source, wav

EPOCH = 1_772_438_405


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "monitor"
    for number in range(3):
        name = f"in-48221234567-486{number:06d}-20260302-090005-{EPOCH + number}.{number}.wav"
        put(folder, name, wav(60, tone=number))
    return folder


def ran(house: House, items: Iterable[Item]) -> list[Verdict]:
    async def play() -> list[Verdict]:
        async with aclosing(imports.run(house.archive, 1, "freepbx", items)) as verdicts:
            return [verdict async for verdict in verdicts]

    return house.run(play())


def undone(house: House, number: int = 1, *, touched_too: bool = False) -> list[Undone]:
    async def play() -> list[Undone]:
        made = imports.undo(house.archive, number, touched_too=touched_too)
        async with aclosing(made) as outcomes:
            return [outcome async for outcome in outcomes]

    return house.run(play())


def noted(house: House, number: int = 1) -> list[ImportItem]:
    found = house.run(house.archive.catalog.import_items(number, 0, 10_000))
    return [item for _, item in found]


def test_every_verdict_is_kept_with_the_recording_that_it_is_of(house: House, root: Path) -> None:
    put(root, "empty.wav", b"")
    odd: list[Item] = [
        Row("cdr.csv:2", RowUse.JOINED),
        Refusal("cdr.csv:3", Fault.BAD_ROW, "It is odd."),
    ]
    verdicts = ran(house, [*odd, *FreePbx(source(root)).items()])
    kept = noted(house)
    assert [(item.place, item.became, item.is_row) for item in kept] == [
        (verdict.where, verdict.became.value, verdict.is_row) for verdict in verdicts
    ]
    assert [item.reason for item in kept if item.fault == "bad_row"] == ["It is odd."]
    brought = house.run(house.archive.catalog.brought(1))
    added = {item.recording for item in kept if item.became == "added"}
    assert {each.id for each in brought} == added
    assert len(added) == 3
    run = house.run(house.archive.catalog.import_run(1))
    assert run.ended_at is not None
    assert (run.files, run.rows) == ({"added": 3, "refused": 1}, {"joined": 1, "refused": 1})


def test_the_verdicts_of_several_groups_are_all_kept_in_order(house: House) -> None:
    lines = range(take_in_batch.BATCH_ITEMS * 2 + 1)
    rows = [Row(f"cdr.csv:{line}", RowUse.JOINED) for line in lines]
    ran(house, rows)
    assert [item.place for item in noted(house)] == [row.where for row in rows]


def test_an_import_that_broke_off_has_no_end_and_what_it_did_is_kept(
    house: House, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(arriving: Sequence[object]) -> list[StorageFull]:
        return [StorageFull("no room") for _ in arriving]

    monkeypatch.setattr(take_in_batch, "BATCH_ITEMS", 1)
    items = FreePbx(source(root)).items()

    async def play() -> None:
        async with aclosing(imports.run(house.archive, 1, "freepbx", items)) as verdicts:
            assert (await anext(verdicts)).became is Became.ADDED
            monkeypatch.setattr(house.archive.audio, "keep_all", full)
            with pytest.raises(StorageFull):
                await anext(verdicts)

    house.run(play())
    assert house.run(house.archive.catalog.import_run(1)).ended_at is None
    assert [item.became for item in noted(house)] == ["added"]
    assert house.count() == 1


def test_undoing_removes_what_the_import_took_in_and_its_audio(house: House, root: Path) -> None:
    ran(house, list(FreePbx(source(root)).items())[:1])
    ran(house, FreePbx(source(root)).items())
    files = len(house.files())
    outcomes = undone(house, 2)
    assert [outcome.is_kept for outcome in outcomes] == [False, False]
    assert house.count() == 1
    assert len(house.files()) == files // 3
    assert house.run(house.archive.catalog.import_run(2)).undone_at is not None
    assert undone(house, 2) == []


def test_what_was_undone_can_be_imported_again(house: House, root: Path) -> None:
    ran(house, FreePbx(source(root)).items())
    undone(house)
    again = ran(house, FreePbx(source(root)).items())
    assert [verdict.became for verdict in again] == [Became.ADDED] * 3
    assert house.count() == 3


def test_undoing_spares_what_someone_tagged_or_heard_unless_told(house: House, root: Path) -> None:
    first, second, third = (each.recording for each in ran(house, FreePbx(source(root)).items()))
    house.do(listen.note_heard, first)
    house.do(tag.create, "good", 1)
    house.do(tag.set_tags, second, frozenset([1]))
    outcomes = {outcome.recording: outcome.is_kept for outcome in undone(house)}
    assert outcomes == {first: True, second: True, third: False}
    assert house.count() == 2
    assert {outcome.is_kept for outcome in undone(house, touched_too=True)} == {False}
    assert house.count() == 0


def test_an_import_that_does_not_exist_cannot_be_undone(house: House) -> None:
    with pytest.raises(NotFound, match="no import 9"):
        undone(house, 9)


def test_undoing_goes_on_when_someone_else_deletes_at_the_same_time(
    house: House, root: Path
) -> None:
    ids = [str(verdict.recording) for verdict in ran(house, FreePbx(source(root)).items())]

    async def play() -> list[Undone]:
        outcomes = []
        made = imports.undo(house.archive, 1, touched_too=False)
        async with aclosing(made) as undoing:
            async for outcome in undoing:
                outcomes.append(outcome)
                if len(outcomes) == 1:
                    await delete.one(house.archive, EVERYTHING, ids[1])
        return outcomes

    assert len(house.run(play())) == 3
    assert house.count() == 0


def test_listening_does_not_fail_where_it_cannot_be_noted(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: object) -> None:
        await asyncio.sleep(0)
        raise StorageFull("no room")

    monkeypatch.setattr(SqliteCatalog, "touch", full)
    house.do(listen.note_heard, house.id_of(house.take_in()))


def test_nothing_of_an_import_that_is_undone_stays_in_the_list_of_calls(
    house: House, root: Path
) -> None:
    first, *_ = ran(house, FreePbx(source(root)).items())
    assert house.run(house.archive.catalog.count(Reach(1), EVERY_CALL)) == 3
    house.run(delete.one(house.archive, EVERYTHING, str(first.recording)))
    assert house.run(house.archive.catalog.count(Reach(1), EVERY_CALL)) == 3
    assert len(undone(house)) == 2
    assert house.run(house.archive.catalog.count(Reach(1), EVERY_CALL)) == 0
