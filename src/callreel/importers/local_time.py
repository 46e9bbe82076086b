"""Clock times as a telephone system writes them, turned into seconds UTC.

Twice a year a clock time does not tell the moment: an hour is skipped in spring and repeated in
autumn. Asterisk's unique ids begin with the moment in seconds UTC, so where one is at hand the
reading nearest to it is taken. Otherwise a skipped time is shifted forward by the hour that was
skipped, and a repeated one is taken as its first occurrence. Either way a note says so.

Where several clock times tell of one call, they are read so that they agree with each other: the
end is not before the start, the answer lies between them, and the length is what the row says.
"""

from __future__ import annotations

from collections.abc import Sequence
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
    found = readings(clock, zone)
    if len(found) == 1:
        return found[0], None
    if hint is not None and min(abs(each - hint) for each in found) <= HINT_REACH:
        nearest = min(found, key=lambda moment: abs(moment - hint))
        return nearest, f"{_unclear(clock, zone)}; the unique id decided."
    return found[0], note_of(clock, zone, found[0])


def readings(clock: datetime, zone: ZoneInfo) -> tuple[int, ...]:
    """Return the moments at which a clock in a zone may have shown a time, in seconds UTC.

    Mostly it is one. Of two, the one to take where nothing tells comes first.
    """
    if clock.tzinfo is not None:
        return (int(clock.timestamp()),)
    there = clock.replace(tzinfo=zone, fold=0)
    first, second = int(there.timestamp()), int(there.replace(fold=1).timestamp())
    return (first,) if first == second else (first, second)


def note_of(clock: datetime, zone: ZoneInfo, taken: int) -> str | None:
    """Return the note on a time of whose two readings one was taken, or None where it has one."""
    found = readings(clock, zone)
    if len(found) == 1:
        return None
    if found[0] < found[1]:
        which = "first" if taken == found[0] else "second"
    else:
        which = "time an hour later" if taken == found[0] else "time an hour earlier"
    return f"{_unclear(clock, zone)}; the {which} was taken."


def span(starts: Sequence[int], ends: Sequence[int], length: int | None) -> tuple[int, int]:
    """Return when a call began and when it ended, of the readings of its two clock times.

    Args:
        starts, ends: The readings, in any unit.
        length: How long the call was, as far as is known, or None.
    """
    pairs = [(start, end) for start in starts for end in ends if start <= end]
    if not pairs:
        return starts[0], ends[0]
    if length is None:
        return pairs[0]
    return min(pairs, key=lambda pair: abs(pair[1] - pair[0] - length))


def inside(moments: Sequence[int], start: int, end: int | None, near: int | None = None) -> int:
    """Return the reading of a clock time that lies inside of a call, or where none does, any.

    Args:
        moments: The readings.
        start, end: When the call began and ended; None is unknown.
        near: A moment nearby, or None.
    """
    fit = [each for each in moments if start <= each and (end is None or each <= end)] or moments
    return fit[0] if near is None else min(fit, key=lambda moment: abs(moment - near))


def _unclear(clock: datetime, zone: ZoneInfo) -> str:
    first, second = readings(clock, zone)
    unclear = "occurs twice" if first < second else "does not occur"
    return f"The clock time {clock:%Y-%m-%d %H:%M:%S} {unclear} in {zone.key}"
