"""Which table answers a question: the plan of a list.

A list is read from one table that drives, in its order, testing the other conditions on the
values that every table carries. Which drives is decided by counting, up to a cap: the cost of
looking is bounded, and that of not looking is not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import apsw

from callreel.catalog import sqlite_days
from callreel.catalog.bounds import ARRIVAL_BITS, Bounds, Residual, between, residual, valued
from callreel.model import SortField, SortKey

WINDOW_FACTOR: Final = 16
WINDOW_LEAST: Final = 2_000
RARE: Final = 20_000

_COLUMN: Final = {
    SortField.STARTED: f"(d.k >> {ARRIVAL_BITS})",
    SortField.HUNG_UP: "d.hangup",
    SortField.TALKING: "d.talking",
}
_ORDERED_TABLE: Final = {"d.talking": "by_talking", "d.hangup": "by_hangup"}


@dataclass(frozen=True, slots=True)
class Order:
    """Columns to sort by, each with whether it descends; the key is the last."""

    columns: tuple[tuple[str, bool], ...]

    @property
    def descends(self) -> bool:
        return self.columns[-1][1]

    @property
    def is_by_key(self) -> bool:
        return len(self.columns) == 1

    @property
    def sql(self) -> str:
        return ", ".join(f"{name} {'DESC' if desc else 'ASC'}" for name, desc in self.columns)

    @property
    def select(self) -> str:
        return ", ".join(name for name, _ in self.columns)


def order_of(sort: tuple[SortKey, ...]) -> Order:
    """Return the columns of a sort; the key itself orders by start and then by arrival."""
    keys = sort[:-1] if sort[-1].field is SortField.STARTED else sort
    columns = tuple((_COLUMN[key.field], key.descending) for key in keys)
    return Order((*columns, ("d.k", sort[-1].descending)))


@dataclass(frozen=True, slots=True)
class Condition:
    """A set that a call's value must be among, and the table that leads from value to calls."""

    name: str
    which: int
    column: str
    choice: frozenset[int | str]

    @property
    def is_link(self) -> bool:
        """Whether a call may have several such values."""
        return self.name in {"numbers", "tags"}


def conditions_of(bounds: Bounds) -> list[Condition]:
    """Return the conditions that a table could drive."""
    found: list[Condition] = []
    if bounds.projects is not None:
        found.append(Condition("projects", 0, "project", bounds.projects))
    if bounds.users is not None:
        found.append(Condition("users", 0, "user", bounds.users))
    found += [Condition("numbers", i, "number", c) for i, c in enumerate(bounds.numbers)]
    found += [Condition("tags", i, "tag", c) for i, c in enumerate(bounds.tags)]
    return found


@dataclass(frozen=True, slots=True)
class Source:
    """A table that drives, its own condition and what is left to test.

    Attributes:
        needs_distinct: Whether a call may be met twice.
    """

    table: str
    where: str
    args: tuple[int | str, ...]
    rest: Residual
    needs_distinct: bool = False


def facts_source(bounds: Bounds) -> Source:
    """Drive from all calls in the range of keys."""
    return Source("facts", "1", (), residual(bounds))


def talking_source(bounds: Bounds) -> Source:
    """Drive from the span of talking time."""
    text, args = between("d.talking", bounds.talking)
    where = f"d.tenant = ? AND {text}"
    rest = residual(bounds, driver="talking")
    return Source("by_talking", where, (bounds.tenant, *args), rest)


def condition_source(bounds: Bounds, condition: Condition) -> Source:
    """Drive from a set of values."""
    where, args = valued("d", condition.column, condition.choice, bounds.tenant)
    rest = residual(bounds, condition.name, condition.which)
    repeats = condition.is_link and len(condition.choice) > 1
    return Source(f"by_{condition.column}", where, args, rest, repeats)


def ordered_source(bounds: Bounds, order: Order) -> Source | None:
    """Drive from the table that lies in the order asked for, if there is one."""
    if len(order.columns) != 2:
        return None
    column, descends = order.columns[0]
    if descends != order.descends:
        return None
    if column == "d.talking" and not bounds.talking.is_open:
        return talking_source(bounds)
    return Source(_ORDERED_TABLE[column], "d.tenant = ?", (bounds.tenant,), residual(bounds))


def near_part(connection: apsw.Connection, bounds: Bounds, order: Order, need: int) -> Bounds:
    """Return the part of the range that a list would probably not go beyond.

    Args:
        need: How many calls the list needs from the start of the range.
    """
    calls = WINDOW_FACTOR * need + WINDOW_LEAST
    low, high = sqlite_days.window(connection, bounds, calls, descending=order.descends)
    return replace(bounds, low=low, high=high)


def rarest(
    connection: apsw.Connection, bounds: Bounds, conditions: list[Condition], cap: int
) -> Source | None:
    """Return the source with the fewest calls, if any has less than the cap."""
    sources = [condition_source(bounds, condition) for condition in conditions]
    if not bounds.talking.is_open:
        sources.append(talking_source(bounds))
    best, least = None, cap
    for source in sources:
        weight = _weight(connection, source, bounds, least)
        if weight < least:
            best, least = source, weight
    return best


def _weight(connection: apsw.Connection, source: Source, bounds: Bounds, cap: int) -> int:
    """Count what a source yields before the rest is tested, up to the cap."""
    sql = (
        f"SELECT count(*) FROM (SELECT 1 FROM {source.table} d WHERE {source.where} "
        "AND d.k >= ? AND d.k < ? LIMIT ?)"
    )
    return int(connection.execute(sql, (*source.args, bounds.low, bounds.high, cap)).get)
