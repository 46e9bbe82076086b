"""Who of the company a call was, which queue it came by, and how long the caller waited."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from callreel.importers.channels import extension_of, short
from callreel.importers.freepbx.importer import FreePbx
from callreel.importers.freepbx.names import epoch_of
from callreel.importers.items import Candidate, Row, RowUse
from callreel.model import Direction
from importers.monitor import SAMPLES, put, source

COLUMNS = (
    "calldate,src,dst,duration,billsec,disposition,uniqueid,recordingfile,did,linkedid,dcontext,"
    "channel,dstchannel,lastapp,lastdata,cnum"
)
CALL = {
    "calldate": "2026-03-02 10:00:00",
    "src": "48700800900",
    "dst": "101",
    "duration": "60",
    "billsec": "50",
    "disposition": "ANSWERED",
    "uniqueid": "1772442000.30",
    "linkedid": "1772442000.30",
    "lastapp": "Dial",
}
OUT = {"src": "102", "dst": "501502503", "dcontext": "from-internal"}
QUEUED = {"dst": "700", "dcontext": "ext-queues", "lastapp": "Queue", "lastdata": "700,t,,,120"}


def records(tmp_path: Path, *rows: dict[str, str]) -> Path:
    names = COLUMNS.split(",")
    lines = ["\t".join((CALL | row).get(name, "") for name in names) for row in rows]
    path = tmp_path / "cdr.tsv"
    path.write_text("\n".join(["\t".join(names), *lines]) + "\n")
    return path


def taken(tmp_path: Path, kind: str, *rows: dict[str, str]) -> Candidate:
    root = tmp_path / "monitor"
    put(root, f"{kind}-20260302-100000-1772442000.30.wav")
    given = source(root, records(tmp_path, *rows) if rows else None)
    (found,) = [item for item in FreePbx(given).items() if isinstance(item, Candidate)]
    return found


def left(tmp_path: Path, *rows: dict[str, str]) -> list[Row]:
    (tmp_path / "empty").mkdir()
    items = FreePbx(source(tmp_path / "empty", records(tmp_path, *rows))).items()
    return [item for item in items if isinstance(item, Row)]


@pytest.mark.parametrize(
    ("channel", "extension"),
    [
        ("SIP/101-0000002a", "101"),
        ("PJSIP/101-0000002a", "101"),
        ("pjsip/101-0000002a", "101"),
        ("IAX2/101-1234", "101"),
        ("SCCP/101-00000001", "101"),
        ("Agent/1001", "1001"),
        ("Local/101@from-queue-00000001;1", "101"),
        ("Local/101@from-internal-0000003f;2", "101"),
        ("Local/FMPR-7000@from-internal-0000001d;1", "7000"),
        ("Local/LC-101@from-internal-0000003f;1", "101"),
        ("Local/RG-600-101@from-internal-0000003f;1", "101"),
        ("Local/FMGL-101@from-internal-0000003f;1", None),
        ("Local/0988500072@from-internal-0000001f;1", None),
        ("PJSIP/trunk-0000002a", None),
        ("PJSIP/48221234567-0000002a", None),
        ("SIP/provider-101-0000002a", None),
        ("DAHDI/i1/101-3", None),
        ("", None),
        ("Local/101", "101"),
        ("SIP/101-0000002a;drop", None),
    ],
)
def test_a_channel_tells_the_extension_that_it_is_of(channel: str, extension: str | None) -> None:
    assert extension_of(channel) == extension


@pytest.mark.parametrize(
    ("numbers", "first"),
    [
        (("101",), "101"),
        (("", None, "48221234567", "102"), "102"),
        (("1", "1234567", "s", "²²²"), None),
        ((), None),
    ],
)
def test_a_number_of_two_to_six_digits_is_one_of_the_company(
    numbers: tuple[str | None, ...], first: str | None
) -> None:
    assert short(*numbers) == first


@pytest.mark.parametrize(
    ("uniqueid", "epoch"),
    [
        ("1772442000.30", 1_772_442_000),
        ("pbx-1-1772442000.30", 1_772_442_000),
        ("1772442000", None),
        ("a.b", None),
        ("", None),
    ],
)
def test_a_unique_id_begins_with_its_moment(uniqueid: str, epoch: int | None) -> None:
    assert epoch_of(uniqueid) == epoch


@pytest.mark.parametrize(
    ("kind", "row", "agent"),
    [
        ("in-48221234567-48700800900", {"dstchannel": "PJSIP/103-00000002"}, "103"),
        ("in-48221234567-48700800900", {"dstchannel": "PJSIP/trunk-00000002"}, "101"),
        ("in-48221234567-48700800900", {}, "101"),
        ("in-48221234567-48700800900", {"dst": "s"}, None),
        ("in-48221234567-48700800900", {"dst": "501502503"}, None),
        ("in-48221234567-48700800900", {"dst": "700", "dcontext": "ext-queues"}, None),
        ("in-48221234567-48700800900", {"dst": "600", "dcontext": "ext-group"}, None),
        ("in-1-48700800900", {"disposition": "NO ANSWER", "billsec": "0"}, None),
        ("q-700-48700800900", QUEUED, None),
        ("q-700-48700800900", QUEUED | {"dstchannel": "Local/103@from-queue-00000002;1"}, "103"),
        ("rg-600-48700800900", {"dst": "600"}, None),
        ("rg-600-48700800900", {"dst": "600", "dstchannel": "SIP/104-00000002"}, "104"),
        ("out-501502503-102", OUT, "102"),
        ("out-501502503-102", OUT | {"src": "48221234567", "cnum": "103"}, "103"),
        ("out-501502503-102", OUT | {"src": "48221234567", "channel": "SIP/104-00000002"}, "104"),
        ("out-501502503-102", OUT | {"src": "48221234567"}, "102"),
        ("out-501502503-48221234567", OUT | {"src": "48221234567"}, None),
        ("external-105-48700800900", None, "105"),
        ("in-48221234567-48700800900", None, None),
        ("q-700-48700800900", None, None),
        ("out-501502503-102", None, "102"),
        ("internal-104-103", None, "103"),
    ],
)
def test_the_agent_is_who_called_or_who_answered(
    tmp_path: Path, kind: str, row: dict[str, str] | None, agent: str | None
) -> None:
    assert taken(tmp_path, kind, *([] if row is None else [row])).agent == agent


@pytest.mark.parametrize(
    ("kind", "row", "queue"),
    [
        ("q-700-48700800900", None, "700"),
        ("q-700-48700800900", {"dst": "103"}, "700"),
        ("external-700-48700800900", QUEUED, "700"),
        ("external-700-48700800900", QUEUED | {"lastdata": "support,t,,,120"}, "support"),
        ("external-700-48700800900", QUEUED | {"lastdata": ""}, "700"),
        ("external-700-48700800900", {"dst": "701", "dcontext": "ext-queues"}, "701"),
        ("external-101-48700800900", {"dcontext": "ext-local"}, None),
        ("external-101-48700800900", None, None),
    ],
)
def test_the_queue_is_told_by_the_file_or_the_row(
    tmp_path: Path, kind: str, row: dict[str, str] | None, queue: str | None
) -> None:
    assert taken(tmp_path, kind, *([] if row is None else [row])).queue == queue


def agents_leg(**cells: str) -> dict[str, str]:
    return {
        "calldate": "2026-03-02 10:00:21",
        "duration": "199",
        "billsec": "180",
        "uniqueid": "1772442021.31",
        "dst": "103",
        **cells,
    }


@pytest.mark.parametrize(
    ("rows", "waiting_ms"),
    [
        ([{}], 10_000),
        ([{"billsec": "60"}], 0),
        ([QUEUED], None),
        ([{"dcontext": "ivr-1"}], None),
        ([QUEUED, agents_leg()], 40_000),
        ([agents_leg(), QUEUED], 40_000),
        ([QUEUED, agents_leg(billsec="90"), agents_leg(uniqueid="1772442022.32")], 40_000),
        ([QUEUED, agents_leg(disposition="NO ANSWER", billsec="0")], None),
        ([QUEUED, agents_leg(linkedid="1772449999.1")], None),
        ([{"linkedid": "1772441990.1"}], None),
        ([{"linkedid": ""}], None),
        ([{"billsec": "0", "disposition": "NO ANSWER"}], None),
        ([{"calldate": "2026-03-02 10:00:20"}, QUEUED], 30_000),
        ([QUEUED, agents_leg(duration="no")], None),
    ],
)
def test_the_caller_waited_from_the_first_leg_to_the_answer_of_a_person(
    tmp_path: Path, rows: list[dict[str, str]], waiting_ms: int | None
) -> None:
    assert taken(tmp_path, "in-48221234567-48700800900", *rows).call.waiting_ms == waiting_ms


def test_the_sample_of_a_queue_tells_agent_queue_and_waiting(tmp_path: Path) -> None:
    name = "q-700-48700800900-20260302-100000-1772442000.30.wav"
    put(tmp_path / "monitor", name)
    items = FreePbx(source(tmp_path / "monitor", SAMPLES / "cdr.csv")).items()
    (found,) = [item for item in items if isinstance(item, Candidate)]
    assert (found.agent, found.queue, found.call.waiting_ms) == ("103", "700", 40_000)


def test_a_call_without_recording_is_told_whole(tmp_path: Path) -> None:
    (row,) = left(tmp_path, {"dstchannel": "SIP/103-00000002", "did": "48221234567"})
    assert (row.where, row.use, row.agent, row.queue) == (
        "cdr.tsv:2",
        RowUse.UNRECORDED,
        "103",
        None,
    )
    call = row.call
    assert call is not None
    assert call.started_at == datetime(2026, 3, 2, 9, 0, 0, tzinfo=UTC).timestamp()
    assert (call.hung_up_at - call.started_at, call.talking_ms) == (60, 50_000)
    assert call.answered_at == call.started_at + 10
    assert (call.from_number, call.to_number) == ("48700800900", "48221234567")
    assert (call.dialog_id, call.source_call_id) == ("1772442000.30", "1772442000.30")
    assert call.direction is Direction.INBOUND


@pytest.mark.parametrize(
    ("row", "direction"),
    [
        ({}, Direction.INBOUND),
        ({"src": "anonymous"}, Direction.INBOUND),
        ({"src": ""}, Direction.INBOUND),
        (OUT, Direction.OUTBOUND),
        ({"src": "102"}, Direction.OUTBOUND),
        ({"src": "102", "dcontext": "from-trunk"}, Direction.INBOUND),
        ({"src": "102", "did": "48221234567"}, Direction.INBOUND),
    ],
)
def test_the_direction_of_a_call_without_recording_is_told_by_its_row(
    tmp_path: Path, row: dict[str, str], direction: Direction
) -> None:
    (found,) = left(tmp_path, row)
    assert found.call is not None
    assert found.call.direction is direction


def test_a_missed_call_has_no_agent_and_one_of_a_queue_its_queue(tmp_path: Path) -> None:
    missed = {"billsec": "0", "disposition": "NO ANSWER"}
    rows = left(tmp_path, missed | {"dstchannel": "SIP/103-00000002"}, missed | QUEUED)
    assert [(row.agent, row.queue) for row in rows] == [(None, None), (None, "700")]
    assert [row.call is not None and row.call.talking_ms for row in rows] == [0, 0]


def test_a_row_without_id_is_of_a_call_that_cannot_be_named(tmp_path: Path) -> None:
    assert left(tmp_path, {"uniqueid": ""}) == [Row("cdr.tsv:2", RowUse.UNRECORDED)]


def test_the_night_of_the_clock_is_read_by_the_rows_unique_id(tmp_path: Path) -> None:
    rows = left(
        tmp_path,
        *(
            {"calldate": "2026-10-25 02:30:00", "uniqueid": each, "linkedid": each}
            for each in ("1792891800.1", "1792888200.1", "x")
        ),
    )
    starts = [0 if row.call is None else row.call.started_at for row in rows]
    assert starts == [1_792_891_800, 1_792_888_200, 1_792_888_200]
