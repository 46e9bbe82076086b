"""Where a tenant ends: the one place that turns a reach and a filter into bounds.

Every statement that touches recordings takes its range of keys and its residual from here, so
none can see past the tenant or past what a key is narrowed to.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from itertools import product, starmap
from typing import Final

from callreel.model import (
    EARLIEST_START,
    LATEST_START,
    CallFilter,
    DialogType,
    Direction,
    Reach,
    Span,
)

ARRIVAL_BITS: Final = 16
LOCAL_BITS: Final = 48
LOCAL_MASK: Final = (1 << LOCAL_BITS) - 1
MAX_TENANT: Final = (1 << 15) - 2
_TYPES: Final = {
    DialogType.CONSULTANT: 0,
    DialogType.TENANT_USER: 2,
    DialogType.EXTERNAL: 4,
    DialogType.BOT: 6,
    DialogType.SCREENSHARE_DIALOG: 8,
    DialogType.SYSTEM: 10,
    DialogType.UNBOUND_DIALOG: 12,
}
_BY_TENANT: Final = frozenset({"number", "kind", "source_call"})
_DIRECTIONS: Final = {Direction.INBOUND: 0, Direction.OUTBOUND: 1}
"""What is kept of types and directions; never changed, since databases hold it."""

Link = tuple[str, str, tuple[frozenset[int | str], ...]]
"""A field of `Bounds`, the column that holds its values, and the sets."""

Piece = tuple[str, tuple[int | str, ...]]
"""A condition as SQL text, on the alias `d`, and its arguments."""


def first_key(tenant: int, started_at: int = EARLIEST_START) -> int:
    """Return the lowest key of the tenant's calls that start in this second."""
    return (tenant << LOCAL_BITS) + ((started_at - EARLIEST_START) << ARRIVAL_BITS)


@lru_cache(maxsize=512)
def keys_of(tenant: int) -> tuple[int, int]:
    """Return the range of the keys of all that a tenant has: the lowest, and the first beyond."""
    return first_key(tenant), first_key(tenant + 1)


def kind_of(dialog_type: DialogType, direction: Direction) -> int:
    """Return the number under which calls of this type and direction are found."""
    return _TYPES[dialog_type] + _DIRECTIONS[direction]


def tenant_of(k: int) -> int:
    """Return the tenant of a key."""
    return k >> LOCAL_BITS


def second_of(k: int) -> int:
    """Return the second UTC in which the call with a key starts."""
    return EARLIEST_START + ((k & LOCAL_MASK) >> ARRIVAL_BITS)


@dataclass(frozen=True, slots=True)
class Bounds:
    """Which recordings or calls a statement may see.

    Attributes:
        low, high: The range of keys, low included, high not.
        talking, hung_up: Further spans; ms, and seconds UTC.
        projects, users: Sets to lie in, or None.
        numbers, tags, kinds, source_calls: Sets to meet, each.
        unrecorded_too: Whether it is about calls, with or without recording.
    """

    tenant: int
    low: int
    high: int
    talking: Span
    hung_up: Span
    projects: frozenset[int] | None
    users: frozenset[int] | None
    numbers: tuple[frozenset[str], ...] = ()
    tags: tuple[frozenset[int], ...] = ()
    kinds: tuple[frozenset[int], ...] = ()
    source_calls: tuple[frozenset[str], ...] = ()
    unrecorded_too: bool = False

    @property
    def prefix(self) -> str:
        """What comes before the name of every table to look into."""
        return "call_" if self.unrecorded_too else ""

    @property
    def links(self) -> tuple[Link, ...]:
        """The conditions on values of which a table of its own leads to calls."""
        return (
            ("numbers", "number", self.numbers),
            ("tags", "tag", self.tags),
            ("kinds", "kind", self.kinds),
            ("source_calls", "source_call", self.source_calls),
        )

    @property
    def are_empty(self) -> bool:
        """Whether nothing can lie within."""
        linked = [choice for _, _, choices in self.links for choice in choices]
        sets = (self.projects, self.users, *linked)
        no_choice = any(choice is not None and not choice for choice in sets)
        return no_choice or self.low >= self.high or self.talking.is_empty or self.hung_up.is_empty

    @property
    def are_a_range(self) -> bool:
        """Whether the range of keys says it all."""
        is_single = self.projects is None and self.users is None
        is_linked = any(choices for _, _, choices in self.links)
        return is_single and self.have_no_span and not is_linked

    @property
    def have_no_span(self) -> bool:
        """Whether neither the talking time nor the end is bounded."""
        return self.talking.is_open and self.hung_up.is_open


@dataclass(frozen=True, slots=True)
class Residual:
    """What must still be tested of each candidate, when driven by one of the conditions."""

    pieces: list[Piece] = field(default_factory=list)

    @property
    def where(self) -> str:
        return "".join(f" AND {text}" for text, _ in self.pieces)

    @property
    def args(self) -> tuple[int | str, ...]:
        return tuple(arg for _, args in self.pieces for arg in args)


