"""Several calls that name one file: one has it, and the others are not lost."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from callreel.importers.asterisk.importer import Asterisk
from callreel.importers.call_news import CallNews
from callreel.importers.items import Candidate, Item, Row, RowUse
from callreel.importers.shared_file import FILE_OF_ANOTHER
from callreel.importers.source import Source
from callreel.importers.spreadsheet.importer import Spreadsheet
from callreel.importers.tree import Found
from importers.asterisk_rows import EPOCH, ORDER, SOUND, WARSAW, line, master, utc
from importers.calls_table import MEANING, Made
from importers.monitor import put

SHARED = (*ORDER, "recordingfile")


def shared(**cells: str) -> str:
    return line(SOUND | {"recordingfile": "fix.wav"} | cells, SHARED)


def imported(folder: Path, records: Path) -> list[Item]:
    source = Source(
        root=folder / "monitor", records=str(records), zone=WARSAW, columns=",".join(SHARED)
    )
    return list(Asterisk(source).items())


def taken(items: list[Item]) -> list[Candidate]:
    return [item for item in items if isinstance(item, Candidate)]


def test_of_several_calls_of_asterisk_the_others_are_kept_without_recording(
    tmp_path: Path,
) -> None:
    put(tmp_path / "monitor", "fix.wav")
    later = {"uniqueid": f"{EPOCH + 86_400}.20", "linkedid": f"{EPOCH + 86_400}.20"}
    records = master(
        tmp_path,
        shared(),
        shared(start="2026-03-03 09:00:05", billsec="30", **later),
        shared(start="2026-03-03 09:00:06", billsec="20", **later),
    )
    items = imported(tmp_path, records)
    (candidate,) = taken(items)
    assert candidate.call.source_call_id == f"{EPOCH}.10"
    told = {item.where: item for item in items if isinstance(item, Row)}
    assert {where: item.use for where, item in told.items()} == {
        "Master.csv:1": RowUse.JOINED,
        "Master.csv:2": RowUse.UNRECORDED,
        "Master.csv:3": RowUse.JOINED,
    }
    lost = told["Master.csv:2"]
    assert lost.call is not None
    assert (lost.call.source_call_id, lost.notes) == (later["linkedid"], (FILE_OF_ANOTHER,))
    assert utc(lost.call.started_at) == "2026-03-03 08:00:05"


@pytest.mark.parametrize(
    "other",
    [
        {"linkedid": f"{EPOCH + 9}.3"},  # the channel is the same
        {"uniqueid": f"{EPOCH + 9}.3"},
        {"uniqueid": f"{EPOCH + 9}.3", "linkedid": f"{EPOCH + 9}.3"},  # a conference
    ],
)
def test_legs_that_name_one_file_are_of_one_call(tmp_path: Path, other: dict[str, str]) -> None:
    put(tmp_path / "monitor", "fix.wav")
    records = master(tmp_path, shared(), shared(start="2026-03-02 09:00:14", **other))
    items = imported(tmp_path, records)
    assert len(taken(items)) == 1
    assert [item.use for item in items if isinstance(item, Row)] == [RowUse.JOINED] * 2


def test_while_a_shared_file_is_not_ready_its_calls_wait(tmp_path: Path) -> None:
    put(tmp_path / "monitor", "fix.wav", b"")
    later = {"uniqueid": f"{EPOCH + 86_400}.20", "linkedid": f"{EPOCH + 86_400}.20"}
    records = master(tmp_path, shared(), shared(start="2026-03-03 09:00:05", **later))
    items = imported(tmp_path, records)
    assert [item.use for item in items if isinstance(item, Row)] == [RowUse.JOINED] * 2


def test_of_several_calls_of_a_table_the_others_are_kept_without_recording(tmp_path: Path) -> None:
    made = Made(tmp_path)
    made.rows(
        {"id": "1", "start": "2026-03-02 09:00:05", "length": "10"},
        {"id": "2", "start": "2026-03-03 09:00:05", "length": "70"},
        {"id": "3", "start": "2026-03-04 09:00:05", "length": "20"},
    )
    made.audio("a.wav")
    assert made.taken()["a.wav"].call.dialog_id == "2"
    told = {item.where: item for item in made.items() if isinstance(item, Row)}
    assert {where: item.use for where, item in told.items()} == {
        "calls.csv:2": RowUse.UNRECORDED,
        "calls.csv:3": RowUse.JOINED,
        "calls.csv:4": RowUse.UNRECORDED,
    }
    first = told["calls.csv:2"]
    assert first.call is not None
    assert (first.call.dialog_id, first.notes) == ("1", (FILE_OF_ANOTHER,))


def test_legs_of_a_table_may_name_one_file(tmp_path: Path) -> None:
    made = Made(tmp_path)
    made.columns.write_text(MEANING.replace("[audio]", 'call = "call"\n[audio]'))
    made.rows(
        {"id": "1", "start": "2026-03-02 09:00:05", "length": "10", "call": "c"},
        {"id": "2", "start": "2026-03-02 09:00:20", "length": "70", "call": "c"},
    )
    made.audio("a.wav")
    uses = [item.use for item in made.items() if isinstance(item, Row)]
    assert uses == [RowUse.JOINED, RowUse.JOINED]


def news(_found: Found) -> bool:
    return True


def test_a_watch_tells_of_the_others_once(tmp_path: Path) -> None:
    made = Made(tmp_path)
    made.rows(
        {"id": "1", "start": "2026-03-02 09:00:05", "length": "70"},
        {"id": "2", "start": "2026-03-03 09:00:05", "length": "10"},
    )
    made.audio("a.wav")
    calls = CallNews(every=0)
    source = made.source()
    source = replace(source, is_news=news, calls=calls)
    told = [item for item in Spreadsheet(source).items() if isinstance(item, Row)]
    assert [(item.where, item.notes) for item in told if item.call] == [
        ("calls.csv:3", (FILE_OF_ANOTHER,))
    ]
    calls.settle()
    again = [item for item in Spreadsheet(source).items() if isinstance(item, Row)]
    assert [item.where for item in again if item.call] == []


def test_a_watch_tells_of_the_others_of_asterisk_once(tmp_path: Path) -> None:
    put(tmp_path / "monitor", "fix.wav")
    later = {"uniqueid": f"{EPOCH + 86_400}.20", "linkedid": f"{EPOCH + 86_400}.20"}
    records = master(tmp_path, shared(), shared(start="2026-03-03 09:00:05", billsec="9", **later))
    calls = CallNews(every=0)
    source = Source(
        root=tmp_path / "monitor",
        records=str(records),
        zone=WARSAW,
        columns=",".join(SHARED),
        is_news=news,
        calls=calls,
    )
    told = [item for item in Asterisk(source).items() if isinstance(item, Row)]
    assert [(item.where, item.notes) for item in told if item.call] == [
        ("Master.csv:2", (FILE_OF_ANOTHER,))
    ]
    calls.settle()
    again = [item for item in Asterisk(source).items() if isinstance(item, Row)]
    assert [item.where for item in again if item.call] == []
