"""Counts per day: how an offset or a number of calls is found without counting calls.

A range of keys is cut into at most three parts: the piece of a day that it begins with, the
whole days after it, and the piece of a day that it ends with. Whole days are summed up from
`day_count`; a piece is counted call by call.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import apsw

from callreel.catalog.bounds import ARRIVAL_BITS, Bounds, first_key

DAY_WIDTH: Final = 86_400 << ARRIVAL_BITS  # how far apart the first keys of two days are

Part = tuple[int, int]
"""A range of keys, the first included, the last not."""


def day_of(tenant: int, k: int) -> int:
    """Return the day, since 2000-01-01 UTC, on which the call with this key starts."""
    return (k - first_key(tenant)) // DAY_WIDTH


def count(connection: apsw.Connection, bounds: Bounds) -> int:
    """Return how many calls lie within the range of keys."""
    return sum(_count(connection, bounds, part) for part in _parts(bounds))


def skip(
    connection: apsw.Connection, bounds: Bounds, offset: int, *, descending: bool
) -> Part | None:
    """Return the range of keys that is left after so many calls, or None where nothing is."""
    parts = _parts(bounds)
    for part in reversed(parts) if descending else parts:
        calls = _count(connection, bounds, part)
        if offset < calls:
            k = _nth(connection, bounds, part, offset, descending=descending)
            return (bounds.low, k + 1) if descending else (k, bounds.high)
        offset -= calls
    return None


def _parts(bounds: Bounds) -> list[Part]:
    start = first_key(bounds.tenant)
    first_whole = start + -((start - bounds.low) // DAY_WIDTH) * DAY_WIDTH
    last_whole = start + (bounds.high - start) // DAY_WIDTH * DAY_WIDTH
    if first_whole > last_whole:
        return [(bounds.low, bounds.high)]
    cuts = (bounds.low, first_whole, last_whole, bounds.high)
    return [(low, high) for low, high in pairwise(cuts) if low < high]


def _is_whole(tenant: int, part: Part) -> bool:
    return all((k - first_key(tenant)) % DAY_WIDTH == 0 for k in part)


def _count(connection: apsw.Connection, bounds: Bounds, part: Part) -> int:
    low, high = part
    if _is_whole(bounds.tenant, part):
        return _sum(connection, bounds, low, high)
    sql = f"SELECT count(*) FROM {bounds.prefix}facts WHERE k >= ? AND k < ?"
    return int(connection.execute(sql, (low, high)).get)


def _sum(connection: apsw.Connection, bounds: Bounds, low: int, high: int) -> int:
    n = "n + extra" if bounds.unrecorded_too else "n"
    sql = f"SELECT coalesce(sum({n}), 0) FROM day_count WHERE tenant = ? AND day BETWEEN ? AND ?"
    tenant = bounds.tenant
    days = day_of(tenant, low), day_of(tenant, high - 1)
    return int(connection.execute(sql, (tenant, *days)).get)


def _nth(
    connection: apsw.Connection, bounds: Bounds, part: Part, offset: int, *, descending: bool
) -> int:
    """Return the key of the call that so many others of the part come before."""
    low, high = part
    while high - low > DAY_WIDTH:  # halve the days until one is left
        middle = low + (high - low) // DAY_WIDTH // 2 * DAY_WIDTH
        near, far = (
            ((middle, high), (low, middle)) if descending else ((low, middle), (middle, high))
        )
        calls = _count(connection, bounds, near)
        if offset < calls:
            low, high = near
        else:
            low, high = far
            offset -= calls
    direction = "DESC" if descending else "ASC"
    facts = f"{bounds.prefix}facts"
    sql = f"SELECT k FROM {facts} WHERE k >= ? AND k < ? ORDER BY k {direction} LIMIT 1 OFFSET ?"
    return int(connection.execute(sql, (low, high, offset)).get)
