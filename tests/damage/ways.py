"""Ways to damage an archive that nobody works on, each with what must be found of it."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import apsw

from callreel.archive.damage import Damage

_DAY: Final = 86_400 << 16
_TABLES: Final = ("facts", "by_number", "by_talking", "by_hangup", "audio_use")
_CALL_TABLES: Final = ("facts", "by_number", "by_talking", "by_hangup", "by_kind")


@dataclass(frozen=True, slots=True)
class Victim:
    """A recording to be damaged."""

    k: int
    id: str
    digest: str

    @property
    def tenant(self) -> int:
        return self.k >> 48


Expected = set[tuple[Damage, str | None]]
"""Kinds with the recording's id, the place of a file or of a call, or None for what has neither."""


class Vandal:
    """Damages the data folder of an archive."""

    def __init__(self, data: Path, seed: int) -> None:
        self._audio = data / "audio"
        self._elsewhere = data / "elsewhere"
        self._elsewhere.mkdir(exist_ok=True)
        self._db = apsw.Connection(str(data / "callreel.db"))
        self._dice = random.Random(seed)
        self._silent = self._all("SELECT k FROM unrecorded WHERE is_listed ORDER BY k")
        self._hidden = self._all("SELECT k FROM unrecorded WHERE NOT is_listed ORDER BY k")
        self._further = self._all("SELECT k FROM further ORDER BY k")
        self._db.execute(
            "INSERT OR IGNORE INTO audio_use SELECT digest, k FROM audio_use_new;"
            "DELETE FROM audio_use_new"
        )

    def close(self) -> None:
        self._db.close()

    def _all(self, sql: str) -> list[int]:
        """Return places, each of another day: two wrong counts of one day would be one finding."""
        return list({day_of(k): k for (k,) in self._db.execute(sql)}.values())

    @staticmethod
    def _taken(places: list[int]) -> tuple[int, str]:
        """Take the place of a call for a victim; return it, and how what is found there is told."""
        k = places.pop()
        return k, at(k)

    def victims(self, count: int) -> list[Victim]:
        """Return so many recordings, each of another day, in no order."""
        sql = "SELECT k, id, digest FROM entry WHERE dialog LIKE 'd-%' ORDER BY k"
        rows: list[Any] = self._db.execute(sql).fetchall()
        by_day = {(k >> 48, day_of(k)): (k, i, d) for k, i, d in rows}
        found = self._dice.sample(sorted(by_day.values()), count)
        return [Victim(k, an_id, digest.hex()) for k, an_id, digest in found]

    def _file(self, victim: Victim) -> Path:
        path = self._audio / str(victim.tenant) / victim.digest[:2] / victim.digest
        path.chmod(0o640)
        return path

    def _flip(self, victim: Victim, place: float) -> Expected:
        path = self._file(victim)
        content = bytearray(path.read_bytes())
        content[int(place * (len(content) - 1))] ^= 1 << self._dice.randrange(8)
        path.write_bytes(content)
        return {(Damage.AUDIO_CHANGED, victim.id)}

    def flip_in_the_head(self, victim: Victim) -> Expected:
        return self._flip(victim, 0)

    def flip_in_the_middle(self, victim: Victim) -> Expected:
        return self._flip(victim, self._dice.random())

    def flip_in_the_tail(self, victim: Victim) -> Expected:
        return self._flip(victim, 1)

    def cut(self, victim: Victim) -> Expected:
        path = self._file(victim)
        path.write_bytes(path.read_bytes()[: self._dice.randrange(1, path.stat().st_size)])
        return {(Damage.AUDIO_LENGTH, victim.id)}

    def empty(self, victim: Victim) -> Expected:
        self._file(victim).write_bytes(b"")
        return {(Damage.AUDIO_LENGTH, victim.id)}

    def lengthen(self, victim: Victim) -> Expected:
        with self._file(victim).open("ab") as file:
            file.write(b"\0")
        return {(Damage.AUDIO_LENGTH, victim.id)}

    def delete(self, victim: Victim) -> Expected:
        self._file(victim).unlink()
        return {(Damage.AUDIO_MISSING, victim.id)}

    def put_another_there(self, victim: Victim) -> Expected:
        path = self._file(victim)
        path.write_bytes(self._dice.randbytes(path.stat().st_size))
        return {(Damage.AUDIO_CHANGED, victim.id)}

    def turn_into_a_folder(self, victim: Victim) -> Expected:
        path = self._file(victim)
        path.unlink()
        path.mkdir()
        return {(Damage.AUDIO_MISSING, victim.id), (Damage.FOREIGN_FILE, _place(victim))}

    def turn_into_a_link(self, victim: Victim) -> Expected:
        path = self._file(victim)
        shutil.move(path, self._elsewhere / victim.digest)
        path.symlink_to(self._elsewhere / victim.digest)
        return {(Damage.AUDIO_MISSING, victim.id), (Damage.FOREIGN_FILE, _place(victim))}

    def delete_a_row(self, victim: Victim) -> Expected:
        table = self._dice.choice(_TABLES)
        self._db.execute(f"DELETE FROM {table} WHERE k = ?", (victim.k,))  # noqa: S608 - ours
        missing: Expected = {(Damage.ROW_WRONG, victim.id)}
        return missing | {(Damage.COUNT_WRONG, None)} if table == "facts" else missing

    def edit_a_row(self, victim: Victim) -> Expected:
        table = self._dice.choice(("facts", "by_number", "by_hangup"))
        sql = f"UPDATE {table} SET talking = talking + 1 WHERE k = ?"  # noqa: S608 - ours
        self._db.execute(sql, (victim.k,))
        return {(Damage.ROW_WRONG, victim.id)}

    def add_a_row(self, victim: Victim) -> Expected:
        insert = self._dice.choice(
            (
                "by_number SELECT ?2, '999', k, talking, hangup, project, user",
                "by_tag SELECT 4711, k, talking, hangup, project, user",
                "by_talking SELECT ?2, talking + 1, k, hangup, project, user",
                "by_user SELECT 4711, k, talking, hangup, project",
                "audio_use SELECT zeroblob(32), k",
            )
        )
        sql = f"INSERT INTO {insert} FROM facts WHERE k = ?1 AND ?2 = ?2"
        self._db.execute(sql, (victim.k, victim.tenant))
        return {(Damage.ROW_SURPLUS, victim.id)}

    def edit_a_body(self, victim: Victim) -> Expected:
        edits = (('"dialog_uuid":"', '"dialog_uuid":"1'), ('"start_time":"20', '"start_time":"21'))
        return self._edit_a_body(victim, *self._dice.choice(edits))

    def edit_the_number_in_a_body(self, victim: Victim) -> Expected:
        word = '"from_display_target":"'
        return self._edit_a_body(victim, word, f"{word}1")

    def _edit_a_body(self, victim: Victim, word: str, other: str) -> Expected:
        sql = "UPDATE recording SET body = CAST(replace(body, ?, ?) AS BLOB) WHERE k = ?"
        self._db.execute(sql, (word, other, victim.k))
        return {(Damage.BODY_DIFFERS, victim.id)}

    def garble_a_body(self, victim: Victim) -> Expected:
        sql = "UPDATE recording SET body = substr(body, 1, 100) WHERE k = ?"
        self._db.execute(sql, (victim.k,))
        return {(Damage.BODY_UNREADABLE, victim.id)}

    def delete_a_body(self, victim: Victim) -> Expected:
        self._db.execute("DELETE FROM recording WHERE k = ?", (victim.k,))
        return {(Damage.BODY_MISSING, victim.id), (Damage.ROW_SURPLUS, victim.id)}

    def edit_a_count(self, victim: Victim) -> Expected:
        sql = "UPDATE day_count SET n = n + 1 WHERE tenant = ? AND day = ?"
        self._db.execute(sql, (victim.tenant, day_of(victim.k)))
        return {(Damage.COUNT_WRONG, None)}

    def edit_an_entry(self, victim: Victim) -> Expected:
        edit = self._dice.choice(
            ("dialog = dialog || '!'", "dialog = ''", "project = 4711", "user = 4711")
        )
        self._db.execute(f"UPDATE entry SET {edit} WHERE k = ?", (victim.k,))  # noqa: S608 - ours
        return {(Damage.ROW_WRONG, victim.id)}

    def take_a_recording_for_one_of_another_call(self, _victim: Victim) -> Expected:
        k, _ = self._taken(self._hidden)
        self._db.execute("UPDATE entry SET dialog = dialog || '!' WHERE k = ?", (k,))
        return {(Damage.ROW_WRONG, self._id(k))}

    def delete_an_entry(self, victim: Victim) -> Expected:
        self._db.execute("DELETE FROM entry WHERE k = ?", (victim.k,))
        return {(Damage.ENTRY_MISSING, victim.id), (Damage.ROW_SURPLUS, at(victim.k))}

    def edit_a_state(self, victim: Victim) -> Expected:
        self._db.execute("UPDATE entry SET state = 'quarantined' WHERE k = ?", (victim.k,))
        return {(Damage.STATE_WRONG, victim.id)}

    def delete_a_row_of_a_call(self, _victim: Victim) -> Expected:
        k, place = self._taken(self._silent)
        table = self._dice.choice(_CALL_TABLES)
        self._db.execute(f"DELETE FROM unrecorded_{table} WHERE k = ?", (k,))  # noqa: S608 - ours
        missing: Expected = {(Damage.ROW_WRONG, place)}
        return missing | {(Damage.COUNT_WRONG, None)} if table == "facts" else missing

    def edit_a_row_of_a_call(self, _victim: Victim) -> Expected:
        k, place = self._taken(self._silent)
        table = self._dice.choice(("facts", "by_number", "by_kind"))
        sql = f"UPDATE unrecorded_{table} SET talking = talking + 1 WHERE k = ?"  # noqa: S608 - ours
        self._db.execute(sql, (k,))
        return {(Damage.ROW_WRONG, place)}

    def add_a_row_of_a_call(self, _victim: Victim) -> Expected:
        k, place = self._taken(self._silent)
        insert = self._dice.choice(
            (
                "by_number SELECT ?2, '999', k, talking, hangup, project, user",
                "by_tag SELECT 4711, k, talking, hangup, project, user",
                "by_hangup SELECT ?2, hangup + 1, k, talking, project, user",
                "by_source_call SELECT ?2, 'x', k, talking, hangup, project, user",
            )
        )
        sql = f"INSERT INTO unrecorded_{insert} FROM unrecorded_facts WHERE k = ?1 AND ?2 = ?2"
        self._db.execute(sql, (k, k >> 48))
        return {(Damage.ROW_SURPLUS, place)}

    def leave_a_row_of_a_hidden_call(self, _victim: Victim) -> Expected:
        k, _ = self._taken(self._hidden)
        self._db.execute(
            "INSERT INTO unrecorded_by_tag SELECT 3, k, talking, hangup, project, user "
            "FROM facts WHERE k = ?",
            (k,),
        )
        return {(Damage.ROW_SURPLUS, self._id(k))}

    def hide_a_call(self, _victim: Victim) -> Expected:
        k, place = self._taken(self._silent)
        self._db.execute("UPDATE unrecorded SET is_listed = 0 WHERE k = ?", (k,))
        return {(Damage.ROW_WRONG, place)}

    def show_a_hidden_call(self, _victim: Victim) -> Expected:
        k, _ = self._taken(self._hidden)
        self._db.execute("UPDATE unrecorded SET is_listed = 1 WHERE k = ?", (k,))
        return {(Damage.ROW_WRONG, self._id(k))}

    def edit_the_facts_of_a_call(self, _victim: Victim) -> Expected:
        k, place = self._taken(self._silent)
        facts = self._dice.choice(("json_set(facts, '$[1]', 7)", "'[]'", "'no JSON'"))
        self._db.execute(f"UPDATE unrecorded SET facts = {facts} WHERE k = ?", (k,))  # noqa: S608 - ours
        return {(Damage.ROW_WRONG, place)}

    def take_a_call_for_another(self, _victim: Victim) -> Expected:
        k, place = self._taken(self._silent)
        self._db.execute("UPDATE unrecorded SET dialog = dialog || '!' WHERE k = ?", (k,))
        return {(Damage.ROW_WRONG, place)}

    def note_a_deletion_that_was_none(self, victim: Victim) -> Expected:
        values = (victim.tenant, victim.id, 1)
        self._db.execute("INSERT INTO deletion (tenant, id, at) VALUES (?, ?, ?)", values)
        return {(Damage.ROW_SURPLUS, victim.id)}

    def point_a_deletion_to_no_call(self, victim: Victim) -> Expected:
        self._note_a_deletion_of(victim.tenant, victim.k)
        return {(Damage.ROW_SURPLUS, victim.id)}

    def point_a_deletion_to_a_call_of_another_tenant(self, _victim: Victim) -> Expected:
        k, place = self._taken(self._silent)
        other = (k >> 48) + 1
        tenant = "INSERT OR IGNORE INTO tenant (number, name) VALUES (?, 'another')"
        self._db.execute(tenant, (other,))
        self._note_a_deletion_of(other, k)
        return {(Damage.ROW_SURPLUS, place)}

    def _note_a_deletion_of(self, tenant: int, call: int) -> None:
        sql = "INSERT INTO deletion (tenant, id, at, call) VALUES (?1, 'gone-' || ?2, 1, ?2)"
        self._db.execute(sql, (tenant, call))

    def garble_the_body_of_a_call(self, _victim: Victim) -> Expected:
        k, place = self._taken(self._silent)
        self._db.execute("UPDATE unrecorded SET body = substr(body, 1, 100) WHERE k = ?", (k,))
        return {(Damage.CALL_UNREADABLE, place)}

    def move_a_call_to_another_time(self, _victim: Victim) -> Expected:
        k, place = self._taken(self._silent)
        word, other = '"start_time":"20', '"start_time":"21'
        sql = "UPDATE unrecorded SET body = CAST(replace(body, ?, ?) AS BLOB) WHERE k = ?"
        self._db.execute(sql, (word, other, k))
        return {(Damage.CALL_UNREADABLE, place)}

    def list_a_call_twice(self, _victim: Victim) -> Expected:
        k, _ = self._taken(self._further)
        self._db.execute("DELETE FROM further WHERE k = ?", (k,))
        first = self._db.execute("SELECT max(k) FROM entry WHERE k < ?", (k,)).get
        return {(Damage.ROW_WRONG, self._id(first)), (Damage.COUNT_WRONG, None)}

    def list_a_call_not_at_all(self, victim: Victim) -> Expected:
        self._db.execute("INSERT INTO further VALUES (?)", (victim.k,))
        return {(Damage.ROW_SURPLUS, victim.id), (Damage.COUNT_WRONG, None)}

    def edit_a_count_of_calls(self, victim: Victim) -> Expected:
        sql = "UPDATE day_count SET extra = extra - 1 WHERE tenant = ? AND day = ?"
        self._db.execute(sql, (victim.tenant, day_of(victim.k)))
        return {(Damage.COUNT_WRONG, None)}

    def _id(self, k: int) -> str:
        return str(self._db.execute("SELECT id FROM entry WHERE k = ?", (k,)).get)

    def leave_an_orphan(self, victim: Victim) -> Expected:
        digest = f"{self._dice.getrandbits(256):064x}"
        path = self._audio / str(victim.tenant) / digest[:2] / digest
        path.write_bytes(b"nobody's")
        found: Expected = {(Damage.ORPHAN_AUDIO, f"{victim.tenant}/{digest[:2]}/{digest}")}
        return found


