"""Bodies out of SQLite: from a range of keys, or from the keys that a table yields, to a page.

SQLite joins finished bodies itself, so a page is one value. A list of recordings has the opening
between them. In a list of calls it stands before the body of each recording, since the body of a
call without recording is whole as it is.
"""

from __future__ import annotations

from typing import Any, Final

import apsw

from callreel.catalog.bounds import LOCAL_MASK, Bounds, Piece
from callreel.catalog.sqlite_days import Part
from callreel.catalog.sqlite_plan import Order, Source
from callreel.model import Page

NOTHING: Final = Page((), 0, None)
FEW: Final = 32
"""Up to so many bodies, Python joins faster: SQLite has more to set up than to do."""
Row = tuple[int, ...]
"""The values of an order's columns; the key is the last."""

_OF_RECORDINGS: Final = "SELECT k, body FROM recording WHERE k >= ? AND k < ?"
_OF_CALLS: Final = (
    "SELECT k, ? || body AS body FROM recording WHERE k >= ? AND k < ? "
    "AND k NOT IN (SELECT k FROM further) "
    "UNION ALL SELECT k, body FROM unrecorded WHERE k >= ? AND k < ? AND is_listed"
)
_BODY_OF_CALL: Final = (
    "coalesce(? || (SELECT body FROM recording r WHERE r.k = s.k), "
    "(SELECT body FROM unrecorded u WHERE u.k = s.k))"
)


def _range_sql(chosen: str, direction: str, last: str) -> tuple[str, str]:
    """Return the statement for the rows of a range, and the one that joins their bodies."""
    rows = f"{chosen} ORDER BY k {direction} LIMIT ?"
    joined = f"SELECT CAST(group_concat(body, ?) AS BLOB), count(*), {last}(k) FROM ({rows})"
    return rows, joined


_RANGES: Final = {
    (chosen, descends): _range_sql(chosen, *(("DESC", "min") if descends else ("ASC", "max")))
    for chosen in (_OF_RECORDINGS, _OF_CALLS)
    for descends in (False, True)
}


def range_page(
    connection: apsw.Connection, span: Part, descends: bool, limit: int, opening: bytes
) -> Page:
    """Return a page of the recordings in a range of keys."""
    rows_sql, joined_sql = _RANGES[_OF_RECORDINGS, descends]
    if limit <= FEW:
        rows: list[Any] = connection.execute(rows_sql, (*span, limit)).fetchall()
        bodies = (b"," + opening).join([body for _, body in rows])
        found, k = len(rows), rows[-1][0] if rows else 0
    else:
        args = ("," + opening.decode(), *span, limit)
        bodies, found, k = connection.execute(joined_sql, args).get
    return Page((opening, bodies), found, (k & LOCAL_MASK,)) if found else NOTHING


def range_page_of_calls(
    connection: apsw.Connection, span: Part, descends: bool, limit: int, opening: bytes
) -> Page:
    """Return a page of the calls in a range of keys, with or without recording."""
    joined_sql = _RANGES[_OF_CALLS, descends][1]
    args = (",", opening.decode(), *span, *span, limit)
    bodies, found, k = connection.execute(joined_sql, args).get
    return Page((bodies,), found, (k & LOCAL_MASK,)) if found else NOTHING


def joined(bounds: Bounds, order: Order, source: Source, limit: int, offset: int) -> Piece:
    """Return the statement for keys and bodies at once; its first value holds the opening."""
    last, direction = ("min", "DESC") if order.descends else ("max", "ASC")
    keys, args = source.keys(bounds)
    body, recordings = ("r.body, ?", " CROSS JOIN recording r ON r.k = s.k")
    if bounds.unrecorded_too:
        body, recordings = f"{_BODY_OF_CALL}, ','", ""
    sql = (
        f"SELECT CAST(group_concat({body}) AS BLOB), count(*), {last}(s.k) "
        f"FROM ({keys} ORDER BY k {direction} LIMIT ? OFFSET ?) s{recordings}"
    )
    return sql, (*args, limit, offset)


def joined_page(
    connection: apsw.Connection, statement: Piece, opening: bytes, *, is_of_calls: bool
) -> Page:
    """Return the page that a statement of `joined` yields."""
    sql, args = statement
    first = opening.decode() if is_of_calls else "," + opening.decode()
    bodies, found, k = connection.execute(sql, (first, *args)).get
    if not found:
        return NOTHING
    pieces = (bodies,) if is_of_calls else (opening, bodies)
    return Page(pieces, found, (k & LOCAL_MASK,))


def page_of_rows(
    connection: apsw.Connection, rows: list[Row], opening: bytes, *, is_of_calls: bool
) -> Page:
    """Return the page of rows whose keys were read before."""
    if not rows:
        return NOTHING
    keys = "[" + ",".join([str(row[-1]) for row in rows]) + "]"
    body, recordings = "r.body, ?", " CROSS JOIN recording r ON r.k = s.k"
    if is_of_calls:
        body, recordings = f"{_BODY_OF_CALL}, ','", ""
    sql = (
        f"SELECT CAST(group_concat({body}) AS BLOB), count(*), max(s.k) "
        f"FROM (SELECT value AS k FROM json_each(?)) s{recordings}"
    )
    found = joined_page(connection, (sql, (keys,)), opening, is_of_calls=is_of_calls)
    last = rows[-1]
    return Page(found.pieces, found.count, (*last[:-1], last[-1] & LOCAL_MASK))
