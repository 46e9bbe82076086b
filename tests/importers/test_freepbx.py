from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from callreel.errors import Misconfigured
from callreel.importers.formats import FORMATS, importer_for
from callreel.importers.freepbx.importer import FreePbx
from callreel.importers.items import Candidate, Fault, Row, RowUse
from callreel.importers.source import Source
from callreel.model import DialogType, Direction
from importers.monitor import SAMPLES, put, refusals, source, wav

FILES = [
    "in-48221234567-48600100200-20260302-090005-1772438405.10.wav",
    "out-0048501502503-101-20260302-091000-1772439000.20.wav",
    "q-700-48700800900-20260302-100000-1772442000.30.wav",
    "internal-56-55-20260302-110000-pbx1-1772445600.40.wav",
    "external-102-unknown-20260302-120000-1772449200.50.wav",
    "exten-104-101-20260302-150000-1772460000.90.wav",
    "in-48221234567-48600100202-20260302-140000-1772456400.80.wav",
]
COLUMNS = (
    "calldate,src,dst,duration,billsec,disposition,uniqueid,recordingfile,did,linkedid,dcontext"
)


def candidates(root: Path, records: Path | None = None) -> dict[str, Candidate]:
    items = FreePbx(source(root, records)).items()
    return {item.original_name: item for item in items if isinstance(item, Candidate)}


def only(root: Path, records: Path | None = None) -> Candidate:
    (candidate,) = candidates(root, records).values()
    return candidate


def table(tmp_path: Path, *rows: str) -> Path:
    path = tmp_path / "cdr.csv"
    path.write_text("\n".join((COLUMNS, *rows)) + "\n")
    return path


def shown(seconds: int | None) -> str:
    return "" if seconds is None else f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "monitor"
    folder.mkdir()
    return folder


@pytest.fixture
def full(root: Path) -> Path:
    for tone, name in enumerate(FILES):
        put(root, name, wav(300, tone=tone))
    return root


def test_an_inbound_call_is_told_by_its_row(full: Path) -> None:
    candidate = candidates(full, SAMPLES / "cdr.csv")[FILES[0]]
    call = candidate.complete(duration_ms=57_000)
    assert call.direction is Direction.INBOUND
    assert (call.from_number, call.to_number) == ("48600100200", "48221234567")
    assert shown(call.started_at) == "2026-03-02 08:00:05"
    assert shown(call.answered_at) == "2026-03-02 08:00:20"
    assert shown(call.hung_up_at) == "2026-03-02 08:01:20"
    assert call.talking_ms == 60_000
    assert call.dialog_type is DialogType.CONSULTANT
    assert (call.dialog_id, call.source_call_id) == ("1772438405.10", "1772438405.10")
    assert candidate.notes == ()


def test_an_outbound_call_is_from_the_extension(full: Path) -> None:
    call = candidates(full, SAMPLES / "cdr.csv")[FILES[1]].call
    assert call.direction is Direction.OUTBOUND
    assert (call.from_number, call.to_number) == ("101", "0048501502503")
    assert (shown(call.started_at), call.talking_ms) == ("2026-03-02 08:10:00", 121_000)


def test_of_the_legs_of_a_queue_call_the_answered_one_counts(full: Path) -> None:
    call = candidates(full, SAMPLES / "cdr.csv")[FILES[2]].call
    assert shown(call.started_at) == "2026-03-02 09:00:20"
    assert shown(call.hung_up_at) == "2026-03-02 09:03:40"
    assert (call.talking_ms, call.direction) == (180_000, Direction.INBOUND)
    assert call.source_call_id == "1772442000.30"


def test_a_row_with_a_path_and_a_systems_name_finds_its_file(full: Path) -> None:
    call = candidates(full, SAMPLES / "cdr.csv")[FILES[3]].call
    assert (call.from_number, call.to_number) == ("55", "56")
    assert call.direction is Direction.OUTBOUND
    assert (call.dialog_id, call.talking_ms) == ("pbx1-1772445600.40", 30_000)


def test_a_row_without_file_name_is_found_by_its_unique_id(full: Path) -> None:
    call = candidates(full, SAMPLES / "cdr.csv")[FILES[4]].call
    assert (call.from_number, call.to_number) == (None, "48227654321")
    assert call.talking_ms == 10_000


