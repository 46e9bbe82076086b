"""Whether the tables agree with the bodies, looked at in windows of a few hundred rows.

Each window is read in a transaction of its own: all of it is of one moment, and the log of the
database can begin anew between two of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import apsw

from callreel.catalog import NewEntry
from callreel.catalog.audit import (
    OF_THE_AUDIO,
    Deleting,
    Kept,
    Reading,
    ToldCall,
    WrongDay,
)
from callreel.catalog.bounds import first_key, keys_of, second_of, tenant_of
from callreel.catalog.migrate import lacking
from callreel.catalog.sqlite_calls import leave
from callreel.catalog.sqlite_days import DAY_WIDTH, day_of
from callreel.catalog.sqlite_deletions import is_deleted
from callreel.catalog.sqlite_tables import (
    FILTER_TABLES,
    Placed,
    make_again,
    wrong_tables,
)
from callreel.catalog.sqlite_write import is_digest_marked
from callreel.errors import Unavailable
from callreel.model import State

WINDOW: Final = 400
_DAYS_AT_ONCE: Final = 100
_NEWEST_FIRST: Final = ("recording", "unrecorded", "entry", "facts")
_KEPT: Final = """
SELECT w.k, e.tenant, e.id, e.state, e.project, e.user, e.dialog, e.digest, e.fingerprint,
    r.body, x.body, EXISTS (SELECT 1 FROM touched t WHERE t.k = w.k),
    EXISTS (SELECT 1 FROM audio_use u WHERE u.digest = e.digest AND u.k = w.k)
        OR EXISTS (SELECT 1 FROM audio_use_new n WHERE n.k = w.k AND n.digest = e.digest),
    coalesce((SELECT longest_call FROM tenant WHERE number = w.k >> 48), 0)
