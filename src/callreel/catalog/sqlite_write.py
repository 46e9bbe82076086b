"""Changes of recordings; each function runs inside a transaction of the writer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import apsw

from callreel.catalog import Entry, FactsOf, Kind, NewEntry, Outcome
from callreel.catalog.bounds import ARRIVAL_BITS, first_key, narrowing
from callreel.catalog.outbox import EventKind
from callreel.catalog.sqlite_days import day_of
from callreel.catalog.sqlite_outbox import tell
from callreel.errors import BadRecording, NotFound
from callreel.model import Facts, Reach, State

ABSENT: Final = "There is no such recording."
USES_TO_SORT: Final = 20_000
_LAST_ARRIVAL: Final = (1 << ARRIVAL_BITS) - 1
_ENTRY_COLUMNS: Final = (
    "id, state, digest, fingerprint, arrived_at, original_name, source, "
    "coalesce((SELECT body FROM recording r WHERE r.k = d.k), "
    "(SELECT body FROM withdrawn w WHERE w.k = d.k)), k"
)


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
        rows: The rows of one recording.
    """

    name: str
    key: tuple[str, ...]
    rows: Callable[[Placed], list[tuple[Any, ...]]]
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


def _project_rows(place: Placed) -> list[tuple[Any, ...]]:
    talking, hangup, project, user = _carried(place)
    return [] if project is None else [(project, place.k, talking, hangup, user)]


def _user_rows(place: Placed) -> list[tuple[Any, ...]]:
    talking, hangup, project, user = _carried(place)
    return [] if user is None else [(user, place.k, talking, hangup, project)]


def _number_rows(place: Placed) -> list[tuple[Any, ...]]:
    carried = _carried(place)
    return [(place.tenant, number, place.k, *carried) for number in place.facts.numbers]


def _tag_rows(place: Placed) -> list[tuple[Any, ...]]:
    return [(tag, place.k, *_carried(place)) for tag in place.facts.tags]


def _talking_rows(place: Placed) -> list[tuple[Any, ...]]:
    talking, hangup, project, user = _carried(place)
    return [(place.tenant, talking, place.k, hangup, project, user)]


def _hangup_rows(place: Placed) -> list[tuple[Any, ...]]:
    talking, hangup, project, user = _carried(place)
    return [(place.tenant, hangup, place.k, talking, project, user)]


_BY_TAG: Final = FilterTable("by_tag", ("tag", "k"), _tag_rows, 6)
FILTER_TABLES: Final = (
    FilterTable("facts", ("k",), lambda place: [(place.k, *_carried(place))], 5),
    FilterTable("by_project", ("project", "k"), _project_rows, 5),
    FilterTable("by_user", ("user", "k"), _user_rows, 5),
    FilterTable("by_number", ("tenant", "number", "k"), _number_rows, 7),
    FilterTable("by_talking", ("tenant", "talking", "k"), _talking_rows, 6),
    FilterTable("by_hangup", ("tenant", "hangup", "k"), _hangup_rows, 6),
    _BY_TAG,
)


def find(connection: apsw.Connection, reach: Reach, recording_id: str) -> tuple[Entry, int]:
    """Return an entry within reach and its key.

    Raises:
        NotFound: there is none.
    """
    narrow = narrowing(reach)
    row = connection.execute(
        f"SELECT {_ENTRY_COLUMNS} FROM entry d WHERE d.tenant = ? AND d.id = ?{narrow.where}",
        (reach.tenant, recording_id, *narrow.args),
    ).fetchone()
    if row is None:
        raise NotFound(ABSENT)
    found_id, state, digest, fingerprint, arrived_at, name, source, body, k = row
    entry = Entry(found_id, body, State(state), digest, fingerprint, arrived_at, name, source)
    return entry, k


def add(connection: apsw.Connection, tenant: int, entries: Sequence[NewEntry]) -> list[Outcome]:
    """Add entries (see `Catalog.add`)."""
    outcomes, fresh = _sort_out(connection, tenant, entries)
    if fresh:
        placed = _places(connection, tenant, fresh)
        _insert_entries(connection, placed, fresh)
        bodies = sorted((place.k, entry.body) for place, entry in zip(placed, fresh, strict=True))
        connection.executemany("INSERT INTO recording VALUES (?, ?)", bodies)
        list_them(connection, placed)
        _name_them(connection, tenant, fresh)
        _use_audio(connection, placed, fresh)
        tell(connection, tenant, EventKind.AVAILABLE, [entry.id for entry in fresh])
    return outcomes


def _sort_out(
    connection: apsw.Connection, tenant: int, entries: Sequence[NewEntry]
) -> tuple[list[Outcome], list[NewEntry]]:
    outcomes, fresh = [], []
    seen: dict[str, bytes] = {}
    for entry in entries:
        kept = seen.get(entry.id) or _kept_fingerprint(connection, tenant, entry.id)
        if kept is None:
            seen[entry.id] = entry.fingerprint
            fresh.append(entry)
            outcomes.append(Outcome.ADDED)
        else:
            same = kept == entry.fingerprint
            outcomes.append(Outcome.SAME if same else Outcome.CONFLICT)
    return outcomes, fresh