def test_a_file_without_row_is_taken_by_its_name_and_says_so(full: Path) -> None:
    candidate = candidates(full, SAMPLES / "cdr.csv")[FILES[5]]
    call = candidate.complete(duration_ms=12_345)
    assert (call.from_number, call.to_number) == ("101", "104")
    assert shown(call.started_at) == "2026-03-02 14:00:00"
    assert (call.talking_ms, call.hung_up_at - call.started_at) == (12_345, 13)
    assert "no row" in candidate.notes[0]


def test_every_row_and_every_file_gets_a_verdict(full: Path) -> None:
    items = list(FreePbx(source(full, SAMPLES / "cdr.csv")).items())
    uses = {item.where: item.use for item in items if isinstance(item, Row)}
    joined = [f"cdr.csv:{line}" for line in (2, 3, 4, 5, 6, 7, 9)]
    assert uses == dict.fromkeys(joined, RowUse.JOINED) | {"cdr.csv:10": RowUse.UNRECORDED}
    faults = {where: refusal.fault for where, refusal in refusals(items).items()}
    assert faults == {
        "cdr.csv:11": Fault.NO_AUDIO,
        **{f"cdr.csv:{line}": Fault.BAD_ROW for line in (12, 13, 14, 15, 16)},
        f"2026/03/02/{FILES[6]}": Fault.BAD_CALL,
    }
    assert len(items) == 15 - 1 + len(FILES)
    assert "cdr.csv:12" in refusals(items)[f"2026/03/02/{FILES[6]}"].reason


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("2026-03-02 10:00:00,1,2,5,9,ANSWERED,1772442000.30,,,,", "billsec"),
        ("2026-03-02 10:00:00,1,2,-5,0,ANSWERED,1772442000.30,,,,", "duration"),
        ("2026-03-02 10:00:00,1,2,1e3,0,ANSWERED,1772442000.30,,,,", "duration"),
        ("2026-03-02 10:00:00,1,2,99999999,0,ANSWERED,1772442000.30,,,,", "duration"),
        ("2026-03-02 10:00:00,1,2,٣,0,ANSWERED,1772442000.30,,,,", "duration"),
        ("yesterday,1,2,5,5,ANSWERED,1772442000.30,,,,", "calldate"),
        ("0001-01-01 00:00:00,1,2,5,5,ANSWERED,1772442000.30,,,,", "calldate"),
        ("9999-12-31 23:59:59,1,2,5,5,ANSWERED,1772442000.30,,,,", "calldate"),
        (f"2026-03-02 10:00:00,{'1' * 65},2,5,5,ANSWERED,1772442000.30,,,,", "src"),
    ],
)
def test_a_row_of_nonsense_is_named_with_its_column(
    root: Path, tmp_path: Path, row: str, says: str
) -> None:
    put(root, FILES[2])
    refused = refusals(FreePbx(source(root, table(tmp_path, row))).items())
    assert says in refused["cdr.csv:2"].reason
    assert refused[f"2026/03/02/{FILES[2]}"].fault is Fault.BAD_CALL


@pytest.mark.parametrize(
    ("given", "length", "talking"),
    [("0,0", 0, 0), ("10,11", 10, 10), ("86400,86390", 86_400, 86_390)],
)
def test_lengths_at_the_edge_are_taken(
    root: Path, tmp_path: Path, given: str, length: int, talking: int
) -> None:
    put(root, FILES[2])
    row = f"2026-12-31 23:59:30,1,2,{given},ANSWERED,1772442000.30,,,,"
    call = only(root, table(tmp_path, row)).call
    assert (call.hung_up_at - call.started_at, call.talking_ms) == (length, talking * 1000)
    assert shown(call.started_at) == "2026-12-31 22:59:30"


