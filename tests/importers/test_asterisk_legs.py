"""What a row of Asterisk's call records says: lengths, moments, the file that it names."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callreel.importers.asterisk.columns import NAMES
from callreel.importers.asterisk.legs import (
    call_of,
    leg_of,
    recording,
    surely_names_audio,
)
from importers.asterisk_rows import EPOCH, SOUND, WARSAW, leg, utc


def without(*names: str) -> dict[str, str]:
    return {name: cell for name, cell in SOUND.items() if name not in names}


def test_a_leg_ends_after_its_duration_and_was_answered_before_by_its_talk() -> None:
    found = leg()
    assert utc(found.started_at) == "2026-03-02 08:00:05"
    assert (found.duration_ms, found.talk_ms) == (75_000, 60_000)
    assert found.talk == ((EPOCH + 15) * 1000, (EPOCH + 75) * 1000)
    assert found.is_answered


@pytest.mark.parametrize(
    ("cells", "duration", "talk"),
    [
        ({"duration": "0", "billsec": "0"}, 0, 0),
        ({"duration": "0", "billsec": "1"}, 0, 0),
        ({"duration": "75", "billsec": "76"}, 75_000, 75_000),
        ({"duration": "86400", "billsec": "86395"}, 86_400_000, 86_395_000),
        ({"duration": "75.250", "billsec": "60.5"}, 75_250, 60_500),
        ({"billsec": "60", "disposition": "NO ANSWER"}, 75_000, 0),
        ({"billsec": "60", "disposition": "BUSY"}, 75_000, 0),
        ({"lastapp": "Queue", "lastdata": "700", "dstchannel": ""}, 75_000, 0),
        ({"lastapp": "VoiceMail", "lastdata": "101", "dstchannel": ""}, 75_000, 60_000),
    ],
)
def test_lengths_are_those_of_the_row_within_reason(
    cells: dict[str, str], duration: int, talk: int
) -> None:
    found = leg(**cells)
    assert (found.duration_ms, found.talk_ms) == (duration, talk)


def test_who_left_a_queue_before_anybody_came_was_not_answered() -> None:
    found = leg(lastapp="Queue", lastdata="700,tT", dstchannel="")
    assert (found.disposition, found.rank, found.queue) == ("NO ANSWER", 0, "700")


def test_lengths_that_are_missing_are_those_between_the_clock_times() -> None:
    cells = without("duration", "billsec")
    found = leg_of("x:1", cells, WARSAW)
    assert (found.duration_ms, found.talk_ms) == (75_000, 60_000)
    for unset in ("", "0000-00-00 00:00:00"):
        assert leg_of("x:1", cells | {"answer": unset}, WARSAW).talk_ms == 0


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        ({"end": "2026-03-02 09:00:04"}, "The column end is before start"),
        ({"answer": "2026-03-02 09:01:21"}, "The column answer is after the end"),
        ({"answer": "2026-03-02 09:00:03"}, "The column billsec is more than duration"),
        ({"answer": "soon"}, "The column answer is no date and time"),
        ({"end": ""}, "The column end is no date and time"),
    ],
)
def test_clock_times_in_an_order_that_cannot_be_are_named(cells: dict[str, str], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        leg_of("x:1", without("duration", "billsec") | cells, WARSAW)


def test_the_start_may_be_called_as_other_tables_have_it() -> None:
    cells = without("start") | {"calldate": SOUND["start"]}
    assert leg_of("x:1", cells, WARSAW).started_at == EPOCH


def test_a_length_between_clock_times_knows_the_change_of_the_clock() -> None:
    epoch = 1_774_745_400  # 2026-03-29 00:50:00 UTC, ten minutes before the hour that is skipped
    found = leg_of(
        "x:1",
        without("duration", "billsec", "linkedid")
        | {
            "uniqueid": f"{epoch}.1",
            "start": "2026-03-29 01:50:00",
            "answer": "2026-03-29 01:50:30",
            "end": "2026-03-29 03:10:00",
        },
        WARSAW,
    )
    assert (found.duration_ms, found.talk_ms) == (1_200_000, 1_170_000)


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        ({"billsec": "77"}, "The column billsec is more than duration"),
        ({"duration": "2678401"}, "The column duration is no number of seconds"),
        ({"duration": ""}, "The column duration is no number of seconds"),
        ({"duration": "-1"}, "The column duration is no number of seconds"),
        ({"duration": "1e3"}, "The column duration is no number of seconds"),
        ({"billsec": "٣"}, "The column billsec is no number of seconds"),
        ({"start": ""}, "The column start is no date and time"),
        ({"start": "02.03.2026 09:00"}, "The column start is no date and time"),
        ({"start": "0000-00-00 00:00:00"}, "The column start is no date and time"),
        ({"start": "1999-12-31 23:59:59"}, "not in the years 2000 to 2135"),
        ({"src": "1" * 65}, "The column src is longer than 64 characters"),
        ({"dst": "1" * 65}, "The column dst is longer than 64 characters"),
    ],
)
def test_a_cell_that_cannot_be_meant_is_named(cells: dict[str, str], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        leg(**cells)


@pytest.mark.parametrize(
    "start",
    ["2026-03-02 09:00:05", "2026-03-02T08:00:05+0000", "1772438405", "1772438405.250000"],
)
def test_a_start_is_a_clock_time_or_a_moment(start: str) -> None:
    assert leg(start=start).started_at == EPOCH


def test_times_in_gmt_are_read_with_that_zone() -> None:
    found = leg_of("x:1", SOUND | {"start": "2026-03-02 08:00:05"}, ZoneInfo("UTC"))
    assert found.started_at == EPOCH


# Warsaw puts its clock back at 2026-10-25 01:00:00 UTC, from 3:00 to 2:00.
FIRST_PASS = 1_792_886_400  # 2026-10-25 00:00:00 UTC, where the clock shows 2:00 for the first time


@pytest.mark.parametrize(
    ("made", "clock", "started"),
    [
        (0, "02:00:00", 0),
        (600, "02:10:00", 600),
        (3000, "02:50:00", 3000),
        (3000, "02:10:00", 4200),  # a transfer, ten minutes into the second pass
        (3000, "02:45:00", 6300),  # one 55 minutes later, not five minutes before its channel
        (3600, "02:00:00", 3600),
        (3605, "02:00:10", 3610),
        (5400, "02:45:00", 6300),
        (7100, "02:58:20", 7100),
        (602, "02:10:00", 600),  # its channel's clock was two seconds off
    ],
)
def test_in_the_hour_that_comes_twice_a_leg_begins_after_its_channel(
    made: int, clock: str, started: int
) -> None:
    found = leg(uniqueid=f"{FIRST_PASS + made}.1", start=f"2026-10-25 {clock}")
    assert found.started_at == FIRST_PASS + started
    assert "the unique id decided" in found.notes[0]


def test_without_a_unique_id_the_first_of_both_is_taken_and_told() -> None:
    found = leg(uniqueid="", linkedid="", start="2026-10-25 02:30:00")
    assert found.started_at == FIRST_PASS + 1800
    assert "occurs twice in Europe/Warsaw; the first was taken." in found.notes[0]


def test_a_clock_time_that_is_skipped_is_read_by_the_unique_id_and_told() -> None:
    epoch = 1_774_747_800  # 2026-03-29 01:30:00 UTC, 3:30 in Warsaw
    found = leg(uniqueid=f"{epoch}.1", start="2026-03-29 02:30:00")
    assert found.started_at == epoch
    assert "does not occur in Europe/Warsaw" in found.notes[0]


@pytest.mark.parametrize(
    ("start", "began"),
    [
        ("2026-12-31 23:59:30", "2026-12-31 22:59:30"),
        ("2027-01-01 00:00:00", "2026-12-31 23:00:00"),
        ("2026-07-01 00:00:00", "2026-06-30 22:00:00"),
    ],
)
def test_a_leg_may_last_over_midnight_and_new_year(start: str, began: str) -> None:
    found = leg(start=start, uniqueid="")
    assert utc(found.started_at) == began
    assert found.talk[1] - found.started_at * 1000 == 75_000


@pytest.mark.parametrize(
    ("cells", "key"),
    [
        ({"userfield": "audio:20260302-090005-1772438405.10.wav"}, "20260302-090005-1772438405.10"),
        ({"userfield": "/var/spool/asterisk/monitor/2026/03/02/call.wav"}, "call"),
        ({"userfield": "call.WAV"}, "call"),
        ({"userfield": "101-48600100200"}, "101-48600100200"),
        ({"userfield": "101.wav"}, "101"),
        ({"userfield": "101"}, ""),
        ({"userfield": ""}, ""),
        ({"userfield": "audio:"}, ""),
        ({"recordingfile": "in-1.wav", "userfield": "call.wav"}, "in-1"),
        ({"recordingfile": "", "filename": "", "userfield": "call.wav"}, "call"),
        ({"filename": "call.mp3"}, "call"),
    ],
)
def test_the_file_that_a_row_names(cells: dict[str, str], key: str) -> None:
    assert recording(cells) == key


@pytest.mark.parametrize(
    ("cells", "is_sure"),
    [
        ({"userfield": "audio:call"}, True),
        ({"userfield": "call.gsm"}, True),
        ({"recordingfile": "call.wav"}, True),
        ({"userfield": "a note"}, False),
        ({"userfield": "+380636805521"}, False),
        ({}, False),
    ],
)
def test_a_user_field_may_hold_other_things(cells: dict[str, str], is_sure: bool) -> None:
    assert surely_names_audio(cells) is is_sure


@pytest.mark.parametrize(
    ("cells", "together"),
    [
        ({"linkedid": "1.1", "uniqueid": "2.2"}, "1.1"),
        ({"linkedid": "", "uniqueid": "2.2"}, "2.2"),
        ({"uniqueid": "2.2", "userfield": "call.wav"}, "2.2"),
        ({"userfield": "call.wav"}, "call"),
        ({}, ""),
    ],
)
def test_what_the_rows_of_a_call_have_in_common(cells: dict[str, str], together: str) -> None:
    assert call_of(cells) == together


def test_a_long_id_of_a_system_with_a_long_name_is_known_by_its_end() -> None:
    found = leg(uniqueid=f"{'pbx' * 40}-{EPOCH}.10")
    assert len(found.uniqueid) == 64
    assert found.uniqueid.endswith(f"pbx-{EPOCH}.10")
    assert found.started_at == EPOCH


@pytest.mark.parametrize(
    ("cells", "caller"),
    [
        ({"src": "", "clid": '"Jan <jr> Nowak" <48600100200>'}, "48600100200"),
        ({"src": "", "clid": "48600100200"}, ""),
        ({"src": "102", "clid": "<103>"}, "102"),
    ],
)
def test_a_caller_without_number_is_told_by_the_caller_id(
    cells: dict[str, str], caller: str
) -> None:
    assert leg(**cells).src == caller


@pytest.mark.parametrize(
    ("lastdata", "queue"),
    [
        ("700,tT,,,300", "700"),
        ("support|t|||60", "support"),
        ("700", "700"),
        ("", ""),
        (",t", ""),
    ],
)
def test_the_queue_is_the_first_part_of_its_arguments(lastdata: str, queue: str) -> None:
    assert leg(lastapp="Queue", lastdata=lastdata).queue == queue


def test_another_application_is_no_queue() -> None:
    assert leg(lastapp="Dial", lastdata="700").queue == ""


@given(st.dictionaries(st.sampled_from(NAMES), st.text(max_size=80), max_size=len(NAMES)))
def test_whatever_a_row_holds_it_is_a_leg_or_has_a_reason(cells: dict[str, str]) -> None:
    whole = SOUND | cells
    try:
        found = leg_of("x:1", whole, WARSAW)
    except ValueError as error:
        assert str(error).startswith("The column ")  # noqa: PT017 - both outcomes are right
    else:
        assert 0 <= found.talk_ms <= found.duration_ms
    assert isinstance(call_of(whole), str)
    assert surely_names_audio(whole) in {True, False}