def _kept_fingerprint(connection: apsw.Connection, tenant: int, recording_id: str) -> bytes | None:
    """Return the fingerprint of what has an id, after ending a deletion that was cut short."""
    sql = "SELECT k, state, digest, fingerprint FROM entry WHERE tenant = ? AND id = ?"
    row = connection.execute(sql, (tenant, recording_id)).fetchone()
    if row is None:
        return None
    k, state, digest, fingerprint = row
    if state == State.DELETING:
        _drop(connection, k, digest)
        return None
    return bytes(fingerprint)


def _places(connection: apsw.Connection, tenant: int, entries: Sequence[NewEntry]) -> list[Placed]:
    """Give each entry the next key in its second."""
    last: dict[int, int] = {}
    sql = "SELECT max(k) FROM entry WHERE k >= ? AND k <= ?"
    placed = []
    for entry in entries:
        first = first_key(tenant, entry.facts.started_at)
        if first not in last:
            taken = connection.execute(sql, (first, first + _LAST_ARRIVAL)).get
            last[first] = first - 1 if taken is None else taken
        last[first] += 1
        if last[first] > first + _LAST_ARRIVAL:
            raise BadRecording("Too many calls of this tenant start in one second (65,536).")
        placed.append(Placed(last[first], tenant, entry.facts))
    return placed


def _insert_entries(
    connection: apsw.Connection, placed: list[Placed], entries: Sequence[NewEntry]
) -> None:
    connection.executemany(
        "INSERT INTO entry VALUES (?, ?, ?, 'available', ?, ?, ?, ?, ?, ?, ?, ?)",
        sorted(
            (
                place.k,
                place.tenant,
                entry.id,
                entry.facts.project_id,
                entry.facts.user_id,
                entry.digest,
                entry.fingerprint,
                entry.arrived_at,
                entry.original_name,
                entry.source,
                entry.import_run,
            )
            for place, entry in zip(placed, entries, strict=True)
        ),
    )


def _use_audio(
    connection: apsw.Connection, placed: list[Placed], entries: Sequence[NewEntry]
) -> None:
    """Note which recordings have which audio, and sort the notes in when there are many."""
    uses = ((place.k, entry.digest) for place, entry in zip(placed, entries, strict=True))
    connection.executemany("INSERT INTO audio_use_new VALUES (?, ?)", sorted(uses))
    if connection.execute("SELECT count(*) FROM audio_use_new").get >= USES_TO_SORT:
        connection.execute(
            "INSERT INTO audio_use SELECT digest, k FROM audio_use_new ORDER BY digest, k"
        )
        connection.execute("DELETE FROM audio_use_new")


def has_id_like(connection: apsw.Connection, tenant: int, beginning: str) -> bool:
    """Say whether the id of any recording of the tenant begins so."""
    sql = "SELECT EXISTS (SELECT 1 FROM entry WHERE tenant = ? AND id BETWEEN ? AND ?)"
    return bool(connection.execute(sql, (tenant, beginning, beginning + chr(0x10FFFF))).get)


def is_digest_used(connection: apsw.Connection, tenant: int, digest: bytes) -> bool:
    """Say whether audio is needed (see `Catalog.is_digest_used`)."""
    span = (first_key(tenant), first_key(tenant + 1))
    sql = (
        "SELECT 1 FROM {} u CROSS JOIN entry e ON e.k = u.k "
        "WHERE u.digest = ? AND u.k >= ? AND u.k < ? AND e.state <> 'deleting'"
    )
    tables = ("audio_use", "audio_use_new")
    return any(connection.execute(sql.format(name), (digest, *span)).get for name in tables)


def is_digest_marked(connection: apsw.Connection, tenant: int, digest: bytes) -> bool:
    """Say whether anything of the tenant points to this audio, whatever became of its entry."""
    span = (first_key(tenant), first_key(tenant + 1))
    sql = "SELECT 1 FROM {} WHERE digest = ? AND k >= ? AND k < ?"
    tables = ("audio_use", "audio_use_new")
    return any(connection.execute(sql.format(name), (digest, *span)).get for name in tables)


def _name_them(connection: apsw.Connection, tenant: int, entries: Sequence[NewEntry]) -> None:
    """Keep the newest name of each project and user, and make tags known that were not."""
    names: dict[tuple[str, int], str | None] = {}
    for entry in entries:
        for kind, named in ((Kind.PROJECT, entry.project), (Kind.USER, entry.user)):
            if named is not None:
                key = kind.value, named.id
                names[key] = names.get(key) if named.name is None else named.name
    connection.executemany(
        "INSERT INTO named VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET name = excluded.name "
        "WHERE excluded.name IS NOT NULL AND excluded.name IS NOT name",
        ((tenant, kind, an_id, name) for (kind, an_id), name in names.items()),
    )
    tags = {tag for entry in entries for tag in entry.facts.tags}
    connection.executemany(
        "INSERT OR IGNORE INTO named VALUES (?, 'custom_tag', ?, NULL)",
        ((tenant, tag) for tag in tags),
    )


