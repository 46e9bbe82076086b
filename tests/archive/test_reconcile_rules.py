from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from statistics import median_low
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callreel.archive.reconciling import Kind
from callreel.archive.reconciling.hours import (
    HOUR,
    Hour,
    gaps,
    hours_in,
    same_hours_before,
    usual_of,
)
from callreel.archive.reconciling.sound import by_call, is_silent, lengths, silence
from callreel.model import Audio, Recording, Span
from house import CALL

WARSAW = ZoneInfo("Europe/Warsaw")
Piece = tuple[int, str, int, int | None]
"""Second, dialog, talk and audio of a recording; ms."""


def recording(number: int, piece: Piece) -> Recording:
    second, dialog, talking, duration = piece
    call = replace(
        CALL,
        dialog_id=dialog,
        started_at=second,
        hung_up_at=second + talking // 1000,
        talking_ms=talking,
    )
    return Recording(str(number), call, Audio("0" * 64, 1, "audio/wav", 1, duration))


pieces = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.sampled_from(["a", "b"]),
        st.integers(0, 20).map(lambda each: each * 500),
        st.none() | st.integers(0, 20).map(lambda each: each * 500),
    ),
    max_size=12,
).map(lambda drawn: sorted(drawn, key=lambda each: each[0]))


def expected_lengths(recordings: Sequence[Recording], tolerance: int) -> set[tuple[Kind, str]]:
    """Look at every pair of recordings, which is slow and plain."""
    found = set()
    for one in recordings:
        same = [
            each
            for each in recordings
            if (each.call.started_at, each.call.dialog_id)
            == (one.call.started_at, one.call.dialog_id)
        ]
        talk = max(each.call.talking_ms for each in same)
        durations = [each.audio.duration_ms for each in same]
        if one.audio.duration_ms is not None and one.audio.duration_ms > talk + tolerance:
            found.add((Kind.LONGER, one.id))
        total = sum(each for each in durations if each is not None)
        if None not in durations and total + tolerance < talk and one is same[0]:
            found.add((Kind.SHORTER, one.id))
    return found


@given(pieces, st.integers(0, 6).map(lambda each: each * 500))
def test_lengths_are_judged_as_if_each_was_compared_with_all(
    drawn: list[Piece], tolerance: int
) -> None:
    recordings = [recording(number, piece) for number, piece in enumerate(drawn)]
    found = [
        (each.kind, str(each.recording))
        for call in by_call(recordings)
        for each in lengths(call, tolerance, holds_whole_call=False)
    ]
    assert len(found) == len(set(found))
    assert set(found) == expected_lengths(recordings, tolerance)


@pytest.mark.parametrize(
    ("duration", "kinds"),
    [
        (0, [Kind.SHORTER]),
        (44_999, [Kind.SHORTER]),
        (45_000, []),
        (55_000, []),
        (55_001, [Kind.LONGER]),
        (None, []),
    ],
)
def test_a_tolerance_is_not_exceeded_by_itself(duration: int | None, kinds: list[Kind]) -> None:
    one = recording(1, (0, "d", 50_000, duration))
    assert [each.kind for each in lengths([one], 5_000, holds_whole_call=False)] == kinds


def test_audio_of_the_whole_call_may_hold_the_ringing_too() -> None:
    one = recording(1, (0, "d", 50_000, 80_000))
    ringing = replace(one, call=replace(one.call, hung_up_at=80))
    assert [each.kind for each in lengths([ringing], 0, holds_whole_call=False)] == [Kind.LONGER]
    assert list(lengths([ringing], 0, holds_whole_call=True)) == []
    (found,) = lengths([one], 0, holds_whole_call=True)
    assert (found.kind, found.expected, found.found) == (Kind.LONGER, 50_000, 80_000)
    assert found.reason == "The call lasted 50.0 s, its audio lasts 80.0 s."


def waveform(*channels: Sequence[float]) -> bytes:
    return json.dumps({"data": {"channels": len(channels), "peaks": channels}}).encode()


QUIET = [0.004] * 200
LOUD = [0.3] * 200
CLICK = [*QUIET[:-2], 0.9, 0.9]


@pytest.mark.parametrize(
    ("channels", "duration", "kind"),
    [
        ([LOUD], 60_000, None),
        ([QUIET], 60_000, Kind.SILENT),
        ([CLICK], 60_000, Kind.SILENT),
        ([[]], 0, Kind.SILENT),
        ([QUIET, CLICK], 60_000, Kind.SILENT),
        ([LOUD, QUIET], 60_000, Kind.ONE_SIDED),
        ([CLICK, LOUD], 60_000, Kind.ONE_SIDED),
        ([LOUD, LOUD], 60_000, None),
        ([LOUD, QUIET], 4_999, None),
        ([QUIET, QUIET], 1_000, Kind.SILENT),
    ],
)
def test_silence_is_told_by_channel(
    channels: list[list[float]], duration: int, kind: Kind | None
) -> None:
    found = silence(recording(1, (0, "d", 1_000, duration)), waveform(*channels))
    assert (None if found is None else found.kind) == kind


