"""Calls without recording, and which recordings are of one call.

A call is the dialog of an id that starts in a second. It is listed by its first available
recording; the others are in `further`. Where it has none, it is listed by its row of
`unrecorded`, which is kept, unlisted, while there is a recording. All functions run inside a
transaction of the writer.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import apsw

from callreel.catalog import NewCall, Outcome
from callreel.catalog.bounds import ARRIVAL_BITS, first_key, second_of, tenant_of
from callreel.catalog.sqlite_tables import UNRECORDED_TABLES, Placed, count_extra, delete, insert
from callreel.errors import BadRecording
from callreel.model import EARLIEST_START, LATEST_START, DialogType, Direction, Facts

_LAST_ARRIVAL: Final = (1 << ARRIVAL_BITS) - 1
_RECORDED: Final = """
    SELECT dialog, min(k) FROM entry WHERE k BETWEEN ?1 AND ?2 AND state = 'available'
    AND dialog IN (SELECT value FROM json_each(?3)) GROUP BY dialog"""
_UNRECORDED: Final = """
    SELECT dialog, k, is_listed, EXISTS (SELECT 1 FROM entry e WHERE e.k = u.k) FROM unrecorded u
    WHERE k BETWEEN ?1 AND ?2 AND dialog IN (SELECT value FROM json_each(?3))"""
_LASTS: Final = """
    SELECT value, max(
        coalesce((SELECT max(k) FROM entry WHERE k BETWEEN value AND value + ?2), value - 1),
        coalesce((SELECT max(k) FROM unrecorded WHERE k BETWEEN value AND value + ?2), value - 1)
    ) FROM json_each(?1)"""
_COLUMNS: Final = "k, is_listed, body, dialog, facts, arrived_at, source, import_run"


@dataclass(slots=True)
class Place:
    """Where a recording goes, and what that changes in the list of calls.

    Attributes:
        is_further: Whether the call is listed by another recording.
        replaced: The key of the call without recording that it is listed in place of, or None.
    """

    k: int
    is_further: bool = False
    replaced: int | None = None


@dataclass(slots=True)
class Second:
    """What a tenant has of some calls that start in one second.

    There may be very many in a second, such as where a source tells no more than the day, so
    only those of the dialogs that are asked for are looked up.

    Attributes:
        last: The highest key that is taken.
        end: The highest key that there may be.
        recorded: The ids of dialogs that have an available recording, each with the first's key.
        unrecorded: The keys of calls that came without recording, by the ids of their dialogs.
        listed: The keys of those of them that are listed.
        entries: The keys of those of them that a recording has, whatever its state.
    """

    last: int
    end: int
    recorded: dict[str, int]
    unrecorded: dict[str, int]
    listed: set[int]
    entries: set[int]

    @classmethod
    def of(cls, connection: apsw.Connection, k: int, dialogs: Iterable[str]) -> Self:
        """Look up some dialogs in the second of a key."""
        first = _first_of(k)
        return cls.among(connection, first, dialogs, _lasts(connection, [first])[first])

    @classmethod
    def among(
        cls, connection: apsw.Connection, first: int, dialogs: Iterable[str], last: int
    ) -> Self:
        """Look up some dialogs in a second, given by its first key and the highest one taken.

        Most seconds of which a new call is told hold none yet, so nothing is looked up there.
        """
        end = first + _LAST_ARRIVAL
        recorded: list[Any] = []
        silent: list[Any] = []
        if last >= first:
            wanted = json.dumps([dialog for dialog in dialogs if dialog])
            recorded = connection.execute(_RECORDED, (first, end, wanted)).fetchall()
            silent = connection.execute(_UNRECORDED, (first, end, wanted)).fetchall()
        return cls(
            last=last,
            end=end,
            recorded=dict(recorded),
            unrecorded={dialog: place for dialog, place, _, _ in silent},
            listed={place for _, place, is_listed, _ in silent if is_listed},
            entries={place for _, place, _, is_entry in silent if is_entry},
        )

    def next(self) -> int:
        """Return the next key.

        Raises:
            BadRecording: there is none left.
        """
        if self.last == self.end:
            raise BadRecording("Too many calls of this tenant start in one second (65,536).")
        self.last += 1
        return self.last

    def take(self, dialog: str) -> Place:
        """Return the place of a new recording; that of its call, where it is listed without.

        Raises:
            BadRecording: there is none left.
        """
        waiting = self._waiting(dialog)
        if waiting is None or waiting in self.entries:
            return self.place(self.next(), dialog)
        return self.place(waiting, dialog)

    def place(self, k: int, dialog: str) -> Place:
        """Note that a recording is available under a key."""
        self.entries.add(k)
        if not dialog:
            return Place(k)
        if dialog in self.recorded:
            return Place(k, is_further=True)
        replaced = self._waiting(dialog)
        self.recorded[dialog] = k
        self.listed.discard(replaced or 0)
        return Place(k, replaced=replaced)

    def _waiting(self, dialog: str) -> int | None:
        k = self.unrecorded.get(dialog)
        return k if k in self.listed else None


def seconds_of(
    connection: apsw.Connection, tenant: int, calls: Iterable[tuple[int, str]]
) -> dict[int, Second]:
    """Look up the seconds of some calls, each given by its start and the id of its dialog."""
    dialogs: defaultdict[int, set[str]] = defaultdict(set)
    for started_at, dialog in calls:
        dialogs[started_at].add(dialog)
    firsts = {started_at: first_key(tenant, started_at) for started_at in dialogs}
    lasts = _lasts(connection, list(firsts.values()))
    return {
        started_at: Second.among(connection, first, dialogs[started_at], lasts[first])
        for started_at, first in firsts.items()
    }


def _first_of(k: int) -> int:
    """Return the first key of the second of a key."""
    return k >> ARRIVAL_BITS << ARRIVAL_BITS


def _lasts(connection: apsw.Connection, firsts: Sequence[int]) -> dict[int, int]:
    """Return the highest key taken in each second, by its first; one below that where none is."""
    found: list[Any] = connection.execute(_LASTS, (json.dumps(firsts), _LAST_ARRIVAL)).fetchall()
    return dict(found)


def settle(connection: apsw.Connection, tenant: int, places: Sequence[Place]) -> None:
    """Change the list of calls as new recordings demand."""
    further = [place.k for place in places if place.is_further]
    if further:
        _mark_further(connection, tenant, further)
    replaced = [place.replaced for place in places if place.replaced is not None]
    for k in replaced:
        _show(connection, k, is_listed=False)


def leave(connection: apsw.Connection, k: int) -> None:
    """Change the list of calls after a recording that was available stopped to be so.

    Its call is listed by another recording then, or by what is kept of it without one.
    """
    tenant = tenant_of(k)
    dialog = connection.execute("SELECT dialog FROM entry WHERE k = ?", (k,)).get
    second = Second.of(connection, k, [dialog])
    heir, kept = second.recorded.get(dialog), second.unrecorded.get(dialog)
    lister = k if _is_further(connection, k) else heir
    if lister is not None:
        connection.execute("DELETE FROM further WHERE k = ?", (lister,))
        if connection.changes():  # else it lists the call already
            count_extra(connection, [(tenant, lister)], 1)
    elif kept is not None:
        _show(connection, kept, is_listed=True)


def remain(connection: apsw.Connection, k: int, left: NewCall) -> None:
    """Keep the call that a recording left, unless it is kept without recording already.

    Where another recording lists it, it is kept unlisted, so that it is known that it had more.
    """
    second = Second.of(connection, k, [left.dialog])
    if left.dialog not in second.unrecorded:
        is_listed = left.dialog not in second.recorded
        _insert(connection, tenant_of(k), [(k, left)], is_listed=is_listed)


def _is_further(connection: apsw.Connection, k: int) -> bool:
    return connection.execute("SELECT 1 FROM further WHERE k = ?", (k,)).get is not None


def kept_key(connection: apsw.Connection, k: int, dialog: str) -> int | None:
    """Return the key of what is kept of a call without recording, or None where nothing is.

    Args:
        connection: Where.
        k: A key of the call's second; that of the recording, where the dialog is not known.
        dialog: The id of its dialog.
    """
    first = _first_of(k)
    sql = (
        "SELECT k FROM unrecorded WHERE k BETWEEN ? AND ? AND dialog = ? "
        "AND (dialog <> '' OR k = ?)"
    )
    found = connection.execute(sql, (first, first + _LAST_ARRIVAL, dialog, k)).get
    return None if found is None else int(found)


def add(connection: apsw.Connection, tenant: int, calls: Sequence[NewCall]) -> list[Outcome]:
    """Add calls without recording (see `Catalog.add_calls`)."""
    seconds = _seconds_of_all(connection, tenant, calls)
    outcomes, fresh = [], []
    for call in calls:
        if _is_known(seconds, call):
            outcomes.append(Outcome.SAME)
            continue
        second = seconds[call.facts.started_at]
        k = second.next()
        second.unrecorded[call.dialog] = k
        fresh.append((k, call))
        outcomes.append(Outcome.ADDED)
    if fresh:
        _insert(connection, tenant, fresh)
    return outcomes


def knows(connection: apsw.Connection, tenant: int, call: NewCall) -> bool:
    """Say whether a call is there already (see `Catalog.knows_call`)."""
    return _is_known(_seconds_of_all(connection, tenant, [call]), call)


def _seconds_of_all(
    connection: apsw.Connection, tenant: int, calls: Sequence[NewCall]
) -> dict[int, Second]:
    wanted = [(call.facts.started_at, call.dialog) for call in calls]
    wanted += [leg for call in calls for leg in _legs(call)]
    return seconds_of(connection, tenant, wanted)


def _is_known(seconds: Mapping[int, Second], call: NewCall) -> bool:
    second = seconds[call.facts.started_at]
    if call.dialog in second.recorded or call.dialog in second.unrecorded:
        return True
    return any(dialog in seconds[start].recorded for start, dialog in _legs(call))


def _legs(call: NewCall) -> list[tuple[int, str]]:
    """Return the legs that a recording can be of; a key of another start is another tenant's."""
    return [leg for leg in call.legs if EARLIEST_START <= leg[0] <= LATEST_START]


