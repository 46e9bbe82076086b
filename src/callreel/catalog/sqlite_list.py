"""Lists and counts out of SQLite.

A list is made in two steps: the keys of its calls, from the narrow tables (`sqlite_plan`), then
their bodies, joined inside SQLite so that Python handles one value a page. A list that is a mere
range of keys, as the unfiltered one is, takes its bodies straight from where they lie in order.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from heapq import merge
from itertools import groupby, islice
from typing import Any, Final

import apsw

from callreel.catalog import sqlite_days
from callreel.catalog.bounds import (
    LOCAL_BITS,
    LOCAL_MASK,
    Bounds,
    Piece,
    bounds_of,
    first_key,
)
from callreel.catalog.sqlite_plan import (
    RARE,
    WINDOW_FACTOR,
    Condition,
    Order,
    Source,
    condition_source,
    conditions_of,
    facts_source,
    near_part,
    order_of,
    ordered_source,
    rarest,
)
from callreel.errors import BadParameter
from callreel.model import DEFAULT_SORT, NO_FILTER, CallFilter, ListRequest, Page, Position, Reach

NOTHING: Final = Page(b"", 0, None)
FEW: Final = 32
"""Up to so many bodies, Python joins faster: SQLite has more to set up than to do."""


def _range_sql(direction: str, last: str) -> tuple[str, str]:
    """Return the statement for the rows of a range, and the one that joins their bodies."""
    rows = f"SELECT k, body FROM recording WHERE k >= ? AND k < ? ORDER BY k {direction} LIMIT ?"
    joined = f"SELECT CAST(group_concat(body, ?) AS BLOB), count(*), {last}(k) FROM ({rows})"
    return rows, joined


_OLDEST_FIRST: Final = _range_sql("ASC", "max")
_NEWEST_FIRST: Final = _range_sql("DESC", "min")
Row = tuple[int, ...]
"""The values of an order's columns; the key is the last."""


def bounds_for(connection: apsw.Connection, reach: Reach, call_filter: CallFilter) -> Bounds:
    """Return the bounds of a filter within a reach."""
    longest = 0
    if not call_filter.hung_up.is_open:
        sql = "SELECT longest_call FROM tenant WHERE number = ?"
        longest = connection.execute(sql, (reach.tenant,)).get or 0
    return bounds_of(reach, call_filter, longest)


@dataclass(frozen=True, slots=True)
class Asked:
    """A list that was asked for, in the terms of the tables.

    Attributes:
        after: Only rows beyond this one, where the order is not that of the key.
    """

    connection: apsw.Connection
    bounds: Bounds
    order: Order
    limit: int
    offset: int
    after: Row | None = None

    @property
    def need(self) -> int:
        """How many rows from the start of the list are needed to know the page."""
        return self.offset + self.limit

    @property
    def cap(self) -> int:
        """From how many candidates on a condition counts as common."""
        return max(RARE, WINDOW_FACTOR * self.need)


def page(connection: apsw.Connection, reach: Reach, request: ListRequest, opening: bytes) -> Page:
    """Return a page of a list (see `Catalog.page`)."""
    if _is_of_all(reach, request):
        whole = first_key(reach.tenant), first_key(reach.tenant + 1)
        return _range_page(connection, whole, False, request.limit, opening)
    with _one_moment(connection):
        return _page(connection, reach, request, opening)


