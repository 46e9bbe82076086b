"""Which call each recording of a plain Asterisk is of, and what is told of the rest."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from callreel.errors import Misconfigured
from callreel.importers.asterisk.importer import Asterisk
from callreel.importers.formats import FORMATS, importer_for
from callreel.importers.items import Candidate, Fault, Item, Refusal, Row, RowUse
from callreel.importers.source import Source
from callreel.model import Call
from importers.asterisk_rows import EPOCH, SAMPLES, WARSAW, master, row, utc
from importers.monitor import put, wav

FILES = (
    "1772438405.10.wav",
    "20260302-091000-48600100201.wav",
    "48600100202-700-1772442000.30.wav",
    "outgoing/2026/101-1772445600.40.mp3",
    "1792891800.70.wav",
    "1772457000.81.wav",
    "lunch.wav",
    "1772460000.99.wav",
)


def imported(root: Path, records: Path | None, columns: str | None = None) -> list[Item]:
    source = Source(
        root=root,
        records=None if records is None else str(records),
        zone=WARSAW,
        columns=columns,
    )
    return list(Asterisk(source).items())


def taken(items: list[Item]) -> dict[str, Candidate]:
    return {item.original_name: item for item in items if isinstance(item, Candidate)}


def refused(items: list[Item]) -> dict[str, Refusal]:
    return {item.where: item for item in items if isinstance(item, Refusal)}


def only(root: Path, records: Path | None) -> Candidate:
    (candidate,) = taken(imported(root, records)).values()
    return candidate


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "monitor"
    folder.mkdir()
    return folder


@pytest.fixture
def full(root: Path) -> list[Item]:
    """What becomes of the samples."""
    for tone, name in enumerate(FILES):
        folder, _, last = name.rpartition("/")
        put(root, last, wav(300, tone=tone), day=folder or ".")
    return imported(root, SAMPLES / "Master.csv")


def test_the_files_of_the_samples_get_their_calls(full: list[Item]) -> None:
    found = taken(full)
    told = {
        name: (item.call.from_number, item.call.to_number, item.call.talking_ms, item.agent)
        for name, item in found.items()
    }
    assert told == {
        "1772438405.10.wav": ("48600100200", "101", 60_000, "101"),
        "20260302-091000-48600100201.wav": ("48600100201", "600", 60_000, "102"),
        "48600100202-700-1772442000.30.wav": ("48600100202", "700", 180_000, "103"),
        "101-1772445600.40.mp3": ("101", "0048501502503", 121_000, "101"),
        "1792891800.70.wav": ("48600100200", "101", 60_000, "101"),
    }
    assert found["48600100202-700-1772442000.30.wav"].queue == "700"
    assert found["48600100202-700-1772442000.30.wav"].call.waiting_ms == 40_000
    assert found["101-1772445600.40.mp3"].call.dialog_id == "pbx1-1772445600.40"
    assert all(item.is_measured and item.source == "asterisk" for item in found.values())


def test_in_the_hour_that_comes_twice_the_unique_id_decides(full: list[Item]) -> None:
    found = taken(full)["1792891800.70.wav"]
    assert utc(found.call.started_at) == "2026-10-25 01:30:00"
    assert "the unique id decided" in found.notes[0]


def test_every_file_of_the_samples_has_one_verdict(full: list[Item]) -> None:
    files = [item.where for item in full if isinstance(item, Candidate)]
    files += [where for where in refused(full) if not where.startswith("Master.csv:")]
    assert sorted(files) == sorted(FILES)


def test_every_row_of_the_samples_has_one_verdict(full: list[Item]) -> None:
    uses = {item.where: item.use for item in full if isinstance(item, Row)}
    joined = [f"Master.csv:{line}" for line in (1, 2, 3, 4, 5, 6, 7, 14)]
    alone = [f"Master.csv:{line}" for line in (8, 9, 10, 11, 13)]
    faults = {
        where: item.fault for where, item in refused(full).items() if where.startswith("Master")
    }
    assert uses == {
        **dict.fromkeys(joined, RowUse.JOINED),
        **dict.fromkeys(alone, RowUse.UNRECORDED),
    }
    assert faults == {
        "Master.csv:12": Fault.NO_AUDIO,
        "Master.csv:15": Fault.BAD_ROW,
        "Master.csv:16": Fault.BAD_ROW,
    }


def test_calls_that_nobody_answered_are_told(full: list[Item]) -> None:
    calls = [item.call for item in full if isinstance(item, Row) and item.call is not None]
    causes = {call.source_call_id: call.end_cause for call in calls}
    assert causes == {
        "1772449200.50": "NO ANSWER",
        "1772449800.51": "BUSY",
        "1772450400.52": "FAILED",
        "1772451000.53": "CONGESTION",
        "1772453400.61": "ANSWERED",
    }
    assert {call.talking_ms for call in calls if call.end_cause != "ANSWERED"} == {0}


def test_a_row_without_recording_has_its_people(root: Path, tmp_path: Path) -> None:
    (item,) = imported(root, master(tmp_path, row(lastapp="Queue", lastdata="700")))
    assert isinstance(item, Row)
    assert (item.use, item.agent, item.queue) == (RowUse.UNRECORDED, "101", "700")


def test_audio_without_a_call_is_told_clearly(full: list[Item]) -> None:
    for name in ("lunch.wav", "1772460000.99.wav"):
        refusal = refused(full)[name]
        assert refusal.fault is Fault.NO_CALL
        assert refusal.reason.startswith("This is audio without a call: no row")


def test_a_recording_whose_row_is_of_no_use_says_why(full: list[Item]) -> None:
    refusal = refused(full)["1772457000.81.wav"]
    assert refusal.fault is Fault.BAD_CALL
    assert "Master.csv:16" in refusal.reason
    assert "billsec is more than duration" in refusal.reason


NAMED = [
    ({"recordingfile": "/srv/rec/a.wav"}, "a.mp3"),
    ({"recordingfile": "a"}, "a.wav"),
    ({"filename": "a.wav"}, "a.wav"),
    ({"userfield": "audio:a.gsm"}, "a.wav"),
    ({"userfield": "C:\\rec\\a.wav"}, "a.wav"),
    ({}, f"{EPOCH}.10.wav"),
    ({}, f"48600100200-101-{EPOCH}.10.ogg"),
    ({"uniqueid": f"pbx1-{EPOCH}.10"}, f"pbx1-{EPOCH}.10.wav"),
    ({"uniqueid": f"pbx1-{EPOCH}.10"}, f"{EPOCH}.10.wav"),
    ({"uniqueid": f"{EPOCH + 3}.12"}, f"{EPOCH + 3}.12.wav"),
    ({"uniqueid": f"{EPOCH + 3}.12"}, f"{EPOCH}.10.wav"),
    ({"uniqueid": "call-from-the-web"}, "call-from-the-web.wav"),
    ({"uniqueid": "", "linkedid": "", "userfield": "a.wav"}, "a.wav"),
    ({"userfield": "gr\udcfcn.wav"}, "gr\udcfcn.wav"),
]


@pytest.mark.parametrize(("cells", "name"), NAMED)
def test_a_row_finds_its_file(root: Path, tmp_path: Path, cells: dict[str, str], name: str) -> None:
    put(root, name)
    put(root, "other.wav", wav(tone=3))
    columns = (*ROW_COLUMNS, "recordingfile", "filename")
    whole = {"recordingfile": "", "filename": ""} | cells
    records = master(tmp_path, row(columns, **whole))
    items = imported(root, records, ",".join(columns))
    (candidate,) = taken(items).values()
    assert candidate.call.talking_ms == 60_000
    assert candidate.call.from_number == "48600100200"


ROW_COLUMNS = ("src", "dst", "clid", "channel", "dstchannel", "start", "duration", "billsec",
               "disposition", "uniqueid", "linkedid", "userfield")  # fmt: skip


def test_of_two_systems_with_the_same_number_the_one_in_the_name_is_meant(
    root: Path, tmp_path: Path
) -> None:
    put(root, f"b-{EPOCH}.10.wav")
    rows = [
        row(uniqueid=f"{system}-{EPOCH}.10", linkedid=f"{system}-{EPOCH}.10", src=number)
        for system, number in (("a", "1111111"), ("b", "2222222"), ("c", "3333333"))
    ]
    assert only(root, master(tmp_path, *rows)).call.from_number == "2222222"


def test_a_name_in_a_row_counts_before_a_unique_id(root: Path, tmp_path: Path) -> None:
    put(root, f"{EPOCH}.10.wav")
    by_id = row(src="1111111")
    other = f"{EPOCH}.77"
    by_name = row(uniqueid=other, linkedid=other, src="2222222", userfield=f"{EPOCH}.10.wav")
    for rows in ((by_id, by_name), (by_name, by_id)):
        assert only(root, master(tmp_path, *rows)).call.from_number == "2222222"


def test_two_recordings_of_one_call_are_both_taken_in(root: Path, tmp_path: Path) -> None:
    put(root, f"{EPOCH}.10-1.wav", wav(tone=1))
    put(root, f"{EPOCH}.10-2.wav", wav(tone=2))
    found = taken(imported(root, master(tmp_path, row())))
    assert len(found) == 2
    assert {item.call.source_call_id for item in found.values()} == {f"{EPOCH}.10"}


def test_the_two_sides_of_monitor_are_refused_with_what_to_do(root: Path, tmp_path: Path) -> None:
    for side in ("in", "out"):
        put(root, f"{EPOCH}.10-{side}.wav")
    items = imported(root, master(tmp_path, row(userfield=f"{EPOCH}.10.wav")))
    assert [item.fault for item in refused(items).values()] == [Fault.NOT_AUDIO] * 2
    assert all("sox -M NAME-in.wav" in item.reason for item in refused(items).values())
    (found,) = (item for item in items if isinstance(item, Row))
    assert found.use is RowUse.JOINED


def test_one_side_alone_is_taken_and_told(root: Path, tmp_path: Path) -> None:
    put(root, f"{EPOCH}.10-in.wav")
    put(root, f"{EPOCH}.10-out.wav", day="2026/03/03")
    put(root, f"{EPOCH}.10.wav")
    found = taken(imported(root, master(tmp_path, row())))
    assert {name: len(item.notes) for name, item in found.items()} == {
        f"{EPOCH}.10-in.wav": 1,
        f"{EPOCH}.10-out.wav": 1,
        f"{EPOCH}.10.wav": 0,
    }
    assert "only one side of the call: in." in found[f"{EPOCH}.10-in.wav"].notes[0]


FREEPBX = f"q-700-48600100200-20260302-090005-{EPOCH}.10.wav"


def test_a_name_that_says_enough_is_taken_without_row(root: Path, tmp_path: Path) -> None:
    put(root, FREEPBX)
    other = row(uniqueid="1772500000.1", linkedid="1772500000.1")
    found = only(root, master(tmp_path, other))
    assert (found.is_measured, found.queue, found.call.to_number) == (False, "700", "700")
    assert "The call records have no row of it" in found.notes[0]
    assert only(root, None).notes == ()


def test_without_call_records_other_names_say_to_give_them(root: Path) -> None:
    put(root, f"{EPOCH}.10.wav")
    (refusal,) = refused(imported(root, None)).values()
    assert (refusal.fault, "--cdr" in refusal.reason) == (Fault.NO_CALL, True)


def test_a_recording_lasts_by_its_name_however_much_is_known(root: Path, tmp_path: Path) -> None:
    put(root, FREEPBX)
    with_row = only(root, master(tmp_path, row()))
    more = row(uniqueid=f"{EPOCH - 60}.1", start="2026-03-02 08:59:05")
    with_more = only(root, master(tmp_path, row(), more))
    alone = only(root, None)
    for found in (with_row, with_more, alone):
        assert (found.native_id, found.native_time) == (f"{EPOCH}.10", EPOCH)
    assert with_more.call.started_at != with_row.call.started_at


def test_what_is_no_finished_audio_is_refused_by_its_look(root: Path, tmp_path: Path) -> None:
    put(root, f"{EPOCH}.10.gsm")
    put(root, f"{EPOCH}.11.wav", b"RIFF" + bytes(40))
    put(root, "notes.txt")
    (root / f"{EPOCH}.12.wav").write_bytes(wav())
    (root / "link.wav").symlink_to(root / "notes.txt")
    faults = {
        where.rpartition("/")[2]: item.fault
        for where, item in refused(imported(root, master(tmp_path, row()))).items()
    }
    assert faults == {
        f"{EPOCH}.10.gsm": Fault.NOT_AUDIO,
        f"{EPOCH}.11.wav": Fault.EMPTY,
        "notes.txt": Fault.NOT_AUDIO,
        f"{EPOCH}.12.wav": Fault.GROWING,
        "link.wav": Fault.NOT_PLAIN,
    }


def test_a_file_that_appears_in_the_midst_is_left_for_later(root: Path, tmp_path: Path) -> None:
    put(root, f"{EPOCH}.10.wav")
    records = master(tmp_path, row())
    importer = Asterisk(Source(root=root, records=str(records), zone=WARSAW))
    assert importer.count() == 1
    items = importer.items()
    assert isinstance(next(items), Row)
    put(root, f"{EPOCH}.99.wav")
    (late,) = refused(list(items)).values()
    assert late.fault is Fault.GROWING


def test_only_rows_of_the_recordings_at_hand_are_kept(root: Path, tmp_path: Path) -> None:
    put(root, f"{EPOCH}.10.wav")
    others = [row(uniqueid=f"{EPOCH + n}.1", linkedid=f"{EPOCH + n}.1") for n in range(1, 200)]
    importer = Asterisk(
        Source(root=root, records=str(master(tmp_path, row(), *others)), zone=WARSAW)
    )
    assert len(list(importer.items())) == 201
    assert len(importer._calls._calls) == 1


def test_a_call_of_many_rows_is_noted_once(root: Path, tmp_path: Path) -> None:
    put(root, f"{EPOCH}.10.wav")
    rung = row(disposition="NO ANSWER", billsec="0", userfield=f"{EPOCH}.10.wav")
    records = str(master(tmp_path, row(), *[rung] * 50))
    importer = Asterisk(Source(root=root, records=records, zone=WARSAW))
    assert len(list(importer.items())) == 52
    calls = importer._calls
    for place in (calls._by_key, calls._by_uniqueid, calls._by_linkedid):
        assert list(place.values()) == [[f"{EPOCH}.10"]]


def test_of_several_rows_of_no_use_the_first_is_named(root: Path, tmp_path: Path) -> None:
    put(root, f"{EPOCH}.10.wav")
    rows = [row(uniqueid="1772500000.1", linkedid=""), row(duration="x"), row(billsec="y")]
    (refusal,) = (
        item
        for where, item in refused(imported(root, master(tmp_path, *rows))).items()
        if where.endswith(".wav")
    )
    assert "Master.csv:2" in refusal.reason
    assert "duration" in refusal.reason


def test_the_format_has_a_name_and_needs_a_time_zone(root: Path) -> None:
    assert FORMATS["asterisk"] is Asterisk
    assert isinstance(importer_for("asterisk", Source(root=root, zone=WARSAW)), Asterisk)
    with pytest.raises(Misconfigured):
        Asterisk(Source(root=root))


def test_a_live_database_tells_the_same(root: Path, tmp_path: Path) -> None:
    put(root, f"{EPOCH}.10.wav")
    path = tmp_path / "cdr.db"
    with sqlite3.connect(path) as base:
        dump = (SAMPLES / "cdr.sql").read_text().replace('\\"', '"')
        for statement in dump.split(";\n"):
            base.execute(statement.replace("ENGINE=InnoDB DEFAULT CHARSET=utf8mb4", ""))
    base.close()
    items = {}
    for records in (f"sqlite:///{path}", str(SAMPLES / "cdr.sql")):
        source = Source(root=root, records=records, zone=WARSAW)
        items[records] = [
            item.call for item in Asterisk(source).items() if not isinstance(item, Refusal)
        ]
    live, dumped = items.values()
    assert live == dumped
    assert [call.talking_ms for call in live if isinstance(call, Call)] == [0, 60_000]
