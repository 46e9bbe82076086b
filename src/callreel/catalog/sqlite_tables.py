"""The narrow tables that serve filters: what goes into them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import apsw

from callreel.catalog.bounds import kind_of
from callreel.catalog.sqlite_days import day_of
from callreel.model import Facts

Rows = list[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Placed:
    """What goes into the filter tables: a key and the facts that it stands for."""

    k: int
    tenant: int
    facts: Facts


@dataclass(frozen=True, slots=True)
class FilterTable:
    """A narrow table that serves filters.

    Attributes:
        name: The table.
        key: The columns that identify a row; they come first.
        rows: The rows of one recording or call.
    """

    name: str
    key: tuple[str, ...]
    rows: Callable[[Placed], Rows]
    width: int

    @property
    def insert(self) -> str:
        return f"INSERT INTO {self.name} VALUES ({', '.join('?' * self.width)})"

    @property
    def delete(self) -> str:
        where = " AND ".join(f"{column} = ?" for column in self.key)
        return f"DELETE FROM {self.name} WHERE {where}"


def _carried(place: Placed) -> tuple[int, int, int | None, int | None]:
    facts = place.facts
    return facts.talking_ms, facts.hung_up_at, facts.project_id, facts.user_id


def _project_rows(place: Placed) -> Rows:
    talking, hangup, project, user = _carried(place)
    return [] if project is None else [(project, place.k, talking, hangup, user)]


def _user_rows(place: Placed) -> Rows:
    talking, hangup, project, user = _carried(place)
    return [] if user is None else [(user, place.k, talking, hangup, project)]


def _number_rows(place: Placed) -> Rows:
    carried = _carried(place)
    return [(place.tenant, number, place.k, *carried) for number in place.facts.numbers]


def _tag_rows(place: Placed) -> Rows:
    return [(tag, place.k, *_carried(place)) for tag in place.facts.tags]


def _talking_rows(place: Placed) -> Rows:
    talking, hangup, project, user = _carried(place)
    return [(place.tenant, talking, place.k, hangup, project, user)]


def _hangup_rows(place: Placed) -> Rows:
    talking, hangup, project, user = _carried(place)
    return [(place.tenant, hangup, place.k, talking, project, user)]


def _kind_rows(place: Placed) -> Rows:
    facts = place.facts
    if facts.dialog_type is None or facts.direction is None:
        return []
    kind = kind_of(facts.dialog_type, facts.direction)
    return [(place.tenant, kind, place.k, *_carried(place))]


def _source_call_rows(place: Placed) -> Rows:
    source_call = place.facts.source_call_id
    return [] if source_call is None else [(place.tenant, source_call, place.k, *_carried(place))]


BY_TAG: Final = FilterTable("by_tag", ("tag", "k"), _tag_rows, 6)
FILTER_TABLES: Final = (
    FilterTable("facts", ("k",), lambda place: [(place.k, *_carried(place))], 5),
    FilterTable("by_project", ("project", "k"), _project_rows, 5),
    FilterTable("by_user", ("user", "k"), _user_rows, 5),
    FilterTable("by_number", ("tenant", "number", "k"), _number_rows, 7),
    FilterTable("by_talking", ("tenant", "talking", "k"), _talking_rows, 6),
    FilterTable("by_hangup", ("tenant", "hangup", "k"), _hangup_rows, 6),
    BY_TAG,
    FilterTable("by_kind", ("tenant", "kind", "k"), _kind_rows, 7),
    FilterTable("by_source_call", ("tenant", "source_call", "k"), _source_call_rows, 7),
)
UNRECORDED_TABLES: Final = tuple(
    replace(table, name=f"unrecorded_{table.name}") for table in FILTER_TABLES
)
"""The same for calls without recording."""


def insert(
    connection: apsw.Connection, tables: tuple[FilterTable, ...], placed: Sequence[Placed]
) -> None:
    """Put calls into every filter table; rows go in in the order in which they will lie."""
    for table in tables:
        rows = sorted(row for place in placed for row in table.rows(place))
        connection.executemany(table.insert, rows)
    longest = max(place.facts.hung_up_at - place.facts.started_at for place in placed)
    connection.execute(
        "UPDATE tenant SET longest_call = ? WHERE number = ? AND longest_call < ?",
        (longest, placed[0].tenant, longest),
    )


def delete(
    connection: apsw.Connection, tables: tuple[FilterTable, ...], placed: Sequence[Placed]
) -> None:
    """Take calls out of every filter table."""
    for table in tables:
        keys = [row[: len(table.key)] for place in placed for row in table.rows(place)]
        connection.executemany(table.delete, keys)


def wrong_tables(
    connection: apsw.Connection, tables: tuple[FilterTable, ...], placed: Placed
) -> list[str]:
    """Return the names of the tables that lack a row of a call, or have it otherwise."""
    return [
        table.name
        for table in tables
        if any(_row(connection, table, row) != row for row in table.rows(placed))
    ]


def _row(
    connection: apsw.Connection, table: FilterTable, row: tuple[Any, ...]
) -> tuple[Any, ...] | None:
    where = " AND ".join(f"{column} = ?" for column in table.key)
    sql = f"SELECT * FROM {table.name} WHERE {where}"
    found: tuple[Any, ...] | None = connection.execute(sql, row[: len(table.key)]).fetchone()
    return found


def make_again(
    connection: apsw.Connection, tables: tuple[FilterTable, ...], placed: Placed
) -> None:
    """Put a call into every filter table, whichever of its rows are there already."""
    for table in tables:
        sql = table.insert.replace("INSERT", "INSERT OR REPLACE", 1)
        connection.executemany(sql, table.rows(placed))
    longest = placed.facts.hung_up_at - placed.facts.started_at
    connection.execute(
        "UPDATE tenant SET longest_call = max(longest_call, ?) WHERE number = ?",
        (longest, placed.tenant),
    )


def count_days(connection: apsw.Connection, places: Iterable[tuple[int, int]], sign: int) -> None:
    """Count recordings, each given by its tenant and its key, among those of their days."""
    _count(connection, places, sign, "n")


def count_extra(connection: apsw.Connection, places: Iterable[tuple[int, int]], sign: int) -> None:
    """Count what makes the calls of a day more, or with a minus fewer, than its recordings."""
    _count(connection, places, sign, "extra")


def _count(
    connection: apsw.Connection, places: Iterable[tuple[int, int]], sign: int, column: str
) -> None:
    days = Counter((tenant, day_of(tenant, k)) for tenant, k in places)
    n, extra = ("?3", "0") if column == "n" else ("0", "?3")
    connection.executemany(
        f"INSERT INTO day_count (tenant, day, n, extra) VALUES (?1, ?2, {n}, {extra}) "
        f"ON CONFLICT DO UPDATE SET {column} = {column} + excluded.{column}",
        ((tenant, day, sign * number) for (tenant, day), number in days.items()),
    )
