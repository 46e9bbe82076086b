from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from archive.watching import aged, counts, looked
from callreel.archive import hand_in
from callreel.archive.spool import Spool
from callreel.archive.verdict import Became
from callreel.archive.watch import Folder, IsNews, Watch
from callreel.importers.audio_file import PATIENCE
from callreel.importers.formats import Importer
from callreel.importers.freeswitch.importer import FreeSwitch
from callreel.model import Access, Reach, Scope
from house import House
from importers.monitor import wav
from importers.switch import OTHER, A, B, Switch, as_json, leg_b, variables

RECORD = as_json(variables(record_path="/rec", record_name=f"{A}.wav"))


@pytest.fixture
def switch(tmp_path: Path) -> Switch:
    return Switch(tmp_path)


def watch_of(house: House, switch: Switch, move_to: Path | None = None) -> Watch:
    def importer(is_news: IsNews) -> Importer:
        return FreeSwitch(switch.source(is_news=is_news))

    return Watch(house.archive, 1, Folder(switch.recordings, "freeswitch", importer, move_to))


def test_a_call_is_told_of_once_however_often_it_is_looked(house: House, switch: Switch) -> None:
    watch = watch_of(house, switch)
    assert looked(house, watch) == []
    switch.audio(f"{A}.wav")
    switch.record(f"{A}.cdr.json", RECORD)
    switch.record(f"{OTHER}.cdr.json", as_json(variables(uuid=OTHER, record_name="gone.wav")))
    assert looked(house, watch) == [
        (f"json_cdr/{OTHER}.cdr.json", Became.REFUSED),
        (f"json_cdr/{A}.cdr.json", Became.JOINED),
        (f"{A}.wav", Became.ADDED),
    ]
    assert looked(house, watch) == []
    assert looked(house, watch_of(house, switch)) == []


def test_a_recording_that_still_grows_is_taken_in_by_its_earlier_record(
    house: House, switch: Switch
) -> None:
    watch = watch_of(house, switch)
    path = switch.audio(f"{A}.wav", age=0)
    switch.record(f"{A}.cdr.json", RECORD)
    assert looked(house, watch) == [
        (f"json_cdr/{A}.cdr.json", Became.JOINED),
        (f"{A}.wav", Became.LATER),
    ]
    assert watch.is_waiting
    os.utime(path, (time.time() - 60,) * 2)
    assert looked(house, watch) == [(f"{A}.wav", Became.ADDED)]


def test_a_recording_waits_for_its_record(house: House, switch: Switch) -> None:
    watch = watch_of(house, switch)
    switch.audio(f"{A}.wav", age=60)
    assert looked(house, watch) == [(f"{A}.wav", Became.LATER)]
    assert watch.is_waiting
    switch.record(f"{A}.cdr.json", RECORD)
    assert looked(house, watch)[-1] == (f"{A}.wav", Became.ADDED)
    assert not watch.is_waiting


def test_a_record_that_came_much_too_late_still_brings_its_recording_in(
    house: House, switch: Switch
) -> None:
    watch = watch_of(house, switch)
    switch.audio(f"{A}.wav", age=PATIENCE + 60)
    assert looked(house, watch) == [(f"{A}.wav", Became.REFUSED)]
    switch.record(f"{A}.cdr.json", RECORD)
    assert looked(house, watch)[-1] == (f"{A}.wav", Became.ADDED)
    switch.record(f"{B}.cdr.json", as_json(leg_b()))
    assert looked(house, watch)[-1] == (f"{A}.wav", Became.SAME)
    assert looked(house, watch) == []
    assert house.count() == 1


def test_records_of_what_was_moved_away_are_not_missed(house: House, switch: Switch) -> None:
    watch = watch_of(house, switch, switch.records.parent / "archived")
    switch.audio(f"{A}.wav")
    switch.record(f"{A}.cdr.json", RECORD)
    looked(house, watch)
    assert list(switch.recordings.iterdir()) == []
    switch.audio(f"{B}.wav", wav(tone=1))
    switch.record(f"{B}.cdr.json", as_json(variables(uuid=B, call_uuid=B, bridge_uuid=None)))
    assert looked(house, watch) == [
        (f"json_cdr/{B}.cdr.json", Became.JOINED),
        (f"{B}.wav", Became.ADDED),
    ]


def test_calls_that_were_handed_in_are_kept_and_give_way_to_their_recordings(
    house: House, switch: Switch, tmp_path: Path
) -> None:
    archive = replace(house.archive, spool=Spool(tmp_path / "spool", 0))
    ingest = Access("key", Reach(1), frozenset({Scope.INGEST}))
    switch.records = tmp_path / "spool" / "freeswitch" / "1"
    silent = as_json(variables(uuid=OTHER, call_uuid=OTHER, bridge_uuid=None))
    for channel, record in ((A, RECORD), (OTHER, silent)):
        assert house.run(hand_in.freeswitch_record(archive, ingest, channel, record))
    aged(switch.records / f"{A}.cdr.json", 60)
    aged(switch.records / f"{OTHER}.cdr.json", 60)
    watch = watch_of(house, switch)
    looked(house, watch)
    assert counts(house) == (2, 0)
    assert looked(house, watch) == []
    switch.audio(f"{A}.wav")
    assert looked(house, watch)[-1] == (f"{A}.wav", Became.ADDED)
    assert counts(house) == (2, 1)
    assert looked(house, watch_of(house, switch)) == []
    assert counts(house) == (2, 1)
