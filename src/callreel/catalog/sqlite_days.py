"""Counts per day: how an offset or a number of calls is found without counting calls."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import apsw

from callreel.catalog.bounds import ARRIVAL_BITS, LOCAL_MASK, Bounds, first_key

DAY_BITS_WORTH: Final = 86_400 << ARRIVAL_BITS  # how far apart the first keys of two days are

Segment = tuple[int, int, int]
"""Low key, high key (not included), and the number of calls between."""


def day_of(k: int) -> int:
    """Return the day, since 2000-01-01 UTC, on which the call with this key starts."""
    return (k & LOCAL_MASK) // DAY_BITS_WORTH


def segments(
    connection: apsw.Connection, bounds: Bounds, *, descending: bool = False
) -> Iterator[Segment]:
    """Yield the days with calls within the range of keys, cut to it, in order."""
    direction = "DESC" if descending else "ASC"
    rows = connection.execute(
        "SELECT day, n FROM day_count WHERE tenant = ? AND day BETWEEN ? AND ? "
        f"ORDER BY day {direction}",
        (bounds.tenant, day_of(bounds.low), _last_day(bounds)),
    )
    for day, n in rows:
        start = first_key(bounds.tenant) + day * DAY_BITS_WORTH
        low, high = max(start, bounds.low), min(start + DAY_BITS_WORTH, bounds.high)
        is_whole = high - low == DAY_BITS_WORTH
        yield low, high, n if is_whole else _count(connection, low, high)


def _last_day(bounds: Bounds) -> int:
    return (bounds.high - 1 - first_key(bounds.tenant)) // DAY_BITS_WORTH


def _count(connection: apsw.Connection, low: int, high: int) -> int:
    sql = "SELECT count(*) FROM facts WHERE k >= ? AND k < ?"
    return int(connection.execute(sql, (low, high)).get)


def count(connection: apsw.Connection, bounds: Bounds) -> int:
    """Return how many calls lie within the range of keys."""
    return sum(n for _, _, n in segments(connection, bounds))


def skip(
    connection: apsw.Connection, bounds: Bounds, offset: int, *, descending: bool
) -> tuple[int, int] | None:
    """Return the range of keys that is left after so many calls, or None where nothing is."""
    for low, high, n in segments(connection, bounds, descending=descending):
        if offset < n:
            direction = "DESC" if descending else "ASC"
            k = connection.execute(
                "SELECT k FROM facts WHERE k >= ? AND k < ? "
                f"ORDER BY k {direction} LIMIT 1 OFFSET ?",
                (low, high, offset),
            ).get
            return (bounds.low, k + 1) if descending else (k, bounds.high)
        offset -= n
    return None


def window(
    connection: apsw.Connection, bounds: Bounds, calls: int, *, descending: bool
) -> tuple[int, int]:
    """Return the part of the range of keys, from where a list begins, with about so many calls."""
    for low, high, n in segments(connection, bounds, descending=descending):
        calls -= n
        if calls <= 0:
            return (low, bounds.high) if descending else (bounds.low, high)
    return bounds.low, bounds.high
