"""A recording has a call record or not, in whatever order imports come that know one or not."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from archive.imports import HEADER, name_of, taken_in, tally
from callreel.archive.foresee import Foreseer
from callreel.archive.verdict import Became, Verdict
from callreel.importers.freepbx.importer import FreePbx
from callreel.importers.items import Candidate, Item
from callreel.model import Reach, Span
from house import House
from importers.monitor import put, source, wav

ALONE, OTHER_DATA, SAME_DATA = "files alone", "with a row", "with a row that tells the same"
WAYS = (ALONE, OTHER_DATA, SAME_DATA)


def items(folder: Path, way: str) -> list[Item]:
    """Return two files of a FreePBX, the first of them told of in the way that is asked for."""
    root, table = folder / "monitor", folder / "cdr.csv"
    for number in range(2):
        put(root, name_of(number), wav(60, tone=number))
    row = f"2026-03-02 09:00:02,600,700,76,40,ANSWERED,1772438405.0,{name_of(0)}"
    table.write_text(f"{HEADER}\n{row}\n")
    by_name, by_row = (list(FreePbx(source(root, records)).items()) for records in (None, table))
    if way == SAME_DATA:
        first, *others = by_name
        assert isinstance(first, Candidate)
        return [replace(first, has_call_record=True), *others]
    return by_name if way == ALONE else by_row


def lacking(house: House) -> int:
    return len(house.run(house.archive.catalog.without_call_record(Reach(1), Span())))


@pytest.mark.parametrize("ways", [*product(WAYS, repeat=3)], ids=" then ".join)
def test_a_recording_has_a_call_record_once_any_import_knew_one(
    house: House, tmp_path: Path, ways: tuple[str, ...]
) -> None:
    for number, way in enumerate(ways, 1):
        house.run(taken_in(house.archive, items(tmp_path, way)))
        assert lacking(house) == 1 + (set(ways[:number]) == {ALONE})
    assert house.count() == 2


def test_what_is_known_of_the_call_stays_as_it_came_first(house: House, tmp_path: Path) -> None:
    first, _ = house.run(taken_in(house.archive, items(tmp_path, ALONE)))
    before = house.run(house.archive.catalog.find(Reach(1), str(first.recording)))
    for _ in range(2):
        verdicts = house.run(taken_in(house.archive, items(tmp_path, OTHER_DATA)))
        assert tally(verdicts) == {Became.JOINED: 1, Became.REFUSED: 1, Became.SAME: 1}
        entry = house.run(house.archive.catalog.find(Reach(1), str(first.recording)))
        assert entry == replace(before, has_call_record=True)


def test_foreseeing_notes_nothing(house: House, tmp_path: Path) -> None:
    house.run(taken_in(house.archive, items(tmp_path, ALONE)))
    archive = house.archive
    foreseer = Foreseer(archive.sound, archive.bodies, archive.catalog, 1)

    async def play() -> list[Verdict]:
        return [verdict async for verdict in foreseer.verdicts(items(tmp_path, OTHER_DATA))]

    ahead = house.run(play())
    assert lacking(house) == 2
    assert ahead == house.run(taken_in(archive, items(tmp_path, OTHER_DATA)))
    assert lacking(house) == 1


@pytest.mark.parametrize("way", [OTHER_DATA, SAME_DATA])
@pytest.mark.parametrize("is_lost", [True, False])
def test_it_is_noted_also_where_the_audio_is_taken_in_once_more(
    house: House, tmp_path: Path, way: str, is_lost: bool
) -> None:
    """Of what is far nothing is known before it is fetched; lost audio is put back."""
    house.run(taken_in(house.archive, items(tmp_path, ALONE)))
    again = [
        replace(each, is_remote=not is_lost) if isinstance(each, Candidate) else each
        for each in items(tmp_path, way)
    ]
    if is_lost:
        for each in house.files():
            each.unlink()
    house.run(taken_in(house.archive, again))
    assert lacking(house) == 1


@pytest.mark.parametrize("is_by_name_first", [True, False])
def test_a_file_that_is_met_twice_in_one_import_is_told_of_by_its_row(
    house: House, tmp_path: Path, is_by_name_first: bool
) -> None:
    halves = [items(tmp_path, ALONE), items(tmp_path, OTHER_DATA)]
    both = halves if is_by_name_first else halves[::-1]
    house.run(taken_in(house.archive, [item for half in both for item in half]))
    assert lacking(house) == 1


@pytest.mark.parametrize("is_lost", [True, False])
@pytest.mark.parametrize("digest", [None, "0" * 64])
def test_other_audio_under_the_same_id_tells_nothing_of_the_call(
    house: House, tmp_path: Path, digest: str | None, is_lost: bool
) -> None:
    first, second = (each for each in items(tmp_path, ALONE) if isinstance(each, Candidate))
    house.run(taken_in(house.archive, [replace(first, id="one")]))
    told = replace(second, id="one", sha256=digest, has_call_record=True)
    meet_again(house, told, is_lost=is_lost)
    assert lacking(house) == 1


@pytest.mark.parametrize("is_lost", [True, False])
def test_the_same_audio_under_an_id_of_its_source_is_told_of_though_the_data_differ(
    house: House, tmp_path: Path, is_lost: bool
) -> None:
    by_name, by_row = (
        next(each for each in items(tmp_path, way) if isinstance(each, Candidate))
        for way in (ALONE, OTHER_DATA)
    )
    (added,) = house.run(taken_in(house.archive, [replace(by_name, id="one")]))
    entry = house.run(house.archive.catalog.find(Reach(1), str(added.recording)))
    meet_again(house, replace(by_row, id="one", sha256=entry.digest.hex()), is_lost=is_lost)
    assert lacking(house) == 0


def meet_again(house: House, candidate: Candidate, *, is_lost: bool) -> None:
    """Import what is there by its id with other data; where its audio is lost, by reading it."""
    if is_lost:
        for each in house.files():
            each.unlink()
    (verdict,) = house.run(taken_in(house.archive, [candidate]))
    assert verdict.became is Became.REFUSED
