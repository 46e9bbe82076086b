"""Rows that nothing calls for: those that no body makes, and marks of what is not there any more.

Of a deletion that points to no call of its tenant, the pointer alone is surplus.

Looked at in windows of a few hundred rows, each read in a transaction of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import apsw

from callreel.catalog.audit import Reading, SurplusRow
from callreel.catalog.bounds import ARRIVAL_BITS, LOCAL_BITS, tenant_of
from callreel.catalog.sqlite_calls import unpacked
from callreel.catalog.sqlite_tables import (
    FILTER_TABLES,
    UNRECORDED_TABLES,
    FilterTable,
    Placed,
)
from callreel.model import Facts

WINDOW: Final = 400
_READ_FROM_BODY: Final = ("_number", "_tag", "_kind", "_source_call")
_OF_THE_CALL: Final = (
    "FROM entry o WHERE o.k >= ({k} >> {bits} << {bits}) "
    "AND o.k < (({k} >> {bits}) + 1 << {bits}) AND o.state = 'available' AND o.dialog = {dialog}"
)
HAS_NO_RECORDING: Final = "(u.dialog = '' OR NOT EXISTS (SELECT 1 {}))".format(
    _OF_THE_CALL.format(k="u.k", dialog="u.dialog", bits=ARRIVAL_BITS)
)
"""Whether a call `u` without recording is to be listed: none that is available is of it."""
_HAS_ANOTHER: Final = (
    "EXISTS (SELECT 1 FROM entry e WHERE e.k = t.k AND e.state = 'available' AND e.dialog <> '' "
    "AND EXISTS (SELECT 1 {} AND o.k <> t.k))"
).format(_OF_THE_CALL.format(k="e.k", dialog="e.dialog", bits=ARRIVAL_BITS))
_HAS_ENTRY: Final = "EXISTS (SELECT 1 FROM entry e WHERE e.k = t.k AND e.digest = t.digest)"
_IS_GONE: Final = (
    "NOT EXISTS (SELECT 1 FROM entry e WHERE e.tenant = t.tenant AND e.id = t.id "
    "AND e.state <> 'deleting')"
)
_IS_OF_A_CALL: Final = (
    f"(t.call IS NULL OR t.tenant = t.call >> {LOCAL_BITS} "
    "AND EXISTS (SELECT 1 FROM unrecorded u WHERE u.k = t.call))"
)
_RECORDED: Final = "recording r WHERE r.k = t.k"
_UNRECORDED: Final = f"unrecorded u WHERE u.k = t.k AND {HAS_NO_RECORDING}"
_CARRIES: Final = (
    "f.k = t.k AND f.talking = t.talking AND f.hangup = t.hangup AND f.project IS t.project "
    "AND f.user IS t.user"
)
_BODY: Final = "SELECT body FROM recording WHERE k = ?"
_FACTS: Final = f"SELECT facts FROM unrecorded u WHERE k = ? AND {HAS_NO_RECORDING}"


@dataclass(frozen=True, slots=True)
class Checked:
    """A table that is gone through for surplus rows.

    Attributes:
        name: The table.
        key: The columns that identify a row in it.
        agrees: SQL that says of a row `t`, cheaply and never wrongly, that it is right.
        filter: What makes its rows, or None where `agrees` alone decides.
        is_recorded: Whether its rows are made of recordings.
        pointer: The column that is surplus by itself and is cleared, or None where the row is.
    """

    name: str
    key: tuple[str, ...]
    agrees: str
    filter: FilterTable | None = None
    is_recorded: bool = True
    pointer: str | None = None

    @property
    def told_as(self) -> str:
        """What surplus rows of it are said to be in."""
        return self.name if self.pointer is None else f"{self.name}.{self.pointer}"

    @property
    def mending(self) -> str:
        """The SQL that drops or clears what is surplus, up to its `WHERE`."""
        if self.pointer is None:
            return f"DELETE FROM {self.name}"
        return f"UPDATE {self.name} SET {self.pointer} = NULL"

    def place(self, connection: apsw.Connection, row: Sequence[Any]) -> int:
        """Return the place that a row leads to; a deletion has that of what has its id."""
        column = self.pointer or "k"
        if column in self.key:
            return int(row[self.key.index(column)])
        sql = "SELECT k FROM entry WHERE tenant = ? AND id = ?"
        return int(connection.execute(sql, tuple(row[:2])).get)


def _checked(table: FilterTable, *, is_recorded: bool) -> Checked:
    kept, facts = (_RECORDED, "facts") if is_recorded else (_UNRECORDED, "unrecorded_facts")
    agrees = f"EXISTS (SELECT 1 FROM {kept})"
    if table.name.endswith(_READ_FROM_BODY):
        agrees = "0"
    elif table.name != facts:
        agrees += f" AND EXISTS (SELECT 1 FROM {facts} f WHERE {_CARRIES})"
    if "tenant" in table.key:
        agrees += f" AND t.tenant = t.k >> {LOCAL_BITS}"
    return Checked(table.name, table.key, agrees, table, is_recorded)


CHECKED: Final = (
    *(_checked(table, is_recorded=True) for table in FILTER_TABLES),
    *(_checked(table, is_recorded=False) for table in UNRECORDED_TABLES),
    Checked("further", ("k",), _HAS_ANOTHER),
    Checked("audio_use", ("digest", "k"), _HAS_ENTRY),
    Checked("audio_use_new", ("k",), _HAS_ENTRY),
    Checked("deletion", ("tenant", "id"), _IS_GONE),
    Checked("deletion", ("tenant", "id", "at", "call"), _IS_OF_A_CALL, pointer="call"),
)


def surplus_rows(
    connection: apsw.Connection, table: Checked, after: tuple[Any, ...] | None, read: Reading
) -> tuple[list[SurplusRow], tuple[Any, ...] | None]:
    """Return the surplus rows of a window, and what it ends with, or None where nothing is left."""
    columns = ", ".join(table.key)
    where = "" if after is None else f"WHERE ({columns}) > ({', '.join('?' * len(after))})"
    sql = f"SELECT {table.agrees}, * FROM {table.name} t {where} ORDER BY {columns} LIMIT {WINDOW}"
    rows = connection.execute(sql, after or ()).fetchall()
    found = [
        _surplus(connection, table, row)
        for agrees, *row in rows
        if not agrees and not _is_called_for(connection, table, tuple(row), read)
    ]
    last = tuple(rows[-1][1 : 1 + len(table.key)]) if len(rows) == WINDOW else None
    return found, last


def _surplus(connection: apsw.Connection, table: Checked, row: Sequence[Any]) -> SurplusRow:
    k = table.place(connection, row)
    an_id = connection.execute("SELECT id FROM entry WHERE k = ?", (k,)).get
    return SurplusRow(table.told_as, tuple(row[: len(table.key)]), k, tenant_of(k), an_id)


def _is_called_for(
    connection: apsw.Connection, table: Checked, row: tuple[Any, ...], read: Reading
) -> bool:
    if table.filter is None:
        return False
    k = table.place(connection, row)
    kept = connection.execute(_BODY if table.is_recorded else _FACTS, (k,)).get
    if kept is None:
        return False
    facts = _facts_told(kept, read) if table.is_recorded else facts_kept(k, kept)
    if facts is None:
        return True  # nobody can say
    keys = {each[: len(table.key)] for each in table.filter.rows(Placed(k, tenant_of(k), facts))}
    return row[: len(table.key)] in keys


def _facts_told(body: bytes, read: Reading) -> Facts | None:
    told = read(body)
    return None if told is None else told.facts


def facts_kept(k: int, text: str) -> Facts | None:
    """Return the facts that are kept beside the body of a call, or None where they are damaged."""
    try:
        return unpacked(k, text)
    except (ValueError, TypeError):
        return None


def drop_row(connection: apsw.Connection, row: SurplusRow, read: Reading) -> None:
    """Drop a surplus row (see `Audit.drop_row`)."""
    table = next(each for each in CHECKED if each.told_as == row.table)
    where = " AND ".join(f"{column} = ?" for column in table.key)
    sql = f"SELECT {table.agrees}, * FROM {table.name} t WHERE {where}"
    found = connection.execute(sql, row.key).fetchone()
    if found is None or found[0] or _is_called_for(connection, table, tuple(found[1:]), read):
        return
    connection.execute(f"{table.mending} WHERE {where}", row.key)
