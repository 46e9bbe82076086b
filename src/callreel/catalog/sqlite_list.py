"""Lists and counts out of SQLite.

A page is one value that SQLite joins of finished bodies: straight from where they lie in order,
where the list is a mere range of keys, as the unfiltered one is; else by the keys that a narrow
table yields (`sqlite_plan`), in the same statement. Only a list in another order than that of
the key reads its keys first.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final

import apsw

from callreel.catalog import sqlite_days
from callreel.catalog.bounds import (
    LOCAL_BITS,
    LOCAL_MASK,
    Bounds,
    Piece,
    bounds_of,
    keys_of,
)
from callreel.catalog.sqlite_bodies import (
    NOTHING,
    Row,
    joined,
    joined_page,
    page_of_rows,
    range_page,
    range_page_of_calls,
)
from callreel.catalog.sqlite_plan import (
    Order,
    Source,
    common_source,
    condition_source,
    conditions_of,
    facts_source,
    near_source,
    order_of,
    ordered_source,
    rarest,
)
from callreel.errors import BadParameter
from callreel.model import (
    DEFAULT_SORT,
    EVERY_CALL,
    NO_FILTER,
    CallFilter,
    ListRequest,
    Page,
    Position,
    Reach,
)

NEAR_FACTOR: Final = 8
NEAR_LEAST: Final = 2_000
RARE: Final = 20_000


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
        return max(RARE, NEAR_FACTOR * self.need)


def page(connection: apsw.Connection, reach: Reach, request: ListRequest, opening: bytes) -> Page:
    """Return a page of a list (see `Catalog.page`)."""
    if _is_of_all(reach, request):
        read = range_page if request.filter is NO_FILTER else range_page_of_calls
        return read(connection, keys_of(reach.tenant), False, request.limit, opening)
    alone = _alone(reach, request)
    if alone is not None:
        is_of_calls = request.filter.unrecorded_too
        return joined_page(connection, alone, opening, is_of_calls=is_of_calls)
    return _page(connection, reach, request, opening)


@lru_cache(maxsize=512)
def _alone(reach: Reach, request: ListRequest) -> Piece | None:
    """Return the statement of a list that one condition decides, or None where more is needed.

    It depends on nothing but the question, and clients ask the same again and again.
    """
    order = order_of(request.sort)
    if not order.is_by_key or not request.filter.hung_up.is_open:
        return None
    bounds = bounds_of(reach, request.filter, longest_call=0)
    after = _position(order, request.after, reach)
    if after is not None:
        bounds = _behind(bounds, order, after[-1])
    conditions = conditions_of(bounds)
    if bounds.are_empty or not bounds.have_no_span or len(conditions) != 1:
        return None
    if not conditions[0].can_be_merged:
        return None
    source = condition_source(bounds, conditions[0])
    return joined(bounds, order, source, request.limit, request.offset)


def _page(connection: apsw.Connection, reach: Reach, request: ListRequest, opening: bytes) -> Page:
    bounds = bounds_for(connection, reach, request.filter)
    order = order_of(request.sort)
    after = _position(order, request.after, reach)
    if after is not None and order.is_by_key:
        bounds, after = _behind(bounds, order, after[-1]), None
    if bounds.are_empty:
        return NOTHING
    asked = Asked(connection, bounds, order, request.limit, request.offset, after)
    if not order.is_by_key:
        is_of_calls = bounds.unrecorded_too
        return page_of_rows(connection, _sorted_rows(asked), opening, is_of_calls=is_of_calls)
    return _page_of_range(asked, opening) if bounds.are_a_range else _page_by_key(asked, opening)


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
    is_plain = request.filter is NO_FILTER or request.filter is EVERY_CALL
    is_plain = is_plain and request.sort is DEFAULT_SORT
    return is_first and is_plain and not reach.is_narrowed


def _page_of_range(asked: Asked, opening: bytes) -> Page:
    descends = asked.order.descends
    span: sqlite_days.Part | None = (asked.bounds.low, asked.bounds.high)
    if asked.offset:
        bounds = asked.bounds
        span = sqlite_days.skip(asked.connection, bounds, asked.offset, descending=descends)
    if span is None:
        return NOTHING
    read = range_page_of_calls if asked.bounds.unrecorded_too else range_page
    return read(asked.connection, span, descends, asked.limit, opening)


def _page_by_key(asked: Asked, opening: bytes) -> Page:
    """Return a page of a list with several conditions, in the order of the key.

    The calls that the list begins with are tested first, which often fills the page.
    """
    connection, bounds = asked.connection, asked.bounds
    conditions = conditions_of(bounds)
    calls = NEAR_FACTOR * asked.need + NEAR_LEAST
    near = near_source(bounds, conditions, asked.order, calls)
    if near is not None:
        found = _page_from(asked, near, opening)
        if found.count == asked.limit or sqlite_days.count(connection, bounds) <= calls:
            return found
    source = rarest(connection, bounds, conditions, asked.cap) or common_source(bounds, conditions)
    return _page_from(asked, source, opening)


def _page_from(asked: Asked, source: Source, opening: bytes) -> Page:
    bounds = asked.bounds
    statement = joined(bounds, asked.order, source, asked.limit, asked.offset)
    is_of_calls = bounds.unrecorded_too
    return joined_page(asked.connection, statement, opening, is_of_calls=is_of_calls)


def _sorted_rows(asked: Asked) -> list[Row]:
    """Return the rows of a list in another order than that of the key."""
    source = _sorted_source(asked)
    beyond, args = _beyond(asked.order, asked.after)
    distinct = "DISTINCT " if source.needs_distinct else ""
    sql = (
        f"SELECT {distinct}{asked.order.select} FROM {source.table} d WHERE {source.where} "
        f"AND d.k >= ? AND d.k < ?{source.rest.where}{beyond} ORDER BY {asked.order.sql} "
        "LIMIT ? OFFSET ?"
    )
    span = (asked.bounds.low, asked.bounds.high)
    values = (*source.args, *span, *source.rest.args, *args, asked.limit, asked.offset)
    rows: list[Any] = asked.connection.execute(sql, values).fetchall()
    return rows


def _sorted_source(asked: Asked) -> Source:
    bounds = asked.bounds
    source = rarest(asked.connection, bounds, conditions_of(bounds), asked.cap)
    if source is not None:
        return source
    if sqlite_days.count(asked.connection, bounds) < asked.cap:
        return facts_source(bounds)
    return ordered_source(bounds, asked.order) or facts_source(bounds)


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


def count(connection: apsw.Connection, reach: Reach, call_filter: CallFilter) -> int:
    """Return how many available recordings, or calls, match."""
    bounds = bounds_for(connection, reach, call_filter)
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
    rare = rarest(connection, bounds, conditions, RARE)
    return rare or common_source(bounds, conditions)