def bounds_of(reach: Reach, call_filter: CallFilter, longest_call: int) -> Bounds:
    """Return the bounds of a filter within a reach.

    Args:
        reach: Tenant and narrowing.
        call_filter: The question.
        longest_call: Seconds of the tenant's longest call: a call that ends at t starts no
            earlier than that before.
    """
    started = call_filter.started
    if not call_filter.hung_up.is_open:
        ended = call_filter.hung_up
        started = started.narrowed(ended.low - longest_call, ended.high)
    started = started.narrowed(EARLIEST_START, LATEST_START)
    low, high = keys_of(reach.tenant)
    if started.is_empty:
        high = low
    else:
        low, high = first_key(reach.tenant, started.low), first_key(reach.tenant, started.high + 1)
    return Bounds(
        tenant=reach.tenant,
        low=low,
        high=high,
        talking=call_filter.talking,
        hung_up=call_filter.hung_up,
        projects=_both(call_filter.projects, reach.projects),
        users=_both(call_filter.users, reach.users),
        numbers=call_filter.numbers,
        tags=call_filter.tags,
        kinds=_kinds(call_filter),
        source_calls=call_filter.source_call_ids,
        unrecorded_too=call_filter.unrecorded_too,
    )


def _kinds(call_filter: CallFilter) -> tuple[frozenset[int], ...]:
    types, directions = call_filter.types, call_filter.directions
    if types is None and directions is None:
        return ()
    pairs = product(
        DialogType if types is None else types, Direction if directions is None else directions
    )
    return (frozenset(starmap(kind_of, pairs)),)


def _both(one: frozenset[int] | None, other: frozenset[int] | None) -> frozenset[int] | None:
    if one is None or other is None:
        return other if one is None else one
    return one & other


def residual(bounds: Bounds, driver: str | None = None, which: int = 0) -> Residual:
    """Return every condition but the key range and the one that drives.

    Args:
        bounds: All conditions.
        driver: Name of the field of `Bounds` that drives, or None.
        which: Which of its sets, where it has several.
    """
    pieces = []
    if driver != "talking" and not bounds.talking.is_open:
        pieces.append(between("d.talking", bounds.talking))
    if not bounds.hung_up.is_open:
        pieces.append(between("d.hangup", bounds.hung_up))
    if driver != "projects" and bounds.projects is not None:
        pieces.append(one_of("d.project", bounds.projects))
    if driver != "users" and bounds.users is not None:
        pieces.append(one_of("d.user", bounds.users))
    for name, column, sets in bounds.links:
        for index, choice in enumerate(sets):
            if (name, index) != (driver, which):
                text, args = valued("e", column, choice, bounds.tenant)
                table = f"{bounds.prefix}by_{column}"
                linked = f"EXISTS (SELECT 1 FROM {table} e WHERE {text} AND e.k = d.k)"
                pieces.append((linked, args))
    return Residual(pieces)


def narrowing(reach: Reach, alias: str = "d") -> Residual:
    """Return the conditions of a narrowed reach alone."""
    pieces = []
    if reach.projects is not None:
        pieces.append(one_of(f"{alias}.project", reach.projects))
    if reach.users is not None:
        pieces.append(one_of(f"{alias}.user", reach.users))
    return Residual(pieces)


def between(column: str, span: Span) -> Piece:
    """Return the condition that a column lies in a span."""
    return f"{column} BETWEEN ? AND ?", (span.low, span.high)


def one_of(column: str, choice: frozenset[int | str]) -> Piece:
    """Return the condition that a column is among a set; few lengths, so statements are reused."""
    values = padded(choice)
    if not values:
        return "0", ()
    if len(values) == 1:
        return f"{column} = ?", values
    return f"{column} IN ({','.join('?' * len(values))})", values


def padded(choice: frozenset[int | str]) -> tuple[int | str, ...]:
    """Return the set with one of it repeated up to a power of two."""
    values = list(choice)
    if not values:
        return ()
    full = 1 << (len(values) - 1).bit_length()
    return tuple(values + values[-1:] * (full - len(values)))


def valued(alias: str, column: str, choice: frozenset[int | str], tenant: int) -> Piece:
    """Return the condition that a row of a table that leads from values to calls is among a set.

    Numbers and ids lie by tenant, so that the many that one tenant's calls bring lie together, and
    kinds, of which all have the same; the other values are few, and the range of keys that every
    statement has divides them by tenant.
    """
    text, args = one_of(f"{alias}.{column}", choice)
    if column in _BY_TENANT:
        return f"{alias}.tenant = ? AND {text}", (tenant, *args)
    return text, args