FROM (
    SELECT k FROM entry WHERE k > ?1 UNION SELECT k FROM recording WHERE k > ?1
    UNION SELECT k FROM withdrawn WHERE k > ?1 ORDER BY 1 LIMIT ?2
) w
LEFT JOIN entry e ON e.k = w.k
LEFT JOIN recording r ON r.k = w.k
LEFT JOIN withdrawn x ON x.k = w.k
ORDER BY w.k
"""


def damages(connection: apsw.Connection) -> list[str]:
    """Return what SQLite itself finds wrong, a table at a time, so that no reading lasts long.

    Raises:
        Unavailable: something of the schema is missing, so that the rest cannot be asked.
    """
    try:
        lacks = lacking(connection)
        if lacks:
            raise Unavailable(f"The database lacks {', '.join(lacks)}; restore it from a backup.")
        found = [text for name in _tables(connection) for text in _damages_of(connection, name)]
    except (apsw.CorruptError, apsw.NotADBError) as error:
        return [str(error)]
    return found


def _tables(connection: apsw.Connection) -> list[str]:
    listed = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name"
    return [str(name) for (name,) in connection.execute(listed).fetchall()]


def _damages_of(connection: apsw.Connection, name: str) -> Iterator[str]:
    for (text,) in connection.execute(f'PRAGMA integrity_check("{name}")').fetchall():
        if text != "ok":
            yield f"{name}: {text}"
    for table, _, parent, _ in connection.execute(f'PRAGMA foreign_key_check("{name}")').fetchall():
        if parent != "unrecorded":  # what points there is told as surplus, and mended
            yield f"{table}: a row names a {parent} that there is not"


def require_readable(connection: apsw.Connection) -> None:
    """Read the first row of every table and the newest of what lists show; fail as that fails.

    It takes about a millisecond. What is damaged between is for `damages` to find.

    Raises:
        Unavailable: a part of the schema is missing.
    """
    if lacking(connection):
        raise Unavailable("A part of the catalog is missing; tell the operator.", retry_after=5)
    for name in _tables(connection):
        connection.execute(f'SELECT * FROM "{name}" LIMIT 1').fetchall()
    for name in _NEWEST_FIRST:
        connection.execute(f"SELECT * FROM {name} ORDER BY k DESC LIMIT 1").fetchall()


def entries(connection: apsw.Connection) -> int:
    """Count the entries (see `Audit.entries`)."""
    return int(connection.execute("SELECT count(*) FROM entry").get)


def kept(connection: apsw.Connection, after: int, read: Reading, limit: int = WINDOW) -> list[Kept]:
    """Return what is kept after a place (see `Audit.kept`)."""
    rows = connection.execute(_KEPT, (after, limit)).fetchall()
    return [_kept(connection, row, read) for row in rows]


def _kept(connection: apsw.Connection, row: tuple[Any, ...], read: Reading) -> Kept:
    k, tenant, an_id, state, project, user, dialog, digest, *more = row
    fingerprint, listed, withdrawn, is_touched, is_used, longest = more
    body = withdrawn if listed is None else listed
    told = None if body is None else read(body)
    wrong = []
    if an_id is not None and not is_used:
        wrong.append(OF_THE_AUDIO)
    if told is not None and an_id is not None:
        held = (tenant, project, user, dialog)
        if held != (tenant_of(k), *_of_the_entry(told)):
            wrong.append("entry")
    if told is not None and listed is not None:
        facts = told.facts
        wrong += wrong_tables(connection, FILTER_TABLES, Placed(k, tenant_of(k), facts))
        if facts.hung_up_at - facts.started_at > longest:
            wrong.append("longest_call")
    return Kept(
        place=k,
        tenant=tenant_of(k),
        second=second_of(k),
        id=an_id,
        state=None if state is None else State(state),
        digest=digest,
        fingerprint=fingerprint,
        listed=listed,
        withdrawn=withdrawn,
        is_touched=bool(is_touched),
        wrong_rows=tuple(wrong),
    )


def _of_the_entry(told: ToldCall) -> tuple[int | None, int | None, str]:
    """Return what of a body stands in its entry, too."""
    return told.facts.project_id, told.facts.user_id, told.dialog


def wrong_days(
    connection: apsw.Connection, after: tuple[int, int]
) -> tuple[list[WrongDay], tuple[int, int] | None]:
    """Return the wrong ones of the next days, and where to go on, or None at the end."""
    found: list[WrongDay] = []
    day = after
    for _ in range(_DAYS_AT_ONCE):
        following = _following(connection, *day)
        if following is None:
            return found, None
        day = following
        if _said(connection, *day) is not True:
            found.append(WrongDay(*day))
    return found, day


def _following(connection: apsw.Connection, tenant: int, day: int) -> tuple[int, int] | None:
    sql = "SELECT tenant, day FROM day_count WHERE (tenant, day) > (?, ?) ORDER BY 1, 2 LIMIT 1"
    counted = connection.execute(sql, (tenant, day)).fetchone()
    start = first_key(tenant) + (day + 1) * DAY_WIDTH
    sql = (
        "SELECT min(k) FROM (SELECT min(k) AS k FROM facts WHERE k >= ?1 "
        "UNION ALL SELECT min(k) FROM unrecorded_facts WHERE k >= ?1)"
    )
    k = connection.execute(sql, (start,)).get
    called = None if k is None else (tenant_of(k), day_of(tenant_of(k), k))
    return min((each for each in (counted, called) if each is not None), default=None)


def _said(connection: apsw.Connection, tenant: int, day: int) -> bool:
    sql = (
        "SELECT ((SELECT count(*) FROM facts WHERE k >= ?1 AND k < ?2), "
        "(SELECT count(*) FROM call_facts WHERE k >= ?1 AND k < ?2)) = "
        "(coalesce(max(n), 0), coalesce(max(n + extra), 0)) "
        "FROM day_count WHERE tenant = ?3 AND day = ?4"
    )
    return bool(connection.execute(sql, (*_keys_of(tenant, day), tenant, day)).get)


def _keys_of(tenant: int, day: int) -> tuple[int, int]:
    low = first_key(tenant) + day * DAY_WIDTH
    return low, min(low + DAY_WIDTH, first_key(tenant + 1))


def with_audio(connection: apsw.Connection, tenant: int, digest: bytes) -> list[str]:
    """Return the ids of who has this audio (see `Audit.with_audio`)."""
    span = keys_of(tenant)
    sql = (
        "SELECT e.id FROM {} u CROSS JOIN entry e ON e.k = u.k WHERE u.digest = ? AND u.k >= ? "
        "AND u.k < ?"
    )
    uses = ("audio_use", "audio_use_new")
    found = [connection.execute(sql.format(name), (digest, *span)).fetchall() for name in uses]
    return sorted(str(each) for rows in found for (each,) in rows)


def marked_among(
    connection: apsw.Connection, tenant: int, digests: Sequence[bytes]
) -> frozenset[bytes]:
    """Return the digests that are used by the marks (see `Audit.marked_among`)."""
    return frozenset(each for each in digests if is_digest_marked(connection, tenant, each))


def used_among(
    connection: apsw.Connection, tenant: int, digests: Sequence[bytes]
) -> frozenset[bytes]:
    """Return the digests that are used (see `Audit.used_among`)."""
    marked = set(marked_among(connection, tenant, digests))
    doubtful = [each for each in digests if each not in marked]
    if doubtful:  # of which there are few: look at every entry, lest the marks are damaged
        places = ", ".join("?" * len(doubtful))
        sql = f"SELECT digest FROM entry WHERE tenant = ? AND digest IN ({places})"
        marked |= {bytes(each) for (each,) in connection.execute(sql, (tenant, *doubtful))}
    return frozenset(marked)


def deleting(connection: apsw.Connection) -> list[Deleting]:
    """Return what is being deleted (see `Audit.deleting`)."""
    sql = "SELECT tenant, id, digest FROM entry WHERE state = 'deleting'"
    rows: list[Any] = connection.execute(sql).fetchall()
    return [Deleting(*row) for row in rows]


def knows_its_audio(connection: apsw.Connection) -> bool:
    """Say whether all audio is known (see `Audit.knows_its_audio`)."""
    used = (
        "EXISTS (SELECT 1 FROM audio_use u WHERE u.digest = e.digest AND u.k = e.k) OR "
        "EXISTS (SELECT 1 FROM audio_use_new n WHERE n.k = e.k AND n.digest = e.digest)"
    )
    has_entry = "EXISTS (SELECT 1 FROM entry e WHERE e.k = r.k)"
    lost = (
        f"SELECT 1 FROM entry e WHERE NOT ({used}) LIMIT 1",
        f"SELECT 1 FROM recording r WHERE NOT {has_entry} LIMIT 1",
        f"SELECT 1 FROM withdrawn r WHERE NOT {has_entry} LIMIT 1",
    )
    return all(connection.execute(sql).get is None for sql in lost)


def mend_rows(connection: apsw.Connection, place: int, read: Reading) -> None:
    """Make the rows of a recording again (see `Audit.mend_rows`)."""
    found = kept(connection, place - 1, read, 1)
    if not found or found[0].place != place:
        return
    each = found[0]
    if each.digest is not None and OF_THE_AUDIO in each.wrong_rows:
        connection.execute("INSERT OR IGNORE INTO audio_use VALUES (?, ?)", (each.digest, place))
    told = None if each.body is None else read(each.body)
    if told is not None:
        _mend_entry(connection, place, told)
    if told is not None and each.listed is not None:
        make_again(connection, FILTER_TABLES, Placed(place, each.tenant, told.facts))


def _mend_entry(connection: apsw.Connection, place: int, told: ToldCall) -> None:
    connection.execute(
        "UPDATE entry SET tenant = ?, project = ?, user = ?, dialog = ? WHERE k = ?",
        (tenant_of(place), *_of_the_entry(told), place),
    )


def mend_day(connection: apsw.Connection, wrong: WrongDay) -> None:
    """Count the calls of a day again (see `Audit.mend_day`)."""
    connection.execute(
        "INSERT INTO day_count (tenant, day, n, extra) SELECT ?3, ?4, n, calls - n FROM ("
        "SELECT (SELECT count(*) FROM facts WHERE k >= ?1 AND k < ?2) AS n, "
        "(SELECT count(*) FROM call_facts WHERE k >= ?1 AND k < ?2) AS calls) WHERE true "
        "ON CONFLICT DO UPDATE SET n = excluded.n, extra = excluded.extra",
        (*_keys_of(wrong.tenant, wrong.day), wrong.tenant, wrong.day),
    )


def set_aside(connection: apsw.Connection, place: int, state: State) -> None:
    """Take a recording out of every list (see `Audit.set_aside`)."""
    connection.execute(
        "UPDATE entry SET state = ? WHERE k = ? AND state = 'available'", (state, place)
    )
    was_available = connection.changes() > 0
    connection.execute(
        "INSERT OR IGNORE INTO withdrawn SELECT k, body FROM recording WHERE k = ?", (place,)
    )
    connection.execute("DELETE FROM recording WHERE k = ?", (place,))
    if was_available or connection.changes():  # else its call is listed by another already
        leave(connection, place)


def adopt(connection: apsw.Connection, place: int, entry: NewEntry) -> None:
    """Make the entry of a body again (see `Audit.adopt`)."""
    sql = "SELECT EXISTS (SELECT 1 FROM recording WHERE k = ?)"
    state = State.AVAILABLE if connection.execute(sql, (place,)).get else State.SUSPECT
    if state is State.SUSPECT and is_deleted(connection, tenant_of(place), entry.id):
        state = State.DELETING
    connection.execute(
        "INSERT OR IGNORE INTO entry (k, tenant, id, state, project, user, digest, fingerprint, "
        "arrived_at, source, dialog) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            place,
            tenant_of(place),
            entry.id,
            state,
            entry.facts.project_id,
            entry.facts.user_id,
            entry.digest,
            entry.fingerprint,
            entry.arrived_at,
            entry.source,
            entry.dialog,
        ),
    )
    if connection.changes():
        use = "INSERT OR IGNORE INTO audio_use VALUES (?, ?)"
        connection.execute(use, (entry.digest, place))