def test_a_leg_is_found_by_its_linked_id_at_last(root: Path, tmp_path: Path) -> None:
    put(root, FILES[2])
    records = table(
        tmp_path,
        "2026-03-02 10:00:01,1,2,50,0,NO ANSWER,1772442001.31,,,1772442000.30,",
        "2026-03-02 10:00:02,1,3,50,40,ANSWERED,1772442002.32,,,1772442000.30,",
        "2026-03-02 10:00:03,1,4,50,45,ANSWERED,1772442003.33,,,1772449999.30,",
    )
    call = only(root, records).call
    assert (call.dialog_id, call.source_call_id) == ("1772442002.32", "1772442000.30")
    assert call.talking_ms == 40_000


def test_the_files_own_row_comes_before_another_leg_of_the_call(root: Path, tmp_path: Path) -> None:
    put(root, FILES[2])
    records = table(
        tmp_path,
        "2026-03-02 10:00:02,1,3,500,400,ANSWERED,1772442002.32,,,1772442000.30,",
        f"2026-03-02 10:00:01,1,2,50,30,ANSWERED,1772442000.30,{FILES[2]},,1772442000.30,",
    )
    assert only(root, records).call.talking_ms == 30_000


def test_an_answered_leg_comes_before_an_unanswered_row_of_the_file(
    root: Path, tmp_path: Path
) -> None:
    put(root, FILES[2])
    records = table(
        tmp_path,
        f"2026-03-02 10:00:01,1,2,50,0,NO ANSWER,1772442000.30,{FILES[2]},,1772442000.30,",
        "2026-03-02 10:00:02,1,3,50,40,ANSWERED,1772442002.32,,,1772442000.30,",
    )
    assert only(root, records).call.dialog_id == "1772442002.32"


@pytest.mark.parametrize(
    ("name", "row", "direction"),
    [
        ("in-48221234567-101", None, Direction.INBOUND),
        ("external-101-102", None, Direction.INBOUND),
        ("out-501502503-101", None, Direction.OUTBOUND),
        ("internal-48501502503-48601602603", None, Direction.OUTBOUND),
        ("exten-101-48600100200", None, Direction.INBOUND),
        ("exten-101-102", None, Direction.OUTBOUND),
        ("force-501502503-102", None, Direction.OUTBOUND),
        ("ondemand-101-+48600100", None, Direction.INBOUND),
        ("rg-600-101", None, Direction.INBOUND),
        ("q-700-unknown", None, Direction.INBOUND),
        ("q-700-101", ("", "from-internal"), Direction.OUTBOUND),
        ("exten-101-102", ("48221234567", "ext-local"), Direction.INBOUND),
        ("exten-101-102", ("", "from-trunk-sip-x"), Direction.INBOUND),
        ("8000-8000-dontcare", None, Direction.INBOUND),
        ("8000-8000-101", None, Direction.OUTBOUND),
    ],
)
def test_the_direction_is_told_by_kind_then_row_then_numbers(
    root: Path, tmp_path: Path, name: str, row: tuple[str, str] | None, direction: Direction
) -> None:
    put(root, f"{name}-20260302-100000-1772442000.30.wav")
    records = None
    if row is not None:
        cells = f"2026-03-02 10:00:00,1,2,9,9,ANSWERED,1772442000.30,,{row[0]},,{row[1]}"
        records = table(tmp_path, cells)
    assert only(root, records).call.direction is direction


@pytest.mark.parametrize(
    ("stamp", "epoch", "start"),
    [
        ("20260329-023000", "2026-03-29 01:30:00", "2026-03-29 01:30:00"),
        ("20260329-023000", "2026-03-29 00:30:00", "2026-03-29 00:30:00"),
        ("20261025-023000", "2026-10-25 00:30:00", "2026-10-25 00:30:00"),
        ("20261025-023000", "2026-10-25 01:29:58", "2026-10-25 01:30:00"),
    ],
)
def test_the_unique_id_decides_what_the_clock_leaves_open(
    root: Path, stamp: str, epoch: str, start: str
) -> None:
    seconds = int(datetime.fromisoformat(f"{epoch}+00:00").timestamp())
    put(root, f"in-1-2-{stamp}-{seconds}.7.wav")
    candidate = only(root)
    assert shown(candidate.call.started_at) == start
    assert "the unique id decided" in candidate.notes[0]


def test_a_wrong_time_zone_is_noticed(root: Path) -> None:
    put(root, "in-1-2-20260302-080005-1772438405.10.wav")
    assert "is the zone right?" in only(root).notes[0]