def drop(connection: apsw.Connection, run: int, limit: int) -> int:
    """Drop calls of an import (see `Catalog.drop_calls`)."""
    sql = "SELECT k, is_listed FROM unrecorded WHERE import_run = ? LIMIT ?"
    rows: list[Any] = connection.execute(sql, (run, limit)).fetchall()
    for k, is_listed in rows:
        if is_listed:
            _show(connection, k, is_listed=False)
        connection.execute("DELETE FROM unrecorded WHERE k = ?", (k,))
    return len(rows)


def _mark_further(connection: apsw.Connection, tenant: int, keys: Sequence[int]) -> None:
    connection.executemany("INSERT INTO further VALUES (?)", ((k,) for k in keys))
    count_extra(connection, ((tenant, k) for k in keys), -1)


def _insert(
    connection: apsw.Connection,
    tenant: int,
    calls: Iterable[tuple[int, NewCall]],
    *,
    is_listed: bool = True,
) -> None:
    ordered = sorted(calls, key=lambda each: each[0])
    connection.executemany(
        f"INSERT INTO unrecorded ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            (
                k,
                is_listed,
                call.body,
                call.dialog,
                packed(call.facts),
                call.arrived_at,
                call.source,
                call.import_run,
            )
            for k, call in ordered
        ),
    )
    if is_listed:
        placed = [Placed(k, tenant, call.facts) for k, call in ordered]
        insert(connection, UNRECORDED_TABLES, placed)
        count_extra(connection, ((tenant, k) for k, _ in ordered), 1)


