"""Changes of recordings; each function runs inside a transaction of the writer."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import apsw

from callreel.catalog import BodyOf, Entry, FactsOf, Kind, NewCall, NewEntry, Outcome, sqlite_calls
from callreel.catalog.bounds import bounds_of, keys_of, narrowing, residual, second_of
from callreel.catalog.deletions import Deletion
from callreel.catalog.outbox import EventKind
from callreel.catalog.sqlite_calls import (
    Place,
    Second,
    kept_key,
    leave,
    remain,
    seconds_of,
    settle,
)
from callreel.catalog.sqlite_deletions import deleted_of, keep
from callreel.catalog.sqlite_outbox import tell
from callreel.catalog.sqlite_tables import (
    BY_TAG,
    FILTER_TABLES,
    Placed,
    count_days,
    delete,
    insert,
)
from callreel.errors import NotFound
from callreel.model import CallFilter, Reach, Span, State

ABSENT: Final = "There is no such recording."
USES_TO_SORT: Final = 20_000
_ENTRY_COLUMNS: Final = (
    "id, state, digest, fingerprint, arrived_at, original_name, source, has_call_record, "
    "coalesce((SELECT body FROM recording r WHERE r.k = d.k), "
    "(SELECT body FROM withdrawn w WHERE w.k = d.k)), k"
)


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """How a recording is withdrawn.

    Attributes:
        state: Its new state.
        read: Reads the facts out of its body.
        remains: Makes the call that it leaves when it is deleted for good, or None where it is not.
    """

    state: State
    read: FactsOf
    remains: BodyOf | None = None


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
    found_id, state, digest, fingerprint, arrived_at, name, source, told, body, k = row
    is_told = None if told is None else bool(told)
    return Entry(
        found_id, body, State(state), digest, fingerprint, arrived_at, name, source, is_told
    ), k


def add(
    connection: apsw.Connection, tenant: int, entries: Sequence[NewEntry], *, deleted_too: bool
) -> list[Outcome]:
    """Add entries (see `Catalog.add`)."""
    outcomes, fresh = _sort_out(connection, tenant, entries, deleted_too=deleted_too)
    if fresh:
        places = _places(connection, tenant, fresh)
        placed = [
            Placed(place.k, tenant, entry.facts) for place, entry in zip(places, fresh, strict=True)
        ]
        _insert_entries(connection, placed, fresh)
        bodies = sorted((place.k, entry.body) for place, entry in zip(placed, fresh, strict=True))
        connection.executemany("INSERT INTO recording VALUES (?, ?)", bodies)
        _list_them(connection, placed)
        settle(connection, tenant, places)
        if deleted_too:
            _bring_back(connection, placed, fresh)
        name_them(connection, tenant, fresh)
        _use_audio(connection, placed, fresh)
        tell(connection, tenant, EventKind.AVAILABLE, [entry.id for entry in fresh])
    return outcomes


def _sort_out(
    connection: apsw.Connection, tenant: int, entries: Sequence[NewEntry], *, deleted_too: bool
) -> tuple[list[Outcome], list[NewEntry]]:
    outcomes, fresh = [], []
    ids = [entry.id for entry in entries]
    there = _kept(connection, tenant, ids)
    gone = frozenset() if deleted_too else deleted_of(connection, tenant, ids)
    seen: dict[str, bytes] = {}
    for entry in entries:
        kept = seen.get(entry.id) or there.get(entry.id)
        if isinstance(kept, bytes):
            same = kept == entry.fingerprint
            outcomes.append(Outcome.SAME if same else Outcome.CONFLICT)
        elif entry.id in gone:
            outcomes.append(Outcome.DELETED)
        else:
            if kept is not None:
                _drop(connection, *kept)
            seen[entry.id] = entry.fingerprint
            fresh.append(entry)
            outcomes.append(Outcome.ADDED)
    return outcomes, fresh


def _kept(
    connection: apsw.Connection, tenant: int, ids: Sequence[str]
) -> dict[str, bytes | tuple[int, bytes]]:
    """Return by its id the fingerprint of what is there, or key and digest where it is deleting."""
    sql = (
        "SELECT id, k, state, digest, fingerprint FROM entry "
        "WHERE tenant = ? AND id IN (SELECT value FROM json_each(?))"
    )
    rows: list[Any] = connection.execute(sql, (tenant, json.dumps(ids))).fetchall()
    return {
        an_id: (k, digest) if state == State.DELETING else fingerprint
        for an_id, k, state, digest, fingerprint in rows
    }


def _bring_back(
    connection: apsw.Connection, placed: Sequence[Placed], entries: Sequence[NewEntry]
) -> None:
    """Forget that new entries were deleted for good, where they were."""
    for place, entry in zip(placed, entries, strict=True):
        sql = "DELETE FROM deletion WHERE tenant = ? AND id = ? RETURNING call"
        gone = connection.execute(sql, (place.tenant, entry.id)).fetchall()
        if gone == [(None,)]:  # it may be one of before deletions knew their calls
            kept = kept_key(connection, place.k, entry.dialog)
            less = "UPDATE unrecorded SET deleted = max(0, deleted - 1) WHERE k = ?"
            connection.execute(less, (kept,))


def _places(connection: apsw.Connection, tenant: int, entries: Sequence[NewEntry]) -> list[Place]:
    """Give each entry a key: the next in its second, or that of its call, where that is listed."""
    wanted = ((entry.facts.started_at, entry.dialog) for entry in entries)
    seconds = seconds_of(connection, tenant, wanted)
    return [seconds[entry.facts.started_at].take(entry.dialog) for entry in entries]


def _insert_entries(
    connection: apsw.Connection, placed: list[Placed], entries: Sequence[NewEntry]
) -> None:
    connection.executemany(
        "INSERT INTO entry VALUES (?, ?, ?, 'available', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
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
                entry.dialog,
                entry.has_call_record,
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
    """Say whether the id of any recording of the tenant begins so (see `Catalog.has_id_like`)."""
    sql = (
        "SELECT EXISTS (SELECT 1 FROM entry WHERE tenant = ?1 AND id BETWEEN ?2 AND ?3) "
        "OR EXISTS (SELECT 1 FROM deletion WHERE tenant = ?1 AND id BETWEEN ?2 AND ?3)"
    )
    return bool(connection.execute(sql, (tenant, beginning, beginning + chr(0x10FFFF))).get)


def without_call_record(connection: apsw.Connection, reach: Reach, started: Span) -> frozenset[str]:
    """Return the ids of recordings made of files alone (see `Catalog.without_call_record`)."""
    bounds = bounds_of(reach, CallFilter(started=started), 0)
    rest = residual(bounds)
    rows: list[Any] = connection.execute(
        "SELECT id FROM entry d WHERE k >= ? AND k < ? AND state = 'available' "
        f"AND has_call_record = 0{rest.where}",
        (bounds.low, bounds.high, *rest.args),
    ).fetchall()
    return frozenset(an_id for (an_id,) in rows)


def note_call_records(
    connection: apsw.Connection, tenant: int, told: Sequence[tuple[str, bytes]]
) -> None:
    """Note of which recordings a call record tells (see `Catalog.note_call_records`)."""
    connection.executemany(
        "UPDATE entry SET has_call_record = 1 "
        "WHERE tenant = ? AND id = ? AND digest = ? AND has_call_record = 0",
        ((tenant, *each) for each in told),
    )


def is_digest_used(connection: apsw.Connection, tenant: int, digest: bytes) -> bool:
    """Say whether audio is needed (see `Catalog.is_digest_used`)."""
    span = keys_of(tenant)
    sql = (
        "SELECT 1 FROM {} u CROSS JOIN entry e ON e.k = u.k "
        "WHERE u.digest = ? AND u.k >= ? AND u.k < ? AND e.state <> 'deleting'"
    )
    tables = ("audio_use", "audio_use_new")
    return any(connection.execute(sql.format(name), (digest, *span)).get for name in tables)


def is_digest_marked(connection: apsw.Connection, tenant: int, digest: bytes) -> bool:
    """Say whether anything of the tenant points to this audio, whatever became of its entry."""
    span = keys_of(tenant)
    sql = "SELECT 1 FROM {} WHERE digest = ? AND k >= ? AND k < ?"
    tables = ("audio_use", "audio_use_new")
    return any(connection.execute(sql.format(name), (digest, *span)).get for name in tables)


def name_them(
    connection: apsw.Connection, tenant: int, entries: Sequence[NewEntry | NewCall]
) -> None:
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


def _list_them(connection: apsw.Connection, placed: Sequence[Placed]) -> None:
    insert(connection, FILTER_TABLES, placed)
    count_days(connection, ((place.tenant, place.k) for place in placed), 1)


def add_calls(connection: apsw.Connection, tenant: int, calls: Sequence[NewCall]) -> list[Outcome]:
    """Add calls without recording (see `Catalog.add_calls`)."""
    outcomes = sqlite_calls.add(connection, tenant, calls)
    if Outcome.ADDED in outcomes:
        name_them(connection, tenant, calls)
    return outcomes


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
    connection.executemany(BY_TAG.delete, ((tag, k) for tag in before - after.tags))
    rows = BY_TAG.rows(Placed(k, reach.tenant, after))
    connection.executemany(BY_TAG.insert, (row for row in rows if row[0] not in before))
    return body


def withdraw(
    connection: apsw.Connection,
    reach: Reach,
    recording_id: str,
    how: Withdrawal,
) -> int:
    """Take a recording out of the lists (see `Catalog.withdraw`), and return its key."""
    entry, k = find(connection, reach, recording_id)
    if entry.state is State.DELETING:
        return k
    connection.execute("UPDATE entry SET state = ? WHERE k = ?", (how.state, k))
    if entry.state is State.AVAILABLE:
        facts = how.read(entry.body)
        delete(connection, FILTER_TABLES, [Placed(k, reach.tenant, facts)])
        count_days(connection, [(reach.tenant, k)], -1)
        connection.execute("INSERT INTO withdrawn VALUES (?, ?)", (k, entry.body))
        connection.execute("DELETE FROM recording WHERE k = ?", (k,))
        leave(connection, k)
    if (left := _left(connection, k, entry, how)) is not None:
        remain(connection, k, left)
    if how.state is State.DELETING:
        tell(connection, reach.tenant, EventKind.DELETED, [recording_id])
    return k


def delete_for_good(
    connection: apsw.Connection, reach: Reach, recording_id: str, how: Withdrawal, at: int
) -> None:
    """Take a recording out of the lists for good (see `Catalog.delete`)."""
    k = withdraw(connection, reach, recording_id, how)
    call = kept_key(connection, k, _dialog(connection, k))
    keep(connection, Deletion(reach.tenant, recording_id, at), call)


def _dialog(connection: apsw.Connection, k: int) -> str:
    return str(connection.execute("SELECT dialog FROM entry WHERE k = ?", (k,)).get)


def _left(connection: apsw.Connection, k: int, entry: Entry, how: Withdrawal) -> NewCall | None:
    """Return the call that a recording leaves behind, or None where none is or can be left."""
    body = how.remains(entry.body) if how.remains and entry.body else None
    if body is None:
        return None
    facts = how.read(entry.body)
    if facts.started_at != second_of(k):
        return None  # the body is damaged
    sql = "SELECT dialog, import_run FROM entry WHERE k = ?"
    dialog, run = connection.execute(sql, (k,)).get
    return NewCall(
        dialog=dialog,
        body=body,
        facts=facts,
        arrived_at=entry.arrived_at,
        source=entry.source,
        import_run=run,
    )


def restore(connection: apsw.Connection, reach: Reach, recording_id: str, read: FactsOf) -> None:
    """Make a withdrawn recording available again (see `Catalog.restore`)."""
    entry, k = find(connection, reach, recording_id)
    if entry.state in {State.AVAILABLE, State.DELETING}:
        raise NotFound(ABSENT)
    dialog = _dialog(connection, k)
    place = Second.of(connection, k, [dialog]).place(k, dialog)
    connection.execute("UPDATE entry SET state = 'available' WHERE k = ?", (k,))
    connection.execute("INSERT INTO recording VALUES (?, ?)", (k, entry.body))
    connection.execute("DELETE FROM withdrawn WHERE k = ?", (k,))
    _list_them(connection, [Placed(k, reach.tenant, read(entry.body))])
    settle(connection, reach.tenant, [place])


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
