"""The rules of docs/explanation/time.md, in every format that writes times by a clock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from callreel.importers.asterisk.ids import AudioName
from callreel.importers.asterisk.legs import leg_of as asterisk_leg_of
from callreel.importers.freepbx.importer import FreePbx
from callreel.importers.freeswitch.calls import call_of
from callreel.importers.freeswitch.leg import leg_of
from callreel.importers.freeswitch.record import Record
from callreel.importers.items import Candidate
from callreel.importers.manifest.line import entry_of
from callreel.model import Call
from importers.asterisk_rows import SOUND, leg, told, utc
from importers.calls_table import MEANING, Made
from importers.monitor import WARSAW, put, source

Read = Callable[[Path, str, int, int], Call]
"""Read a call of a folder, a clock time, the moment of its unique id, and seconds of talk."""
HEADER = "calldate,src,dst,duration,billsec,disposition,uniqueid,recordingfile"


def by_freepbx(folder: Path, clock: str, epoch: int, seconds: int) -> Call:
    day = datetime.fromisoformat(clock)
    name = f"exten-101-102-{day:%Y%m%d-%H%M%S}-{epoch}.1.wav"
    put(folder / "monitor", name)
    row = f"{clock},102,101,{seconds},{seconds},ANSWERED,{epoch}.1,{name}"
    (folder / "cdr.csv").write_text(f"{HEADER}\n{row}\n")
    items = FreePbx(source(folder / "monitor", folder / "cdr.csv")).items()
    (found,) = [each for each in items if isinstance(each, Candidate)]
    return found.call


def by_asterisk(_folder: Path, clock: str, epoch: int, seconds: int) -> Call:
    length = str(seconds)
    row = leg(start=clock, duration=length, billsec=length, uniqueid=f"{epoch}.1", linkedid="")
    return told(row).call(AudioName.of(f"{epoch}.1.wav"))


def by_table(folder: Path, clock: str, _epoch: int, seconds: int) -> Call:
    made = Made(folder)
    made.rows({"start": clock, "length": str(seconds)})
    made.audio("a.wav")
    return made.taken()["a.wav"].call


def by_manifest(_folder: Path, clock: str, epoch: int, seconds: int) -> Call:
    moment = datetime.fromtimestamp(epoch, WARSAW)
    offset = moment.strftime("%z")
    started = f"{clock.replace(' ', 'T')}{offset[:3]}:{offset[3:]}"
    text = (
        f'{{"dialog_id": "1", "direction": "INBOUND", "started_at": "{started}", '
        f'"talking_ms": {seconds * 1000}, "audio": "a.wav"}}'
    )
    return entry_of(text.encode()).call


WITH_IDS = pytest.mark.parametrize("read", [by_freepbx, by_asterisk])
ALL = pytest.mark.parametrize("read", [by_freepbx, by_asterisk, by_table, by_manifest])
NO_HINT = 1_700_000_000


def moment(text: str) -> int:
    return int(datetime.fromisoformat(f"{text}+00:00").timestamp())


@WITH_IDS
@pytest.mark.parametrize("began", ["2026-10-25 00:30:00", "2026-10-25 01:30:00"])
def test_of_a_doubled_hour_the_unique_id_tells_which(
    tmp_path: Path, read: Read, began: str
) -> None:
    call = read(tmp_path, "2026-10-25 02:30:00", moment(began), 60)
    assert utc(call.started_at) == began


@pytest.mark.parametrize("read", [by_freepbx, by_asterisk, by_table])
def test_of_a_doubled_hour_the_first_is_taken_where_nothing_tells(
    tmp_path: Path, read: Read
) -> None:
    call = read(tmp_path, "2026-10-25 02:30:00", NO_HINT, 60)
    assert utc(call.started_at) == "2026-10-25 00:30:00"


@pytest.mark.parametrize("read", [by_freepbx, by_asterisk, by_table])
def test_a_time_that_was_skipped_is_an_hour_later(tmp_path: Path, read: Read) -> None:
    call = read(tmp_path, "2026-03-29 02:30:00", NO_HINT, 60)
    assert utc(call.started_at) == "2026-03-29 01:30:00"


@ALL
@pytest.mark.parametrize(
    ("clock", "began", "ended"),
    [
        ("2026-03-29 01:59:30", "2026-03-29 00:59:30", "2026-03-29 01:00:30"),  # over the gap
        ("2026-10-25 02:59:30", "2026-10-25 00:59:30", "2026-10-25 01:00:30"),  # into the second
        ("2026-03-01 23:59:50", "2026-03-01 22:59:50", "2026-03-01 23:00:10"),  # midnight
        ("2026-03-02 00:59:50", "2026-03-01 23:59:50", "2026-03-02 00:00:10"),  # that of UTC
        ("2026-03-01 00:00:00", "2026-02-28 23:00:00", "2026-02-28 23:00:00"),
        ("2026-12-31 23:59:59", "2026-12-31 22:59:59", "2026-12-31 23:00:01"),  # New Year
        ("2027-01-01 00:30:00", "2026-12-31 23:30:00", "2027-01-01 00:30:00"),
        ("2028-02-29 23:59:59", "2028-02-29 22:59:59", "2028-03-01 00:00:01"),
        ("2026-03-02 09:00:05", "2026-03-02 08:00:05", "2026-03-02 08:00:05"),  # a zero call
        ("2026-03-02 09:00:05", "2026-03-02 08:00:05", "2026-03-03 08:00:05"),  # 24 hours
        ("2026-03-28 12:00:00", "2026-03-28 11:00:00", "2026-03-29 11:00:00"),  # 13:00 there
        ("2026-10-24 12:00:00", "2026-10-24 10:00:00", "2026-10-25 10:00:00"),  # 11:00 there
    ],
)
def test_a_call_ends_as_many_seconds_later_as_it_lasted_whatever_the_clock_did(
    tmp_path: Path, read: Read, clock: str, began: str, ended: str
) -> None:
    seconds = moment(ended) - moment(began)
    call = read(tmp_path, clock, moment(began), seconds)
    assert (utc(call.started_at), utc(call.hung_up_at)) == (began, ended)
    assert call.talking_ms == seconds * 1000


@WITH_IDS
@pytest.mark.parametrize("off", [-1, 1])
def test_a_clock_that_is_off_by_a_second_changes_nothing(
    tmp_path: Path, read: Read, off: int
) -> None:
    began = moment("2026-10-25 01:30:00")
    call = read(tmp_path, "2026-10-25 02:30:00", began + off, 60)
    assert call.started_at == began


def test_a_talk_that_is_a_second_longer_than_its_call_is_as_long_as_it(tmp_path: Path) -> None:
    row = leg(duration="75", billsec="76")
    assert (row.duration_ms, row.talk_ms) == (75_000, 75_000)
    with pytest.raises(ValueError, match="billsec is more than duration"):
        leg(duration="75", billsec="77")


Stamps = Callable[..., tuple[Call, tuple[str, ...]]]
"""Read a call of a folder, the clock times of its start, answer and end, and its lengths."""
Lengths = tuple[str, str]
UNTOLD = ("", "")
HELD = """
answered = "answer"
ended = "end"
talking = "talk"
"""


def by_freeswitch_stamps(
    _folder: Path, start: str, answer: str, end: str, lengths: Lengths = UNTOLD
) -> tuple[Call, tuple[str, ...]]:
    stamps = {"start_stamp": start, "answer_stamp": answer, "end_stamp": end}
    record = Record({"uuid": "a", **stamps, "duration": lengths[0], "billsec": lengths[1]})
    read = leg_of("Master.csv:1", record, "", WARSAW)
    return call_of(read), read.notes


def by_table_stamps(
    folder: Path, start: str, answer: str, end: str, lengths: Lengths = UNTOLD
) -> tuple[Call, tuple[str, ...]]:
    made = Made(folder, MEANING.replace("[audio]", f"{HELD}[audio]"))
    made.rows(
        {
            "start": start,
            "answer": answer,
            "end": end,
            "length": lengths[0],
            "talk": lengths[1],
        }
    )
    made.audio("a.wav")
    found = made.taken()["a.wav"]
    return found.call, found.notes


def by_asterisk_stamps(
    _folder: Path, start: str, answer: str, end: str, lengths: Lengths = UNTOLD
) -> tuple[Call, tuple[str, ...]]:
    written = dict(zip(("duration", "billsec"), lengths, strict=True))
    row = {name: text for name, text in SOUND.items() if name not in written}
    row |= {name: text for name, text in written.items() if text}
    row |= {"start": start, "answer": answer, "end": end, "uniqueid": "", "linkedid": ""}
    read = asterisk_leg_of("Master.csv:1", row, WARSAW)
    return told(read).call(AudioName.of("a.wav")), read.notes


STAMPS = pytest.mark.parametrize(
    "read", [by_freeswitch_stamps, by_table_stamps, by_asterisk_stamps]
)
AUTUMN = "2026-10-25"
SPRING = "2026-03-29"


def shown(call: Call) -> tuple[str, str, str, int]:
    """Return when a call started, was answered and ended in UTC, and how long it was talked."""
    moments = (call.started_at, call.answered_at, call.hung_up_at)
    start, answer, end = (utc(each)[-8:] for each in moments)
    return start, answer, end, call.talking_ms // 1000


def stamps(day: str, *clocks: str) -> list[str]:
    return [f"{day} {clock}" for clock in clocks]


@STAMPS
@pytest.mark.parametrize(
    ("clocks", "expected"),
    [
        (  # on into the second
            ("02:50:00", "02:50:05", "02:10:00"),
            ("00:50:00", "00:50:05", "01:10:00", 1195),
        ),
        (  # answered in the second
            ("02:50:00", "02:05:00", "02:10:00"),
            ("00:50:00", "01:05:00", "01:10:00", 300),
        ),
        (("02:10:00", "02:10:05", "02:40:00"), ("00:10:00", "00:10:05", "00:40:00", 1795)),
        (("01:50:00", "01:50:05", "02:20:00"), ("23:50:00", "23:50:05", "00:20:00", 1795)),
        (("01:50:00", "01:50:05", "03:20:00"), ("23:50:00", "23:50:05", "02:20:00", 8995)),
    ],
)
def test_of_a_doubled_hour_the_earliest_that_can_be_is_taken_where_no_length_is(
    tmp_path: Path, read: Stamps, clocks: tuple[str, str, str], expected: object
) -> None:
    call, _ = read(tmp_path, *stamps(AUTUMN, *clocks))
    assert shown(call) == expected


@STAMPS
@pytest.mark.parametrize(
    ("clocks", "talk", "expected"),
    [
        (
            ("01:50:00", "01:50:05", "02:20:00"),
            "5395",
            ("23:50:00", "23:50:05", "01:20:00", 5395),
        ),
        (("01:50:00", "02:10:00", "02:20:00"), "600", ("23:50:00", "00:10:00", "00:20:00", 600)),
    ],
)
def test_of_a_doubled_hour_the_talk_tells_when_a_call_ended(
    tmp_path: Path, read: Stamps, clocks: tuple[str, str, str], talk: str, expected: object
) -> None:
    call, _ = read(tmp_path, *stamps(AUTUMN, *clocks), ("", talk))
    assert shown(call) == expected


@pytest.mark.parametrize("read", [by_freeswitch_stamps, by_table_stamps])
@pytest.mark.parametrize(
    ("clocks", "lengths", "expected"),
    [
        (
            stamps(AUTUMN, "02:50:00", "02:50:05", "02:10:00"),
            ("1200", "1195"),
            ("00:50:00", "00:50:05", "01:10:00", 1195),
        ),
        (
            stamps(AUTUMN, "01:50:00", "01:50:05", "02:20:00"),
            ("5400", "5395"),
            ("23:50:00", "23:50:05", "01:20:00", 5395),
        ),
        (  # answered in the second
            stamps(AUTUMN, "01:50:00", "02:20:00", "02:40:00"),
            ("6600", "1200"),
            ("23:50:00", "01:20:00", "01:40:00", 1200),
        ),
        (  # begun in the second, as its end is clear
            stamps(AUTUMN, "02:50:00", "02:50:05", "03:10:00"),
            ("1200", "1195"),
            ("01:50:00", "01:50:05", "02:10:00", 1195),
        ),
        (  # the length is rounded by itself
            stamps(AUTUMN, "01:50:00", "01:50:05", "02:20:00"),
            ("1801", "1796"),
            ("23:50:00", "23:50:05", "00:20:00", 1796),
        ),
        (
            stamps(SPRING, "02:50:00", "02:50:05", "03:10:00"),
            ("1200", "1195"),
            ("00:50:00", "00:50:05", "01:10:00", 1195),
        ),
        (
            stamps(SPRING, "01:50:00", "01:50:05", "02:10:00"),
            ("1200", "1195"),
            ("00:50:00", "00:50:05", "01:10:00", 1195),
        ),
        (
            stamps(SPRING, "01:50:00", "01:50:05", "03:10:00"),
            ("1200", "1195"),
            ("00:50:00", "00:50:05", "01:10:00", 1195),
        ),
    ],
)
def test_clock_times_that_are_unclear_agree_with_the_length(
    tmp_path: Path,
    read: Stamps,
    clocks: list[str],
    lengths: Lengths,
    expected: tuple[str, str, str, int],
) -> None:
    call, _ = read(tmp_path, *clocks, lengths)
    assert shown(call) == expected


@STAMPS
def test_a_skipped_end_is_an_hour_later_like_any_other(tmp_path: Path, read: Stamps) -> None:
    call, notes = read(tmp_path, *stamps(SPRING, "01:50:00", "01:50:05", "02:10:00"))
    assert shown(call) == ("00:50:00", "00:50:05", "01:10:00", 1195)
    says = "does not occur in Europe/Warsaw; the time an hour later was taken."
    assert notes == (f"The clock time {SPRING} 02:10:00 {says}",)


@STAMPS
def test_a_note_names_each_clock_time_that_was_unclear_and_what_was_taken(
    tmp_path: Path, read: Stamps
) -> None:
    _, notes = read(tmp_path, *stamps(AUTUMN, "02:50:00", "02:05:00", "02:10:00"))
    assert set(notes) == {
        f"The clock time {AUTUMN} {clock} occurs twice in Europe/Warsaw; the {which} was taken."
        for clock, which in (("02:50:00", "first"), ("02:05:00", "second"), ("02:10:00", "second"))
    }


@STAMPS
def test_on_an_ordinary_day_clock_times_need_no_note(tmp_path: Path, read: Stamps) -> None:
    call, notes = read(tmp_path, *stamps("2026-03-02", "02:50:00", "02:50:05", "03:10:00"))
    assert (shown(call), notes) == (("01:50:00", "01:50:05", "02:10:00", 1195), ())
