"""Which row of the call records is of which recording, and which rows are of no use."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from callreel.importers.freepbx.cdr import COLUMNS, LONGEST_CALL, Leg, Legs, Wanted
from callreel.importers.freepbx.names import RecordingName, parse
from callreel.importers.items import Fault, Item, Refusal, Row, RowUse
from callreel.importers.open_calls import OpenCalls
from callreel.importers.table import Table

STEM = "in-101-102-20260302-080005-1772438405.10"
SOUND = {
    "calldate": "2026-03-02 08:00:05",
    "src": "102",
    "dst": "101",
    "duration": "75",
    "billsec": "60",
    "disposition": "ANSWERED",
    "uniqueid": "9.9",
    "recordingfile": "",
    "linkedid": "",
    "cnum": "",
    "outbound_cnum": "",
    "did": "",
    "dcontext": "",
}
BY_FILE = {"recordingfile": f"{STEM}.wav"}
BY_ID = {"uniqueid": "1772438405.10"}
BY_LINK = {"linkedid": "1772438405.10"}


def wanted_name() -> RecordingName:
    name = parse(f"{STEM}.wav")
    assert name is not None
    return name


def unrecorded(legs: list[Leg]) -> Row:
    return Row(legs[0].where, RowUse.UNRECORDED)


class Read:
    """What becomes of rows, each given as what differs from a sound one."""

    def __init__(self, folder: Path, *rows: dict[str, str]) -> None:
        lines = [list(SOUND), *(list((SOUND | row).values()) for row in rows)]
        path = folder / "cdr.csv"
        path.write_text("".join(",".join(line) + "\n" for line in lines))
        wanted = Wanted()
        wanted.want(wanted_name())
        wanted.want(None)
        legs = Legs(ZoneInfo("UTC"))
        self.items: list[Item] = list(
            legs.read(path.name, Table(path, COLUMNS).rows(), wanted, OpenCalls(unrecorded))
        )
        self.leg = legs.of(wanted_name())
        self.waiting = legs.waiting(self.leg) if isinstance(self.leg, Leg) else None

    @property
    def line(self) -> str | None:
        """Where the row stands that was taken."""
        return None if self.leg is None else self.leg.where.removeprefix("cdr.csv:")


@pytest.mark.parametrize("row", [BY_FILE, BY_ID, BY_LINK])
def test_a_row_is_found_by_file_or_unique_id_or_linked_id(
    tmp_path: Path, row: dict[str, str]
) -> None:
    read = Read(tmp_path, {}, row)
    assert read.line == "3"
    other = RowUse.JOINED if row == BY_FILE else RowUse.UNRECORDED  # its linked id is the same
    assert {each.where: each for each in read.items} == {
        "cdr.csv:2": Row("cdr.csv:2", other),
        "cdr.csv:3": Row("cdr.csv:3", RowUse.JOINED),
    }


NO_ANSWER = {"disposition": "NO ANSWER", "billsec": "0"}
UNSOUND = {"duration": "long"}


@pytest.mark.parametrize(
    ("rows", "line"),
    [
        ([BY_LINK, BY_ID, BY_FILE], "4"),
        ([BY_LINK, BY_ID], "3"),
        ([BY_FILE | NO_ANSWER, BY_ID | NO_ANSWER, BY_LINK], "4"),
        ([BY_FILE | NO_ANSWER, BY_ID, BY_LINK], "3"),
        ([BY_LINK | NO_ANSWER, BY_ID | NO_ANSWER], "3"),
        ([BY_FILE | UNSOUND, BY_LINK | NO_ANSWER], "3"),
        ([BY_FILE | UNSOUND, BY_FILE], "3"),
        ([BY_LINK | UNSOUND, BY_ID | UNSOUND], "3"),
        ([BY_FILE | UNSOUND, BY_FILE | UNSOUND], "2"),
        ([BY_FILE | {"billsec": "40"}, BY_FILE | {"billsec": "41"}], "3"),
        ([BY_FILE | {"billsec": "41"}, BY_FILE | {"billsec": "40"}], "2"),
        ([BY_FILE | {"disposition": "BUSY"}, BY_FILE | {"billsec": "1"}], "3"),
        ([BY_FILE, BY_FILE], "2"),
        ([{}], None),
    ],
)
def test_of_several_rows_an_answered_one_then_the_nearest_then_the_longest_is_taken(
    tmp_path: Path, rows: list[dict[str, str]], line: str | None
) -> None:
    assert Read(tmp_path, *rows).line == line


def test_only_an_unsound_row_gives_its_reason(tmp_path: Path) -> None:
    read = Read(tmp_path, BY_FILE | UNSOUND)
    reason = f"The column duration is no number of seconds from 0 to {LONGEST_CALL}."
    assert read.leg == Refusal("cdr.csv:2", Fault.BAD_ROW, reason)
    assert read.items == [read.leg]


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ({"recordingfile": "other.wav"}, Fault.NO_AUDIO),
        ({"recordingfile": "other.wav", "billsec": "1"}, Fault.NO_AUDIO),
        ({"recordingfile": "other.wav", "billsec": "0"}, None),
        ({"recordingfile": ""}, None),
        ({"recordingfile": "other.wav", "billsec": "x"}, Fault.BAD_ROW),
    ],
)
def test_a_talk_whose_recording_is_not_there_is_named(
    tmp_path: Path, row: dict[str, str], fault: Fault | None
) -> None:
    (item,) = Read(tmp_path, row).items
    if fault is None:
        assert item == Row("cdr.csv:2", RowUse.UNRECORDED)
    else:
        assert isinstance(item, Refusal)
        assert (item.where, item.fault) == ("cdr.csv:2", fault)


@pytest.mark.parametrize(
    ("cells", "length", "talked"),
    [
        ({"duration": "0", "billsec": "0"}, 0, 0),
        ({"duration": "0", "billsec": "1"}, 0, 0),
        ({"duration": "75", "billsec": "76"}, 75, 75),
        ({"duration": "000000075", "billsec": "0"}, 75, 0),
        ({"duration": str(LONGEST_CALL), "billsec": str(LONGEST_CALL)}, 2_678_400, 2_678_400),
    ],
)
def test_lengths_up_to_a_month_are_seconds(
    tmp_path: Path, cells: dict[str, str], length: int, talked: int
) -> None:
    leg = Read(tmp_path, BY_FILE | cells).leg
    assert isinstance(leg, Leg)
    assert (leg.duration, leg.billsec) == (length, talked)


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        ({"billsec": "77"}, "The column billsec is more than duration."),
        ({"duration": str(LONGEST_CALL + 1)}, "The column duration is no number of seconds"),
        ({"duration": "0000000075"}, "The column duration is no number of seconds"),
        ({"duration": ""}, "The column duration is no number of seconds"),
        ({"duration": "75.0"}, "The column duration is no number of seconds"),
        ({"billsec": "+1"}, "The column billsec is no number of seconds"),
        ({"billsec": "²"}, "The column billsec is no number of seconds"),
        ({"calldate": ""}, "no date and time such as 2026-03-29 14:05:00."),
        ({"calldate": "02.03.2026 08:00:05"}, "no date and time such as"),
        ({"calldate": "1999-12-31 23:59:59"}, "not in the years 2000 to 2135."),
        ({"calldate": "2136-01-01 00:00:00"}, "not in the years 2000 to 2135."),
    ],
)
def test_a_cell_out_of_bounds_is_named(tmp_path: Path, cells: dict[str, str], says: str) -> None:
    leg = Read(tmp_path, BY_FILE | cells).leg
    assert isinstance(leg, Refusal)
    assert leg.fault is Fault.BAD_ROW
    assert says in leg.reason


@pytest.mark.parametrize("calldate", ["2000-01-01 00:00:00", "2135-12-31 23:59:59"])
def test_the_first_and_the_last_year_are_taken(tmp_path: Path, calldate: str) -> None:
    leg = Read(tmp_path, BY_FILE | {"calldate": calldate}).leg
    assert isinstance(leg, Leg)
    assert str(leg.clock) == calldate


TEXTS = ["src", "dst", "cnum", "outbound_cnum", "did", "uniqueid", "linkedid"]


@pytest.mark.parametrize("column", TEXTS)
def test_a_text_has_at_most_64_characters(tmp_path: Path, column: str) -> None:
    leg = Read(tmp_path, BY_FILE | {column: "1" * 64}).leg
    assert isinstance(leg, Leg)
    assert getattr(leg, column) == "1" * 64
    leg = Read(tmp_path, BY_FILE | {column: "1" * 65}).leg
    assert isinstance(leg, Refusal)
    assert leg.reason == f"The column {column} is longer than 64 characters."


def test_a_context_may_be_long(tmp_path: Path) -> None:
    leg = Read(tmp_path, BY_FILE | {"dcontext": "from-trunk-" * 20}).leg
    assert isinstance(leg, Leg)
    assert leg.dcontext == "from-trunk-" * 20


@pytest.mark.parametrize(
    ("disposition", "is_answered"),
    [("ANSWERED", True), ("answered", True), ("NO ANSWER", False), ("", False), ("BUSY", False)],
)
def test_only_what_was_answered_counts_as_that(
    tmp_path: Path, disposition: str, is_answered: bool
) -> None:
    leg = Read(tmp_path, BY_FILE | {"disposition": disposition}).leg
    assert isinstance(leg, Leg)
    assert leg.is_answered is is_answered


def test_a_row_that_leaves_out_its_ids_belongs_to_nothing(tmp_path: Path) -> None:
    read = Read(tmp_path, {"uniqueid": "", "linkedid": "", "recordingfile": ""})
    assert read.leg is None
    assert read.items == [Row("cdr.csv:2", RowUse.UNRECORDED)]


def test_columns_that_are_not_needed_may_be_missing(tmp_path: Path) -> None:
    cells = {name: text for name, text in (SOUND | BY_FILE).items() if name in COLUMNS}
    path = tmp_path / "cdr.csv"
    path.write_text(f"{','.join(cells)}\n{','.join(cells.values())}\n")
    legs = Legs(ZoneInfo("UTC"))
    wanted = Wanted({wanted_name().key})
    read = list(legs.read(path.name, Table(path, COLUMNS).rows(), wanted, OpenCalls(unrecorded)))
    assert read == [Row("cdr.csv:2", RowUse.JOINED)]
    leg = legs.of(wanted_name())
    assert isinstance(leg, Leg)
    assert (leg.cnum, leg.outbound_cnum, leg.did, leg.dcontext, leg.linkedid) == ("",) * 5


def test_legs_of_a_call_may_tell_their_zone_or_leave_it_out(tmp_path: Path) -> None:
    call = BY_LINK
    later = call | {"calldate": "2026-03-02 08:00:09"}
    zoned = call | BY_ID | {"calldate": "2026-03-02 09:00:05+01:00"}
    waiting = Read(tmp_path, later, zoned).waiting
    assert waiting is not None
    assert waiting.since.isoformat() == "2026-03-02T09:00:05+01:00"