@contextmanager
def _one_moment(connection: apsw.Connection) -> Iterator[None]:
    """Let several statements see the catalog as it is at one moment, whoever writes meanwhile."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        if connection.in_transaction:
            connection.execute("COMMIT")


def _page(connection: apsw.Connection, reach: Reach, request: ListRequest, opening: bytes) -> Page:
    bounds = bounds_for(connection, reach, request.filter)
    order = order_of(request.sort)
    after = _position(order, request.after, reach)
    if after is not None and order.is_by_key:
        bounds, after = _behind(bounds, order, after[-1]), None
    if bounds.are_empty:
        return NOTHING
    asked = Asked(connection, bounds, order, request.limit, request.offset, after)
    if order.is_by_key and bounds.are_a_range:
        return _page_of_range(asked, opening)
    rows = _rows_by_key(asked) if order.is_by_key else _select(asked, _sorted_source(asked))
    return _bodies_page(connection, rows, opening)


def _position(order: Order, position: Position | None, reach: Reach) -> Row | None:
    if position is None:
        return None
    if len(position) != len(order.columns) or not 0 <= position[-1] <= LOCAL_MASK:
        raise BadParameter("The cursor belongs to another list.", field="cursor")
    return (*position[:-1], (reach.tenant << LOCAL_BITS) + position[-1])


def _behind(bounds: Bounds, order: Order, k: int) -> Bounds:
    if order.descends:
        return replace(bounds, high=min(bounds.high, k))
    return replace(bounds, low=max(bounds.low, k + 1))


def _is_of_all(reach: Reach, request: ListRequest) -> bool:
    """Whether the first page of the whole tenant is asked for; the commonest question of all."""
    is_first = request.offset == 0 and request.after is None
    is_plain = request.filter is NO_FILTER and request.sort is DEFAULT_SORT
    return is_first and is_plain and not reach.is_narrowed


def _page_of_range(asked: Asked, opening: bytes) -> Page:
    descends = asked.order.descends
    span: sqlite_days.Part | None = (asked.bounds.low, asked.bounds.high)
    if asked.offset:
        bounds = asked.bounds
        span = sqlite_days.skip(asked.connection, bounds, asked.offset, descending=descends)
    if span is None:
        return NOTHING
    return _range_page(asked.connection, span, descends, asked.limit, opening)


def _range_page(
    connection: apsw.Connection, span: sqlite_days.Part, descends: bool, limit: int, opening: bytes
) -> Page:
    rows_sql, joined_sql = _NEWEST_FIRST if descends else _OLDEST_FIRST
    if limit <= FEW:
        rows: list[Any] = connection.execute(rows_sql, (*span, limit)).fetchall()
        bodies = (b"," + opening).join([body for _, body in rows])
        found, k = len(rows), rows[-1][0] if rows else 0
    else:
        args = ("," + opening.decode(), *span, limit)
        bodies, found, k = connection.execute(joined_sql, args).get
    return Page(opening + bodies, found, (k & LOCAL_MASK,)) if found else NOTHING


def _rows_by_key(asked: Asked) -> list[Row]:
    bounds, conditions = asked.bounds, conditions_of(asked.bounds)
    if len(conditions) == 1 and _is_alone(bounds, conditions[0]):
        return _select(asked, condition_source(bounds, conditions[0]))
    if not any(condition.is_link for condition in conditions):
        near = near_part(asked.connection, bounds, asked.order, asked.need)
        rows = _select(replace(asked, bounds=near), facts_source(near))
        if len(rows) == asked.limit or near == bounds:
            return rows
    rare = rarest(asked.connection, bounds, conditions, asked.cap)
    return _common(asked, conditions) if rare is None else _select(asked, rare)


def _is_alone(bounds: Bounds, condition: Condition) -> bool:
    return bounds.have_no_span and len(condition.choice) == 1


def _common(asked: Asked, conditions: list[Condition]) -> list[Row]:
    """Read a list whose conditions are all common: most candidates will do.

    One that is a link leads, its values' calls merged as they come, since to test a link of
    each call costs more than to test the values that come with it.
    """
    for condition in sorted(conditions, key=lambda each: (not each.is_link, len(each.choice))):
        if condition.is_link or len(condition.choice) == 1:
            return _merged(asked, condition)
    return _select(asked, facts_source(asked.bounds))


def _merged(asked: Asked, condition: Condition) -> list[Row]:
    from_start = replace(asked, limit=asked.need, offset=0)
    singles = [replace(condition, choice=frozenset([value])) for value in condition.choice]
    parts = [_cursor(from_start, condition_source(asked.bounds, each)) for each in singles]
    try:
        each_once = (row for row, _ in groupby(merge(*parts, reverse=asked.order.descends)))
        return list(islice(each_once, asked.offset, asked.need))
    finally:
        for part in parts:
            part.close()  # one that was not read to its end would hold on to its moment


def _sorted_source(asked: Asked) -> Source:
    """Return what drives a list in another order than that of the key."""
    bounds = asked.bounds
    source = rarest(asked.connection, bounds, conditions_of(bounds), asked.cap)
    if source is not None:
        return source
    if sqlite_days.count(asked.connection, bounds) < asked.cap:
        return facts_source(bounds)
    return ordered_source(bounds, asked.order) or facts_source(bounds)


def _select(asked: Asked, source: Source) -> list[Row]:
    return list(_cursor(asked, source))


def _cursor(asked: Asked, source: Source) -> apsw.Cursor:
    beyond, args = _beyond(asked.order, asked.after)
    distinct = "DISTINCT " if source.needs_distinct else ""
    sql = (
        f"SELECT {distinct}{asked.order.select} FROM {source.table} d WHERE {source.where} "
        f"AND d.k >= ? AND d.k < ?{source.rest.where}{beyond} ORDER BY {asked.order.sql} "
        "LIMIT ? OFFSET ?"
    )
    span = (asked.bounds.low, asked.bounds.high)
    values = (*source.args, *span, *source.rest.args, *args, asked.limit, asked.offset)
    return asked.connection.execute(sql, values)


def _beyond(order: Order, after: Row | None) -> Piece:
    """Return the condition that a row comes after another one."""
    if after is None:
        return "", ()
    alternatives, args = [], list[int]()
    for index, (name, descends) in enumerate(order.columns):
        equal = [f"{earlier} = ?" for earlier, _ in order.columns[:index]]
        alternatives.append(" AND ".join([*equal, f"{name} {'<' if descends else '>'} ?"]))
        args += after[: index + 1]
    leading = f"{order.columns[0][0]} {'<=' if order.columns[0][1] else '>='} ?"
    return f" AND {leading} AND ({' OR '.join(alternatives)})", (after[0], *args)


def _bodies_page(connection: apsw.Connection, rows: list[Row], opening: bytes) -> Page:
    if not rows:
        return NOTHING
    keys = "[" + ",".join([str(row[-1]) for row in rows]) + "]"
    sql = (
        "SELECT CAST(group_concat(r.body, ?) AS BLOB), count(*) FROM json_each(?) j "
        "CROSS JOIN recording r ON r.k = j.value"
    )
    bodies, found = connection.execute(sql, ("," + opening.decode(), keys)).get
    last = rows[-1]
    return Page(opening + bodies, found, (*last[:-1], last[-1] & LOCAL_MASK))


def count(connection: apsw.Connection, reach: Reach, call_filter: CallFilter) -> int:
    """Return how many available recordings match."""
    with _one_moment(connection):
        return _count(connection, bounds_for(connection, reach, call_filter))


def _count(connection: apsw.Connection, bounds: Bounds) -> int:
    if bounds.are_empty:
        return 0
    if bounds.are_a_range:
        return sqlite_days.count(connection, bounds)
    source = _counted_source(connection, bounds)
    what = "DISTINCT d.k" if source.needs_distinct else "*"
    sql = (
        f"SELECT count({what}) FROM {source.table} d WHERE {source.where} "
        f"AND d.k >= ? AND d.k < ?{source.rest.where}"
    )
    args = (*source.args, bounds.low, bounds.high, *source.rest.args)
    return int(connection.execute(sql, args).get)


def _counted_source(connection: apsw.Connection, bounds: Bounds) -> Source:
    """Return what drives a count: the rarest condition, or else one that need not be tested."""
    conditions = conditions_of(bounds)
    source = rarest(connection, bounds, conditions, RARE)
    if source is not None or not conditions:
        return source or facts_source(bounds)
    leading = min(conditions, key=lambda each: (not each.is_link, len(each.choice)))
    return condition_source(bounds, leading)
