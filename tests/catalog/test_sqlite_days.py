from __future__ import annotations

from collections.abc import Iterator

import apsw
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callreel.catalog import sqlite_days
from callreel.catalog.bounds import Bounds, bounds_of, first_key
from callreel.catalog.migrate import migrate, migrations
from callreel.model import EARLIEST_START, CallFilter, Reach, Span

DAY = 86_400
FIRST = EARLIEST_START + 9_000 * DAY
DAYS = 200
CALLS_A_DAY = 10


@pytest.fixture(scope="module")
def connection() -> Iterator[apsw.Connection]:
    opened = apsw.Connection(":memory:")
    migrate(opened, migrations())
    keys = [
        first_key(1, FIRST + day * DAY + call * 3_600)
        for day in range(DAYS)
        for call in range(CALLS_A_DAY)
    ]
    opened.executemany("INSERT INTO facts VALUES (?, 0, 0, NULL, NULL)", ((k,) for k in keys))
    days = {(k - first_key(1)) // sqlite_days.DAY_WIDTH for k in keys}
    opened.execute("INSERT INTO tenant (number, name) VALUES (1, 'one')")
    opened.executemany(
        "INSERT INTO day_count (tenant, day, n) VALUES (1, ?, ?)",
        ((day, CALLS_A_DAY) for day in days),
    )
    yield opened
    opened.close()


def bounds(low: int | None = None, high: int | None = None) -> Bounds:
    return bounds_of(Reach(1), CallFilter(started=Span().narrowed(low, high)), 0)


def held(connection: apsw.Connection, part: sqlite_days.Part) -> int:
    sql = "SELECT count(*) FROM facts WHERE k >= ? AND k < ?"
    return int(connection.execute(sql, part).get)


TIMES = st.one_of(st.none(), st.integers(FIRST - 5 * DAY, FIRST + (DAYS + 5) * DAY))


@given(offset=st.integers(0, DAYS * CALLS_A_DAY + 5), descending=st.booleans(), low=TIMES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_what_is_left_after_an_offset_is_all_but_so_many(
    connection: apsw.Connection, offset: int, descending: bool, low: int | None
) -> None:
    whole = bounds(low)
    if whole.are_empty:
        return
    total = held(connection, (whole.low, whole.high))
    assert sqlite_days.count(connection, whole) == total
    part = sqlite_days.skip(connection, whole, offset, descending=descending)
    assert (0 if part is None else held(connection, part)) == max(0, total - offset)
