from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callreel.errors import Misconfigured
from callreel.importers.local_time import to_utc, zone_of

WARSAW = ZoneInfo("Europe/Warsaw")


def utc(text: str) -> int:
    return int(datetime.fromisoformat(f"{text}+00:00").timestamp())


def clock(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("shown", "zone", "moment"),
    [
        ("2026-01-15 12:00:00", "Europe/Warsaw", "2026-01-15 11:00:00"),
        ("2026-07-15 12:00:00", "Europe/Warsaw", "2026-07-15 10:00:00"),
        ("2026-01-01 00:00:00", "Europe/Warsaw", "2025-12-31 23:00:00"),
        ("2025-12-31 23:59:59", "America/New_York", "2026-01-01 04:59:59"),
        ("2026-03-02 00:15:00", "Asia/Kathmandu", "2026-03-01 18:30:00"),
        ("2026-03-02 09:00:00", "UTC", "2026-03-02 09:00:00"),
    ],
)
def test_a_clock_time_is_turned_into_utc(shown: str, zone: str, moment: str) -> None:
    assert to_utc(clock(shown), zone_of(zone)) == (utc(moment), None)


@pytest.mark.parametrize(
    ("shown", "zone", "first", "second"),
    [
        ("2026-10-25 02:30:00", "Europe/Warsaw", "2026-10-25 00:30:00", "2026-10-25 01:30:00"),
        ("2026-11-01 01:30:00", "America/New_York", "2026-11-01 05:30:00", "2026-11-01 06:30:00"),
        (
            "2026-04-05 01:45:00",
            "Australia/Lord_Howe",
            "2026-04-04 14:45:00",
            "2026-04-04 15:15:00",
        ),
        ("2026-04-05 02:30:00", "Australia/Sydney", "2026-04-04 15:30:00", "2026-04-04 16:30:00"),
        ("2026-10-25 01:30:00", "Europe/London", "2026-10-25 00:30:00", "2026-10-25 01:30:00"),
    ],
)
def test_a_repeated_hour_is_its_first_occurrence_unless_the_hint_says_the_second(
    shown: str, zone: str, first: str, second: str
) -> None:
    moment, note = to_utc(clock(shown), zone_of(zone))
    assert moment == utc(first)
    assert note is not None
    assert "twice" in note
    assert to_utc(clock(shown), zone_of(zone), hint=utc(first) + 4)[0] == utc(first)
    assert to_utc(clock(shown), zone_of(zone), hint=utc(second) - 4)[0] == utc(second)


def test_a_skipped_time_is_shifted_forward_unless_the_hint_says_otherwise() -> None:
    skipped = clock("2026-03-29 02:30:00")
    moment, note = to_utc(skipped, WARSAW)
    assert moment == utc("2026-03-29 01:30:00")  # the clock showed 03:30
    assert note is not None
    assert "does not occur" in note
    assert to_utc(skipped, WARSAW, hint=utc("2026-03-29 00:30:05"))[0] == utc("2026-03-29 00:30:00")


def test_a_hint_from_another_day_decides_nothing() -> None:
    repeated = clock("2026-10-25 02:30:00")
    assert to_utc(repeated, WARSAW, hint=utc("2026-10-26 02:30:00"))[0] == utc(
        "2026-10-25 00:30:00"
    )


@pytest.mark.parametrize(
    ("hours", "seconds", "moment"),
    [
        (4, 0, "2026-10-25 01:30:00"),  # three hours after the second
        (4, 1, "2026-10-25 00:30:00"),
        (-3, 0, "2026-10-25 00:30:00"),
        (0, 1800, "2026-10-25 00:30:00"),  # as near to the one as to the other
        (0, 1801, "2026-10-25 01:30:00"),
    ],
)
def test_a_hint_decides_up_to_three_hours_away(hours: int, seconds: int, moment: str) -> None:
    hint = utc("2026-10-25 00:30:00") + hours * 3600 + seconds
    assert to_utc(clock("2026-10-25 02:30:00"), WARSAW, hint=hint)[0] == utc(moment)


@pytest.mark.parametrize(
    ("shown", "hint", "note"),
    [
        ("2026-10-25 02:30:00", None, "occurs twice in Europe/Warsaw; the first was taken."),
        (
            "2026-10-25 02:30:00",
            "2026-10-25 01:30:00",
            "occurs twice in Europe/Warsaw; the unique id decided.",
        ),
        (
            "2026-10-25 02:30:00",
            "2026-10-24 21:30:00",
            "occurs twice in Europe/Warsaw; the unique id decided.",
        ),
        (
            "2026-10-25 02:30:00",
            "2026-10-24 21:29:59",
            "occurs twice in Europe/Warsaw; the first was taken.",
        ),
        (
            "2026-03-29 02:30:00",
            None,
            "does not occur in Europe/Warsaw; the time an hour later was taken.",
        ),
    ],
)
def test_a_note_says_which_time_was_unclear_where_and_what_was_taken(
    shown: str, hint: str | None, note: str
) -> None:
    moment = None if hint is None else utc(hint)
    assert to_utc(clock(shown), WARSAW, hint=moment)[1] == f"The clock time {shown} {note}"


@pytest.mark.parametrize(
    "shown",
    ["2026-10-25 01:59:59", "2026-10-25 03:00:00", "2026-03-29 01:59:59", "2026-03-29 03:00:00"],
)
def test_beside_the_hour_that_changes_every_time_is_clear(shown: str) -> None:
    assert to_utc(clock(shown), WARSAW)[1] is None


def test_a_time_with_an_offset_of_its_own_needs_no_zone() -> None:
    assert to_utc(clock("2026-10-25 02:30:00+01:00"), WARSAW) == (utc("2026-10-25 01:30:00"), None)


@given(st.integers(946_684_800, 4_102_444_800))
def test_with_the_moment_as_hint_every_moment_comes_back(moment: int) -> None:
    shown = datetime.fromtimestamp(moment, UTC).astimezone(WARSAW).replace(tzinfo=None, fold=0)
    assert to_utc(shown, WARSAW, hint=moment)[0] == moment


@pytest.mark.parametrize(
    "name", ["", "Warsaw", "Europe", "../../etc/passwd", "/etc/passwd", "a\0b"]
)
def test_an_unknown_zone_is_refused(name: str) -> None:
    with pytest.raises(Misconfigured, match="time zone"):
        zone_of(name)