def day_of(k: int) -> int:
    """Return the number of the day that a place lies in."""
    return (k & (1 << 48) - 1) // _DAY


def at(place: int) -> str:
    """Return how a finding of what has no recording is told from others."""
    return f"at {place}"


def _place(victim: Victim) -> str:
    return f"{victim.tenant}/{victim.digest[:2]}/{victim.digest}"


Way = Callable[[Vandal, Victim], Expected]
WAYS: Final[tuple[Way, ...]] = (
    Vandal.flip_in_the_head,
    Vandal.flip_in_the_middle,
    Vandal.flip_in_the_tail,
    Vandal.cut,
    Vandal.empty,
    Vandal.lengthen,
    Vandal.delete,
    Vandal.put_another_there,
    Vandal.turn_into_a_folder,
    Vandal.turn_into_a_link,
    Vandal.delete_a_row,
    Vandal.edit_a_row,
    Vandal.add_a_row,
    Vandal.edit_a_body,
    Vandal.edit_the_number_in_a_body,
    Vandal.garble_a_body,
    Vandal.delete_a_body,
    Vandal.edit_a_count,
    Vandal.edit_an_entry,
    Vandal.delete_an_entry,
    Vandal.edit_a_state,
    Vandal.leave_an_orphan,
    Vandal.delete_a_row_of_a_call,
    Vandal.edit_a_row_of_a_call,
    Vandal.add_a_row_of_a_call,
    Vandal.leave_a_row_of_a_hidden_call,
    Vandal.hide_a_call,
    Vandal.show_a_hidden_call,
    Vandal.edit_the_facts_of_a_call,
    Vandal.take_a_call_for_another,
    Vandal.take_a_recording_for_one_of_another_call,
    Vandal.move_a_call_to_another_time,
    Vandal.note_a_deletion_that_was_none,
    Vandal.point_a_deletion_to_no_call,
    Vandal.point_a_deletion_to_a_call_of_another_tenant,
    Vandal.garble_the_body_of_a_call,
    Vandal.list_a_call_twice,
    Vandal.list_a_call_not_at_all,
    Vandal.edit_a_count_of_calls,
)