def list_them(connection: apsw.Connection, placed: Sequence[Placed]) -> None:
    """Put recordings into every filter table; rows go in in the order in which they will lie."""
    for table in FILTER_TABLES:
        rows = sorted(row for place in placed for row in table.rows(place))
        connection.executemany(table.insert, rows)
    _count_days(connection, placed, 1)
    longest = max(place.facts.hung_up_at - place.facts.started_at for place in placed)
    connection.execute(
        "UPDATE tenant SET longest_call = ? WHERE number = ? AND longest_call < ?",
        (longest, placed[0].tenant, longest),
    )


def unlist(connection: apsw.Connection, place: Placed) -> None:
    """Take a recording out of every filter table."""
    for table in FILTER_TABLES:
        keys = [row[: len(table.key)] for row in table.rows(place)]
        connection.executemany(table.delete, keys)
    _count_days(connection, [place], -1)


def _count_days(connection: apsw.Connection, placed: Sequence[Placed], sign: int) -> None:
    days = Counter((place.tenant, day_of(place.tenant, place.k)) for place in placed)
    connection.executemany(
        "INSERT INTO day_count VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET n = n + excluded.n",
        ((tenant, day, sign * n) for (tenant, day), n in days.items()),
    )


def rewrite(
    connection: apsw.Connection,
    reach: Reach,
    recording_id: str,
    change: Callable[[bytes], bytes],
    read: FactsOf,
) -> bytes:
    """Change a body and its tags (see `Catalog.rewrite`)."""
    entry, k = find(connection, reach, recording_id)
    if entry.state is not State.AVAILABLE:
        raise NotFound(ABSENT)
    body = change(entry.body)
    before, after = read(entry.body).tags, read(body)
    connection.execute("UPDATE recording SET body = ? WHERE k = ?", (body, k))
    connection.execute("INSERT OR IGNORE INTO touched VALUES (?, unixepoch())", (k,))
    connection.executemany(_BY_TAG.delete, ((tag, k) for tag in before - after.tags))
    rows = _BY_TAG.rows(Placed(k, reach.tenant, after))
    connection.executemany(_BY_TAG.insert, (row for row in rows if row[0] not in before))
    return body


def withdraw(
    connection: apsw.Connection, reach: Reach, recording_id: str, state: State, read: FactsOf
) -> None:
    """Take a recording out of the lists (see `Catalog.withdraw`)."""
    entry, k = find(connection, reach, recording_id)
    connection.execute("UPDATE entry SET state = ? WHERE k = ?", (state, k))
    if entry.state is State.AVAILABLE:
        unlist(connection, Placed(k, reach.tenant, read(entry.body)))
        connection.execute("INSERT INTO withdrawn VALUES (?, ?)", (k, entry.body))
        connection.execute("DELETE FROM recording WHERE k = ?", (k,))
    if state is State.DELETING and entry.state is not State.DELETING:
        tell(connection, reach.tenant, EventKind.DELETED, [recording_id])


def restore(connection: apsw.Connection, reach: Reach, recording_id: str, read: FactsOf) -> None:
    """Make a withdrawn recording available again (see `Catalog.restore`)."""
    entry, k = find(connection, reach, recording_id)
    if entry.state is State.AVAILABLE:
        raise NotFound(ABSENT)
    connection.execute("UPDATE entry SET state = 'available' WHERE k = ?", (k,))
    connection.execute("INSERT INTO recording VALUES (?, ?)", (k, entry.body))
    connection.execute("DELETE FROM withdrawn WHERE k = ?", (k,))
    list_them(connection, [Placed(k, reach.tenant, read(entry.body))])


def forget(connection: apsw.Connection, reach: Reach, recording_id: str) -> None:
    """Drop a withdrawn recording (see `Catalog.forget`)."""
    try:
        entry, k = find(connection, reach, recording_id)
    except NotFound:
        return
    if entry.state is not State.AVAILABLE:
        _drop(connection, k, entry.digest)


def _drop(connection: apsw.Connection, k: int, digest: bytes) -> None:
    """Drop what is left of a withdrawn recording."""
    connection.execute("DELETE FROM withdrawn WHERE k = ?", (k,))
    connection.execute("DELETE FROM entry WHERE k = ?", (k,))
    connection.execute("DELETE FROM touched WHERE k = ?", (k,))
    connection.execute("DELETE FROM audio_use_new WHERE k = ?", (k,))
    connection.execute("DELETE FROM audio_use WHERE digest = ? AND k = ?", (digest, k))