def test_the_silent_side_is_named() -> None:
    found = silence(recording(1, (0, "d", 1_000, 60_000)), waveform(LOUD, QUIET))
    assert found is not None
    assert found.reason == "Nothing is to be heard in channel 2 of 2."


@given(st.lists(st.sampled_from([0.0, 0.005, 0.006, 1.0]), max_size=300))
def test_a_channel_is_silent_where_one_stretch_in_a_hundred_is_loud(peaks: list[float]) -> None:
    loud = [each for each in peaks if each > 0.005]
    assert is_silent(peaks) == (len(loud) <= len(peaks) / 100)


hours = st.lists(
    st.tuples(st.integers(0, 30), st.integers(0, 40)), max_size=40
).map(lambda drawn: [Hour(HOUR * at, *each) for at, each in enumerate(drawn)])  # fmt: skip


def expected_gaps(given_hours: Sequence[Hour]) -> list[tuple[int, int, int, int]]:
    """Try every run of hours."""
    found = []
    count = len(given_hours)
    is_low = [each.found * 4 <= each.usual for each in given_hours]
    for low in range(count):
        for high in range(low + 1, count + 1):
            is_run = all(is_low[low:high])
            is_longest = not (low and is_low[low - 1]) and not (high < count and is_low[high])
            known = [each for each in given_hours[low:high] if each.usual > 0]
            if not (is_run and is_longest and known):
                continue
            usual, there = sum(each.usual for each in known), sum(each.found for each in known)
            if (usual - there) > 0 and (usual - there) ** 2 > 9 * usual:
                found.append((known[0].start, known[-1].start + HOUR, usual, there))
    return found


@given(hours)
def test_gaps_are_the_longest_runs_of_low_hours_that_chance_does_not_explain(
    drawn: list[Hour],
) -> None:
    found = [(each.started_at, each.ended_at, each.expected, each.found) for each in gaps(drawn)]
    assert found == expected_gaps(drawn)


@pytest.mark.parametrize(
    ("counts", "is_gap"),
    [
        ([(0, 9)], False),
        ([(0, 10)], True),
        ([(25, 100)], True),
        ([(26, 100)], False),
        ([(0, 5), (0, 5)], True),
        ([(0, 5), (2, 5), (0, 5)], False),
        ([(0, 0)] * 48, False),
        ([(7, 0)], False),
        ([], False),
    ],
)
def test_a_gap_needs_calls_that_are_surely_missing(
    counts: list[tuple[int, int]], *, is_gap: bool
) -> None:
    drawn = [Hour(HOUR * at, *each) for at, each in enumerate(counts)]
    assert bool(list(gaps(drawn))) == is_gap


@given(st.lists(st.integers(0, 100), max_size=8))
def test_usual_is_the_median_of_at_least_four_weeks(counts: list[int]) -> None:
    assert usual_of(counts) == (0 if len(counts) < 4 else median_low(counts))


def at(text: str, zone: ZoneInfo = WARSAW) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp())


@given(
    st.datetimes(datetime(2025, 1, 1), datetime(2027, 1, 1)),  # noqa: DTZ001 - a clock's time
    st.sampled_from(["Europe/Warsaw", "Asia/Kolkata", "America/New_York", "UTC"]),
    st.integers(0, 50_000),
)
def test_hours_are_whole_and_by_the_clock_of_the_zone(
    clock: datetime, name: str, length: int
) -> None:
    zone = ZoneInfo(name)
    low = int(clock.replace(tzinfo=zone).timestamp())
    found = list(hours_in(Span(low, low + length), zone))
    minutes = range(low - low % 60, low + length - HOUR + 2, 60)  # no zone has odd seconds now
    brute = [
        minute
        for minute in minutes
        if minute >= low and datetime.fromtimestamp(minute, zone).minute == 0
    ]
    assert found == brute


@pytest.mark.parametrize(
    ("hour", "before"),
    [
        ("2026-03-29 01:00", "2026-03-22 01:00"),  # the hour before the clock is put forward
        ("2026-03-30 09:00", "2026-03-23 09:00"),  # an hour less lies between
        ("2026-04-05 02:00", "2026-03-29 03:00"),  # there was no such hour: the next one
        ("2026-10-26 09:00", "2026-10-19 09:00"),  # an hour more lies between
        ("2026-01-01 00:00", "2025-12-25 00:00"),
    ],
)
def test_the_same_hour_a_week_before_is_that_of_the_clock(hour: str, before: str) -> None:
    found = same_hours_before(at(hour), WARSAW)
    assert found[0] == at(before)
    assert len(found) == 8


def test_both_hours_of_a_doubled_one_are_held_against_the_same() -> None:
    first = at("2026-10-25 02:00")
    assert same_hours_before(first, WARSAW) == same_hours_before(first + HOUR, WARSAW)
