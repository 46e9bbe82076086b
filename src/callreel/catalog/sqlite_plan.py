"""Which table answers a question: the plan of a list.

A list is read from one table that drives, in its order, testing the other conditions on the
values that every table carries. Which drives is decided by counting, up to a cap: the cost of
looking is bounded, and that of not looking is not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import apsw

from callreel.catalog.bounds import (
    ARRIVAL_BITS,
    Bounds,
    Piece,
    Residual,
    between,
    residual,
    valued,
)
from callreel.model import SortField, SortKey

MERGED_MOST: Final = 100
"""Up to so many values, the calls of each are merged as they come; SQLite admits 500."""
MOST_VALUES: Final = 16_384
"""So many values a merge may bind in all, each condition being repeated for each part of it."""

_BOUND_IN_EACH: Final = 4  # tenant, value, lowest and highest key

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
        return self.name not in {"projects", "users"}

    @property
    def can_be_merged(self) -> bool:
        """Whether its calls can be read in the order of the key, however many they are."""
        return len(self.choice) <= MERGED_MOST


def conditions_of(bounds: Bounds) -> list[Condition]:
    """Return the conditions that a table could drive."""
    found: list[Condition] = []
    if bounds.projects is not None:
        found.append(Condition("projects", 0, "project", bounds.projects))
    if bounds.users is not None:
        found.append(Condition("users", 0, "user", bounds.users))
    for name, column, choices in bounds.links:
        found += [Condition(name, i, column, choice) for i, choice in enumerate(choices)]
    return found


@dataclass(frozen=True, slots=True)
class Source:
    """A table that drives, its own condition and what is left to test.

    Attributes:
        needs_distinct: Whether a call may be met twice.
        singles: The same condition value by value, where its calls can be merged.
    """

    table: str
    where: str
    args: tuple[int | str, ...]
    rest: Residual
    needs_distinct: bool = False
    singles: tuple[Piece, ...] = ()

    def keys(self, bounds: Bounds) -> Piece:
        """Return the statement for the keys of all its calls, to be ordered by k, and its values.

        The calls of one value lie in that order, and a union of such is merged as it is read.
        """
        what = "DISTINCT d.k" if self.needs_distinct and not self.singles else "d.k"
        parts, values = [], list[int | str]()
        for where, args in self.singles or [(self.where, self.args)]:
            parts.append(
                f"SELECT {what} AS k FROM {self.table} d WHERE {where} "
                f"AND d.k >= ? AND d.k < ?{self.rest.where}"
            )
            values += (*args, bounds.low, bounds.high, *self.rest.args)
        return " UNION ".join(parts), tuple(values)


def facts_source(bounds: Bounds) -> Source:
    """Drive from all calls in the range of keys."""
    return Source(f"{bounds.prefix}facts", "1", (), residual(bounds))


def near_source(
    bounds: Bounds, conditions: list[Condition], order: Order, calls: int
) -> Source | None:
    """Drive from the calls that a list begins with, at most so many.

    Return None where that would take a look into another table for each of them.
    """
    last, direction = ("min", "DESC") if order.descends else ("max", "ASC")
    facts = f"{bounds.prefix}facts"
    near = f"(SELECT * FROM {facts} WHERE k >= ? AND k < ? ORDER BY k {direction} LIMIT ?)"
    args = (bounds.low, bounds.high, calls)
    links = [condition for condition in conditions if condition.is_link]
    if not links:
        return Source(near, "1", args, residual(bounds))
    many = next((link for link in links if not link.can_be_merged), None)
    if many is None:
        return None
    source = condition_source(bounds, many)
    beyond = f"d.k {'>=' if order.descends else '<='} (SELECT {last}(k) FROM {near})"
    return replace(source, where=f"{source.where} AND {beyond}", args=(*source.args, *args))


def talking_source(bounds: Bounds) -> Source:
    """Drive from the span of talking time."""
    text, args = between("d.talking", bounds.talking)
    where = f"d.tenant = ? AND {text}"
    rest = residual(bounds, driver="talking")
    return Source(f"{bounds.prefix}by_talking", where, (bounds.tenant, *args), rest)


def condition_source(bounds: Bounds, condition: Condition) -> Source:
    """Drive from a set of values."""
    where, args = valued("d", condition.column, condition.choice, bounds.tenant)
    rest = residual(bounds, condition.name, condition.which)
    repeats = condition.is_link and len(condition.choice) > 1
    singles: tuple[Piece, ...] = ()
    bound = len(condition.choice) * (len(rest.args) + _BOUND_IN_EACH)
    if condition.can_be_merged and bound <= MOST_VALUES:
        each = (frozenset([value]) for value in condition.choice)
        singles = tuple(valued("d", condition.column, one, bounds.tenant) for one in each)
    return Source(f"{bounds.prefix}by_{condition.column}", where, args, rest, repeats, singles)


def common_source(bounds: Bounds, conditions: list[Condition]) -> Source:
    """Drive from the condition that saves most where all are common, so that most calls will do.

    One that is a link leads, since to test a link of each call costs more than to test the
    values that come with it; then that with the fewest values.
    """
    if not conditions:
        return facts_source(bounds)
    leading = min(conditions, key=lambda each: (not each.is_link, len(each.choice)))
    return condition_source(bounds, leading)


def ordered_source(bounds: Bounds, order: Order) -> Source | None:
    """Drive from the table that lies in the order asked for, if there is one."""
    if len(order.columns) != 2:
        return None
    column, descends = order.columns[0]
    if descends != order.descends:
        return None
    if column == "d.talking" and not bounds.talking.is_open:
        return talking_source(bounds)
    table = bounds.prefix + _ORDERED_TABLE[column]
    return Source(table, "d.tenant = ?", (bounds.tenant,), residual(bounds))


def rarest(
    connection: apsw.Connection, bounds: Bounds, conditions: list[Condition], cap: int
) -> Source | None:
    """Return the source with the fewest calls, if any has less than the cap.

    All are counted a little way first, then further: one that has few calls is then found
    without counting the others to the end.
    """
    sources = [condition_source(bounds, condition) for condition in conditions]
    if not bounds.talking.is_open:
        sources.append(talking_source(bounds))
    for reach in (cap // 16, cap // 4, cap):
        weighed = [(_weight(connection, source, bounds, reach), source) for source in sources]
        weight, best = min(weighed, key=lambda each: each[0], default=(reach, None))
        if weight < reach:
            return best
    return None


def _weight(connection: apsw.Connection, source: Source, bounds: Bounds, cap: int) -> int:
    """Count what a source yields before the rest is tested, up to the cap."""
    sql = (
        f"SELECT count(*) FROM (SELECT 1 FROM {source.table} d WHERE {source.where} "
        "AND d.k >= ? AND d.k < ? LIMIT ?)"
    )
    return int(connection.execute(sql, (*source.args, bounds.low, bounds.high, cap)).get)