def _show(connection: apsw.Connection, k: int, *, is_listed: bool) -> None:
    """Put a call without recording into the list, or take it out, unless that is so already."""
    sql = "UPDATE unrecorded SET is_listed = ?1 WHERE k = ?2 AND is_listed <> ?1 RETURNING facts"
    facts = connection.execute(sql, (is_listed, k)).get
    if facts is None:
        return
    tenant = tenant_of(k)
    change = insert if is_listed else delete
    change(connection, UNRECORDED_TABLES, [Placed(k, tenant, unpacked(k, str(facts)))])
    count_extra(connection, [(tenant, k)], 1 if is_listed else -1)


def packed(facts: Facts) -> str:
    """Return what `unrecorded` keeps of the facts of a call."""
    return json.dumps(
        [
            facts.hung_up_at,
            facts.talking_ms,
            facts.project_id,
            facts.user_id,
            sorted(facts.numbers),
            sorted(facts.tags),
            facts.dialog_type,
            facts.direction,
            facts.source_call_id,
        ]
    )


def unpacked(k: int, text: str) -> Facts:
    """Return the facts that are kept of the call with a key.

    Raises:
        ValueError, TypeError: the text was not made by `packed`.
    """
    hung_up, talking, project, user, numbers, tags, *rest = json.loads(text)
    dialog_type, direction, source_call = rest
    return Facts(
        started_at=second_of(k),
        hung_up_at=hung_up,
        talking_ms=talking,
        project_id=project,
        user_id=user,
        numbers=frozenset(numbers),
        tags=frozenset(tags),
        dialog_type=None if dialog_type is None else DialogType(dialog_type),
        direction=None if direction is None else Direction(direction),
        source_call_id=source_call,
    )