@pytest.mark.parametrize(
    ("name", "content", "fault", "says"),
    [
        ("in-1-2-20260302-090005-1772438405.10.gsm", b"x" * 99, Fault.NOT_AUDIO, "convert"),
        ("in-1-2-20260302-090005-1772438405.10.txt", b"x" * 99, Fault.NOT_AUDIO, "no audio"),
        ("in-1-2-20260302-090005-1772438405.10.wav.part", b"x" * 99, Fault.NOT_AUDIO, "no audio"),
        ("in-1-2-20260302-090005-1772438405.10", b"x" * 99, Fault.NOT_AUDIO, "no audio"),
        ("in-1-2-20260302-090005-1772438405.10.wav", b"", Fault.EMPTY, "no sound"),
        ("in-1-2-20260302-090005-1772438405.10.wav", b"x" * 44, Fault.EMPTY, "no sound"),
        ("in-1-2-20260302-090005-1772438405.10 (1).wav", None, Fault.BAD_NAME, "name"),
        ("greeting.wav", None, Fault.BAD_NAME, "name"),
    ],
)
def test_what_is_no_recording_is_named_with_the_reason(
    root: Path, name: str, content: bytes | None, fault: Fault, says: str
) -> None:
    put(root, name, content)
    put(root, FILES[0])
    items = list(FreePbx(source(root)).items())
    refusal = refusals(items)[f"2026/03/02/{name}"]
    assert refusal.fault is fault
    assert says in refusal.reason
    assert [item.original_name for item in items if isinstance(item, Candidate)] == [FILES[0]]


def test_a_file_that_is_still_written_to_is_left_for_later(root: Path) -> None:
    path = put(root, FILES[0])
    os.utime(path, (time.time(), time.time()))
    importer = FreePbx(source(root, settle=10))
    assert refusals(importer.items())[f"2026/03/02/{FILES[0]}"].fault is Fault.GROWING
    assert refusals(FreePbx(source(root, settle=0)).items()) == {}


def test_a_file_that_appears_after_the_rows_were_read_is_left_for_later(
    root: Path, tmp_path: Path
) -> None:
    put(root, FILES[0])
    importer = FreePbx(source(root, table(tmp_path)))
    assert importer.count() == 1
    put(root, FILES[1])
    assert refusals(importer.items())[f"2026/03/02/{FILES[1]}"].fault is Fault.GROWING


def test_a_name_of_odd_bytes_gives_clean_text(root: Path) -> None:
    put(root, b"in-48\n22\xff-2-20260302-090005-1772438405.10.wav")
    candidate = only(root)
    assert candidate.call.to_number == "4822\ufffd"
    assert candidate.original_name.startswith("in-48\\n22\\xff-2")
    with candidate.open() as stream:
        assert stream.read() == wav()


@pytest.mark.parametrize("extension", ["wav", "WAV", "wav49", "mp3", "ogg", "flac"])
def test_the_row_finds_the_file_whatever_it_was_converted_to(
    root: Path, tmp_path: Path, extension: str
) -> None:
    name = FILES[2].removesuffix("wav")
    put(root, name + extension)
    row = f"2026-03-02 10:00:00,1,2,50,40,ANSWERED,x,{name}wav,,,"
    assert only(root, table(tmp_path, row)).is_measured


def test_what_identifies_a_recording_does_not_depend_on_the_rows(full: Path) -> None:
    alone, joined = candidates(full), candidates(full, SAMPLES / "cdr.csv")
    for name in joined:
        assert alone[name].native_id == joined[name].native_id
        assert alone[name].native_time == joined[name].native_time


def test_the_count_is_that_of_the_files(full: Path) -> None:
    assert FreePbx(source(full)).count() == len(FILES)


def test_a_format_is_found_by_its_name(root: Path) -> None:
    assert isinstance(importer_for("freepbx", source(root)), FreePbx)
    with pytest.raises(Misconfigured, match=", ".join(FORMATS)):
        importer_for("none", source(root))


def test_without_a_time_zone_nothing_is_imported(root: Path) -> None:
    with pytest.raises(Misconfigured, match="--timezone"):
        FreePbx(Source(root=root))
