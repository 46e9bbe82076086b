"""Whether the list of calls agrees with what it is made of, and how it is mended.

Looked at in windows, as `sqlite_audit` does.
"""

from __future__ import annotations

from typing import Any, Final

import apsw

from callreel.catalog.audit import Reading, ToldCall, WrongCall
from callreel.catalog.bounds import ARRIVAL_BITS, second_of, tenant_of
from callreel.catalog.sqlite_calls import packed
from callreel.catalog.sqlite_surplus import HAS_NO_RECORDING
from callreel.catalog.sqlite_tables import (
    UNRECORDED_TABLES,
    Placed,
    make_again,
    wrong_tables,
)

WINDOW: Final = 400
_CALLS: Final = f"""
SELECT u.k, u.dialog, u.is_listed, u.body, u.facts, {HAS_NO_RECORDING},
    coalesce((SELECT longest_call FROM tenant WHERE number = u.k >> 48), 0),
    (SELECT id FROM entry e WHERE e.k = u.k)
FROM unrecorded u WHERE u.k > ?1 ORDER BY u.k LIMIT ?2
"""
_SHARED: Final = f"""
SELECT e.k, e.dialog, e.id FROM (
    SELECT min(e.k) AS k FROM entry e LEFT JOIN further f ON f.k = e.k
    WHERE e.k >= ?1 AND e.k < ?2 AND e.state = 'available' AND e.dialog <> ''
    GROUP BY e.k >> {ARRIVAL_BITS}, e.dialog
    HAVING count(*) > 1 AND count(*) - count(f.k) <> 1
) w JOIN entry e ON e.k = w.k ORDER BY e.k
"""
_BEYOND: Final = (1 << 63) - 1


def wrong_unrecorded(
    connection: apsw.Connection, after: int, read: Reading, limit: int = WINDOW
) -> tuple[list[WrongCall], int | None]:
    """Return the wrong ones of the next calls without recording, and where to go on."""
    rows: list[Any] = connection.execute(_CALLS, (after, limit)).fetchall()
    found = [_judged(connection, row, read) for row in rows]
    last = rows[-1][0] if len(rows) == limit else None
    return [each for each in found if each.tables or not each.is_readable], last


def _judged(connection: apsw.Connection, row: tuple[Any, ...], read: Reading) -> WrongCall:
    k, dialog, is_listed, body, kept, is_to_be_listed, longest, an_id = row
    told = _told(k, body, read)
    wrong = ["unrecorded"] if is_listed != is_to_be_listed else []
    if told is not None:
        facts = told.facts
        if (dialog, kept) != (told.dialog, packed(facts)) and not wrong:
            wrong.append("unrecorded")
        if is_to_be_listed:
            wrong += wrong_tables(connection, UNRECORDED_TABLES, Placed(k, tenant_of(k), facts))
        if facts.hung_up_at - facts.started_at > longest:
            wrong.append("longest_call")
    return WrongCall(k, tenant_of(k), dialog, an_id, tuple(wrong), told is not None)


def _told(k: int, body: bytes, read: Reading) -> ToldCall | None:
    """Return what a body tells, or None where it cannot be that of the call with a key."""
    told = read(body)
    return told if told is not None and told.facts.started_at == second_of(k) else None


def wrong_shared(
    connection: apsw.Connection, after: int, limit: int = WINDOW
) -> tuple[list[WrongCall], int | None]:
    """Return the calls of which not exactly one recording lists them, and where to go on."""
    sql = "SELECT k FROM entry WHERE k >= ? ORDER BY k LIMIT 1 OFFSET ?"
    last = connection.execute(sql, (after, limit)).get
    end = _BEYOND if last is None else ((last >> ARRIVAL_BITS) + 1) << ARRIVAL_BITS
    rows: list[Any] = connection.execute(_SHARED, (after, end)).fetchall()
    found = [
        WrongCall(k, tenant_of(k), dialog, an_id, ("further",), is_readable=True)
        for k, dialog, an_id in rows
    ]
    return found, None if last is None else end


def mend_call(connection: apsw.Connection, place: int, read: Reading) -> None:
    """Make again what lists a call (see `Audit.mend_call`)."""
    _mend_further(connection, place)
    body = connection.execute("SELECT body FROM unrecorded WHERE k = ?", (place,)).get
    told = None if body is None else _told(place, body, read)
    if told is not None:  # first, as by its dialog it is known whether there is a recording
        connection.execute(
            "UPDATE unrecorded SET dialog = ?, facts = ? WHERE k = ?",
            (told.dialog, packed(told.facts), place),
        )
    sql = (
        f"UPDATE unrecorded AS u SET is_listed = {HAS_NO_RECORDING} WHERE k = ? RETURNING is_listed"
    )
    is_listed = connection.execute(sql, (place,)).get
    if told is not None and is_listed:
        make_again(connection, UNRECORDED_TABLES, Placed(place, tenant_of(place), told.facts))


def _mend_further(connection: apsw.Connection, place: int) -> None:
    """Have a call of several recordings listed by the first of them alone."""
    first = place >> ARRIVAL_BITS << ARRIVAL_BITS
    sql = (
        "SELECT k FROM entry WHERE k >= ? AND k < ? AND state = 'available' AND dialog <> '' "
        "AND dialog = (SELECT dialog FROM entry WHERE k = ?) ORDER BY k"
    )
    rows = connection.execute(sql, (first, first + (1 << ARRIVAL_BITS), place)).fetchall()
    connection.executemany("DELETE FROM further WHERE k = ?", rows[:1])
    connection.executemany("INSERT OR IGNORE INTO further VALUES (?)", rows[1:])
