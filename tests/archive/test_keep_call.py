"""Calls without recording are kept by imports, each once, and give way to their recordings."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from archive.watching import counts
from callreel.archive import imports
from callreel.archive.foresee import Foreseer
from callreel.archive.take_in_batch import BATCH_ROWS, take_in_batch
from callreel.archive.verdict import Became, Verdict
from callreel.importers.asterisk.importer import Asterisk
from callreel.importers.freepbx.importer import FreePbx
from callreel.importers.items import Fault, Item, Refusal, Row, RowUse
from callreel.importers.source import Source
from callreel.importers.wanted import Directory, Wanted
from callreel.model import (
    EVERY_CALL,
    Call,
    DialogType,
    Direction,
    ListRequest,
    Named,
    Reach,
)
from house import House
from importers import manifests, vcons
from importers.asterisk_rows import WARSAW, master, row
from importers.calls_table import Made
from importers.monitor import put, source
from importers.switch import A, B, Switch, as_json, leg_b, variables

EPOCH = 1_772_438_405
HEADER = (
    "calldate,src,dst,duration,billsec,disposition,uniqueid,linkedid,recordingfile,"
    "lastapp,lastdata,dstchannel"
)
NAME = f"in-48221234567-48600100200-20260302-090005-{EPOCH}.1.wav"
WITHOUT, WITH = False, True


def freepbx(folder: Path, with_audio: bool) -> list[Item]:
    """A call that rang at 101, then was talked at 102, of which the last leg names a file."""
    folder.mkdir(exist_ok=True)
    root = folder / "monitor"
    root.mkdir(exist_ok=True)
    if with_audio:
        put(root, NAME)
    table = folder / "cdr.csv"
    legs = (
        f"2026-03-02 09:00:05,600,700,20,0,NO ANSWER,{EPOCH}.1,{EPOCH}.1,,Queue,700,SIP/101-1",
        f"2026-03-02 09:00:09,600,700,76,40,ANSWERED,{EPOCH}.1,{EPOCH}.1,{NAME},Dial,,SIP/102-1",
    )
    table.write_text("\n".join((HEADER, *legs)) + "\n")
    return list(FreePbx(source(root, table)).items())


def asterisk(folder: Path, with_audio: bool) -> list[Item]:
    folder.mkdir(exist_ok=True)
    root = folder / "monitor"
    root.mkdir(exist_ok=True)
    if with_audio:
        put(root, "1772438405.10.wav")
    records = Source(root=root, records=str(master(folder, row())), zone=WARSAW)
    return list(Asterisk(records).items())


def freeswitch(folder: Path, with_audio: bool) -> list[Item]:
    if not folder.exists():
        folder.mkdir()
        Switch(folder)
    switch = object.__new__(Switch)
    switch.recordings, switch.records = folder / "recordings", folder / "json_cdr"
    if with_audio:
        switch.audio(f"{A}.wav")
    switch.record(f"{A}.cdr.json", as_json(variables()))
    switch.record(f"{B}.cdr.json", as_json(leg_b()))
    return switch.items()


def manifest(folder: Path, with_audio: bool) -> list[Item]:
    folder.mkdir(exist_ok=True)
    if with_audio:
        manifests.put(folder, "a.wav")
    manifests.put_lines(folder, manifests.line("a.wav" if with_audio else None))
    return manifests.items(folder)


def table(folder: Path, with_audio: bool) -> list[Item]:
    folder.mkdir(exist_ok=True)
    made = Made(folder)
    made.rows({})
    if with_audio:
        made.audio("a.wav")
    return made.items()


def vcon(folder: Path, with_audio: bool) -> list[Item]:
    """A dialog of which the vCon first says only that it was, then has its sound."""
    folder.mkdir(exist_ok=True)
    told = {"type": "incomplete", "start": vcons.START, "parties": [0, 1], "duration": 3.0}
    vcons.put(folder, vcons.vcon(vcons.recording() if with_audio else told))
    return vcons.items(folder)


Format = Callable[[Path, bool], list[Item]]
EVERY: tuple[Format, ...] = (freepbx, asterisk, freeswitch, manifest, table, vcon)


def taken_in(house: House, items: Iterable[Item]) -> Counter[Became]:
    return Counter(verdict.became for verdict in verdicts_of(house, items))


def verdicts_of(house: House, items: Iterable[Item]) -> list[Verdict]:
    async def play() -> list[Verdict]:
        async with aclosing(imports.run(house.archive, 1, "freepbx", items)) as verdicts:
            return [verdict async for verdict in verdicts]

    return house.run(play())


def listed(house: House) -> list[dict[str, Any]]:
    request = ListRequest(EVERY_CALL, limit=1_000)
    page = house.run(house.archive.catalog.page(Reach(1), request, b'{"":"'))
    found: list[dict[str, Any]] = json.loads(b"[" + page.bodies + b"]")
    return found


def a_call(number: int = 0, **fields: Any) -> Row:
    call = Call(
        dialog_id=f"d-{number}",
        dialog_type=DialogType.CONSULTANT,
        direction=Direction.INBOUND,
        started_at=EPOCH + number,
        hung_up_at=EPOCH + number + 5,
        talking_ms=0,
    )
    told = replace(call, **fields)
    return Row(f"cdr.csv:{number}", RowUse.UNRECORDED, told, source="freepbx")


@pytest.mark.parametrize("make", EVERY)
def test_a_recording_that_comes_after_its_call_takes_its_place(
    house: House, tmp_path: Path, make: Format
) -> None:
    folder = tmp_path / "pbx"
    for _ in range(2):
        taken_in(house, make(folder, WITHOUT))
        assert counts(house) == (1, 0)
    for _ in range(2):
        taken_in(house, make(folder, WITH))
        assert counts(house) == (1, 1)


@pytest.mark.parametrize("make", EVERY)
def test_a_call_that_comes_after_its_recording_is_the_same(
    house: House, tmp_path: Path, make: Format
) -> None:
    for _ in range(2):
        taken_in(house, make(tmp_path / "whole", WITH))
        assert counts(house) == (1, 1)
    for _ in range(2):
        taken_in(house, make(tmp_path / "bare", WITHOUT))
        assert counts(house) == (1, 1)


def test_a_call_whose_recording_is_missing_is_kept_and_its_row_refused(
    house: House, tmp_path: Path
) -> None:
    verdicts = verdicts_of(house, freepbx(tmp_path / "pbx", WITHOUT))
    assert {each.where: (each.became, each.fault) for each in verdicts} == {
        "cdr.csv:2": (Became.CALL_ADDED, None),
        "cdr.csv:3": (Became.REFUSED, Fault.NO_AUDIO),
    }
    (call,) = listed(house)
    assert (call["talking_time"], call["recording_uuid"]) == (40_000, None)


def test_a_ring_group_that_nobody_answered_is_one_call(house: House, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    path = tmp_path / "cdr.csv"
    rings = [
        f"2026-03-02 09:00:{5 + n:02},600,700,{10 + n},0,NO ANSWER,{EPOCH}.{n},{EPOCH}.0,,Dial,,"
        for n in range(4)
    ]
    path.write_text("\n".join((HEADER, *rings)) + "\n")
    became = taken_in(house, FreePbx(source(tmp_path / "none", path)).items())
    assert became == {Became.CALL_ADDED: 1, Became.UNRECORDED: 3}
    (row_of,) = [each for each in FreePbx(source(tmp_path / "none", path)).items() if each.call]
    assert row_of.call is not None
    assert row_of.call.dialog_id == f"{EPOCH}.0"
    assert row_of.call.hung_up_at - row_of.call.started_at == 3 + 13
    assert counts(house) == (1, 0)


def test_what_a_call_cannot_be_refuses_its_row_and_no_other(house: House) -> None:
    bad = a_call(1, hung_up_at=EPOCH - 9)
    long = a_call(2, from_number="1" * 100_000)
    refusal = Refusal("cdr.csv:9", Fault.NO_AUDIO, "It is gone.", call=bad.call)
    verdicts = verdicts_of(house, [a_call(0), bad, long, refusal, a_call(3), a_call(0)])
    assert [each.became for each in verdicts] == [
        Became.CALL_ADDED, Became.REFUSED, Became.REFUSED, Became.REFUSED, Became.CALL_ADDED,
        Became.CALL_SAME,
    ]  # fmt: skip
    assert verdicts[1].reason == "The call ends before it starts."
    assert verdicts[3].reason == "It is gone."
    assert all(each.is_row for each in verdicts)
    assert counts(house) == (2, 0)


def test_a_note_on_a_row_is_in_its_verdict(house: House) -> None:
    rows = [replace(a_call(), notes=("Odd.",)), replace(a_call(1), call=None, notes=("Odd.",))]
    verdicts = verdicts_of(house, rows)
    assert [(each.became, each.notes) for each in verdicts] == [
        (Became.CALL_ADDED, ("Odd.",)),
        (Became.UNRECORDED, ("Odd.",)),
    ]


def test_people_are_those_of_the_directory(house: House) -> None:
    directory = Directory({"101": Named(7, "Ann")}, {"700": Named(9, "Sales")})
    rows = [replace(a_call(), agent="101", queue="700")]
    taken_in(house, Wanted(directory=directory).of(rows))
    (call,) = listed(house)
    shown = ("tenant_user_id", "tenant_user_name", "project_id", "project_name")
    assert [call[each] for each in shown] == [7, "Ann", 9, "Sales"]


def test_a_dry_run_foresees_what_becomes_of_calls(house: House, tmp_path: Path) -> None:
    archive = house.archive
    taken_in(house, freeswitch(tmp_path / "pbx", WITH))

    def foreseen(items: list[Item], *, has_catalog: bool = True) -> list[Became]:
        catalog = archive.catalog if has_catalog else None
        foreseer = Foreseer(archive.sound, archive.bodies, catalog, 1)

        async def play() -> list[Became]:
            return [verdict.became async for verdict in foreseer.verdicts(items)]

        return house.run(play())

    bad = a_call(1, hung_up_at=EPOCH - 9)
    recorded = freeswitch(tmp_path / "bare", WITHOUT)[-1]
    items = [a_call(0), bad, recorded]
    assert foreseen(items) == [Became.CALL_ADDED, Became.REFUSED, Became.CALL_SAME]
    assert counts(house) == (1, 1)
    taken_in(house, items)
    assert foreseen(items) == [Became.CALL_SAME, Became.REFUSED, Became.CALL_SAME]
    assert foreseen(items, has_catalog=False)[0] is Became.CALL_ADDED


def test_an_import_that_was_cut_short_is_finished_by_the_next(house: House) -> None:
    rows = [a_call(number) for number in range(2 * BATCH_ROWS)]

    async def cut() -> None:
        async with aclosing(take_in_batch(house.archive, 1, rows, None)) as groups:
            await anext(groups)

    house.run(cut())
    assert counts(house) == (BATCH_ROWS, 0)
    became = taken_in(house, rows)
    assert became == {Became.CALL_SAME: BATCH_ROWS, Became.CALL_ADDED: BATCH_ROWS}
    assert counts(house) == (2 * BATCH_ROWS, 0)


def test_undoing_an_import_drops_its_calls_and_tells_how_many(house: House) -> None:
    taken_in(house, [a_call(0)])
    taken_in(house, [a_call(0), a_call(1), a_call(2)])
    assert house.run(imports.undo_calls(house.archive, 2)) == 2
    assert [each["dialog_uuid"] for each in listed(house)] == ["d-0"]
    assert house.run(imports.undo_calls(house.archive, 2)) == 0
