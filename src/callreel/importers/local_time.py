"""Clock times as a telephone system writes them, turned into seconds UTC.

Twice a year a clock time does not tell the moment: an hour is skipped in spring and repeated in
autumn. Asterisk's unique ids begin with the moment in seconds UTC, so where one is at hand the
reading nearest to it is taken. Otherwise a skipped time is shifted forward by the hour that was
skipped, and a repeated one is taken as its first occurrence. Either way a note says so.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from callreel.errors import Misconfigured

HINT_REACH: Final = 3 * 3600  # a hint further away says nothing about which reading is right


def clock_of(moment: float, zone: ZoneInfo) -> datetime:
    """Return what a zone's clock shows at a moment in seconds UTC; the reverse of `to_utc`."""
    return datetime.fromtimestamp(moment, zone).replace(tzinfo=None)


def zone_of(name: str) -> ZoneInfo:
    """Return a time zone by its name, such as `Europe/Warsaw`.

    Raises:
        Misconfigured: there is none.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Misconfigured(
            "There is no such time zone; give the telephone system's own, such as Europe/Warsaw."
        ) from error


def to_utc(clock: datetime, zone: ZoneInfo, hint: int | None = None) -> tuple[int, str | None]:
    """Return the moment that a clock in a zone showed a time, and a note where that was unclear.

    Args:
        clock: The time that was shown; one that says its own offset from UTC needs no zone.
        zone: Where.
        hint: A moment nearby, seconds UTC.
    """
    if clock.tzinfo is not None:
        return int(clock.timestamp()), None
    there = clock.replace(tzinfo=zone, fold=0)
    first, second = int(there.timestamp()), int(there.replace(fold=1).timestamp())
    if first == second:
        return first, None
    unclear = "occurs twice" if second > first else "does not occur"
    note = f"The clock time {clock:%Y-%m-%d %H:%M:%S} {unclear} in {zone.key}"
    if hint is not None and min(abs(first - hint), abs(second - hint)) <= HINT_REACH:
        nearest = min(first, second, key=lambda moment: abs(moment - hint))
        return nearest, f"{note}; the unique id decided."
    return first, f"{note}; the {'first' if second > first else 'time an hour later'} was taken."
