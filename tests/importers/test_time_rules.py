"""The rules of docs/explanation/time.md, in every format that writes times by a clock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from callreel.importers.asterisk.ids import AudioName
from callreel.importers.freepbx.importer import FreePbx
from callreel.importers.items import Candidate
from callreel.importers.manifest.line import entry_of
from callreel.model import Call
from importers.asterisk_rows import leg, told, utc
from importers.calls_table import Made
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
