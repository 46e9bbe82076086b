"""What must hold after a fault: over HTTP, as a client sees it, and on the disk."""

from __future__ import annotations

import hashlib
import os
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import apsw
import requests

from callreel.api.wire import Bodies
from callreel.archive.facts import facts_reader
from callreel.catalog import sqlite_calls
from callreel.catalog.sqlite_days import day_of
from callreel.catalog.sqlite_tables import FILTER_TABLES, UNRECORDED_TABLES, FilterTable, Placed
from callreel.wiring import AUDIO, DATABASE
from cli_runs import COMMAND
from faults.clients import parts_of
from faults.history import Fate, History, Known, Outcome
from faults.running import SECONDS, Served, environment

LOST: Final = "lost"
HALF: Final = "half visible"
TWICE: Final = "twice"
WRONG: Final = "wrong"
_TENANT_BITS: Final = 48
_OLD_SECONDS: Final = 7200


@dataclass(slots=True)
class Verdict:
    """What was found over all checks.

    Attributes:
        wrong: Each thing that must not be: its kind and a sentence.
        checked: How many recordings were compared.
        orphans: Audio that no record had, before clients tried again what had been cut short.
    """

    wrong: list[tuple[str, str]] = field(default_factory=list)
    checked: int = 0
    orphans: int = 0

    def tell(self, kind: str, what: str) -> None:
        self.wrong.append((kind, what))

    def count(self, kind: str) -> int:
        return Counter(each for each, _ in self.wrong)[kind]


class Checker:
    """Compares a server with what its clients were told.

    What was unknown is known afterwards: it was done whole or not at all, and is done now.
    """

    def __init__(self, history: History, verdict: Verdict | None = None) -> None:
        self.verdict = verdict or Verdict()
        self._history = history
        self._heard: set[str] = set()

    def check(self, server: Served, data: Path) -> None:
        """Compare, do again what was cut short, and compare what is on the disk.

        Args:
            server: A server that is ready.
            data: Its data folder, as this process sees it.
        """
        with server.session() as session:
            self._compare(server, session)
            self.verdict.orphans += len(_files(data / AUDIO) - _digests_in(data))
            self._do_again(server, session)
        for fault in self._history.faults:
            self.verdict.tell(HALF if "listed" in fault else WRONG, fault)
        self._history.faults.clear()
        for what in wrong_on_disk(data):
            self.verdict.tell(HALF, what)

    def finish(self, server: Served, data: Path) -> None:
        """Compare for the last time, and have the archive verify itself, too."""
        self.check(server, data)
        verify = [*COMMAND, "verify", "--max-rate", "0", "--json"]
        ran = subprocess.run(
            verify, env=environment(data), capture_output=True, text=True, check=False
        )
        if ran.returncode:
            self.verdict.tell(HALF, f"callreel verify says: {ran.stdout}{ran.stderr}")

    def _compare(self, server: Served, session: requests.Session) -> None:
        found = {}
        for each in all_listed(session, server):
            if each["recording_uuid"] in found:
                self.verdict.tell(TWICE, f"{each['recording_uuid']} is listed twice")
            found[each["recording_uuid"]] = each
        self.verdict.checked += len(found)
        for name in found.keys() - self._history.known.keys():
            self.verdict.tell(WRONG, f"{name} was never handed in")
        for name, known in self._history.known.items():
            shown = found.get(name)
            if shown is None:
                self._absent(name, known)
            else:
                self._present(name, known, shown)
                self._listen(server, session, name, known)

    def _absent(self, name: str, known: Known) -> None:
        if known.fate is Fate.THERE:
            self.verdict.tell(LOST, f"{name} was promised and is not listed")
            known.fate = Fate.GONE

    def _present(self, name: str, known: Known, shown: dict[str, Any]) -> None:
        if known.fate is Fate.GONE:
            self.verdict.tell(WRONG, f"{name} is listed, though it was deleted or refused")
        tags = frozenset(shown["custom_tag_id_list"])
        if tags not in known.tags:
            self.verdict.tell(LOST, f"{name} has tags {sorted(tags)}, none of those promised")
        if shown["recording_sha256"] != known.sha256:
            self.verdict.tell(HALF, f"{name} is listed with other audio")
        known.arrived()
        known.tags = {tags}

    def _listen(self, server: Served, session: requests.Session, name: str, known: Known) -> None:
        """Fetch the audio, once for each recording and now and then again."""
        if name in self._heard and hash(name) % 8:
            return
        self._heard.add(name)
        answer = session.get(f"{server.list}/{name}/audio", timeout=SECONDS)
        if hashlib.sha256(answer.content).hexdigest() != known.sha256:
            self.verdict.tell(
                HALF, f"{name} is listed and plays other bytes ({answer.status_code})"
            )

    def _do_again(self, server: Served, session: requests.Session) -> None:
        """Do as a client that was refused or heard nothing: ask for the same again."""
        for name, known in list(self._history.known.items()):
            if known.audio is not None:
                answer = session.post(
                    server.list, files=parts_of(name, known.audio), timeout=SECONDS
                )
                if self._is_done(answer):
                    known.arrived()
            elif known.fate is Fate.EITHER:
                answer = session.delete(f"{server.list}/{name}", timeout=SECONDS)
                if answer.status_code == 404 or self._is_done(answer):
                    known.fate = Fate.GONE

    def _is_done(self, answer: requests.Response) -> bool:
        outcome = self._history.outcome_of(answer)
        if outcome is not Outcome.ACKNOWLEDGED:
            self.verdict.tell(WRONG, f"after the fault, still: {answer.text}")
        return outcome is Outcome.ACKNOWLEDGED


def all_listed(session: requests.Session, server: Served) -> Iterator[dict[str, Any]]:
    """Yield every recording of the list, as often as it is there."""
    url: str | None = server.list + "?limit=500"
    while url is not None:
        answer = session.get(url, timeout=SECONDS)
        answer.raise_for_status()
        yield from answer.json()["data"]
        url = answer.links.get("next", {}).get("url")


def wrong_on_disk(data: Path) -> list[str]:
    """Return what is wrong in the database and between it and the audio, in a sentence each."""
    connection = apsw.Connection(str(data / DATABASE), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        connection.execute("PRAGMA query_only=1")
        connection.execute("BEGIN")
        return [*_wrong_in(connection), *_wrong_between(connection, data / AUDIO)]
    finally:
        connection.close()


def _wrong_in(connection: apsw.Connection) -> Iterator[str]:
    """Compare every filter table with what the bodies say."""
    found = connection.execute("PRAGMA integrity_check").get
    if found != "ok":
        yield f"the database is damaged: {found}"
    read = facts_reader(Bodies())
    rows: list[Any] = connection.execute("SELECT k, body FROM recording").fetchall()
    places = [Placed(k, k >> _TENANT_BITS, read(body)) for k, body in rows]
    yield from _wrong_tables(connection, FILTER_TABLES, places)
    yield from _wrong_calls(connection, places)
    days = Counter((place.tenant, day_of(place.tenant, place.k)) for place in places)
    kept_days = connection.execute("SELECT tenant, day, n FROM day_count WHERE n <> 0").fetchall()
    if days != {(tenant, day): n for tenant, day, n in kept_days}:
        yield "the counts of the days are wrong"
    listed = "SELECT k FROM entry WHERE state = 'available' ORDER BY k"
    if [k for (k,) in connection.execute(listed)] != sorted(place.k for place in places):
        yield "the entries are others than the bodies"
    used = "SELECT k, digest FROM audio_use UNION ALL SELECT k, digest FROM audio_use_new"
    entries = "SELECT k, digest FROM entry"
    if Counter(connection.execute(used)) != Counter(connection.execute(entries)):
        yield "the uses of audio are others than the entries"


def _wrong_tables(
    connection: apsw.Connection, tables: tuple[FilterTable, ...], places: list[Placed]
) -> Iterator[str]:
    for table in tables:
        kept = Counter(connection.execute(f"SELECT * FROM {table.name}").fetchall())  # noqa: S608 - ours
        if kept != Counter(row for place in places for row in table.rows(place)):
            yield f"the table {table.name} tells other than the bodies"


def _wrong_calls(connection: apsw.Connection, recorded: list[Placed]) -> Iterator[str]:
    """Look whether every call is listed once, in the tables as in the counts."""
    sql = "SELECT k, facts FROM unrecorded WHERE is_listed"
    rows: list[Any] = connection.execute(sql).fetchall()
    silent = [Placed(k, k >> _TENANT_BITS, sqlite_calls.unpacked(k, facts)) for k, facts in rows]
    yield from _wrong_tables(connection, UNRECORDED_TABLES, silent)
    further = {k for (k,) in connection.execute("SELECT k FROM further")}
    if not further <= {place.k for place in recorded}:
        yield "a recording is one more of its call and not available"
    shown = [place for place in recorded if place.k not in further] + silent
    if len({place.k for place in shown}) != len(shown):
        yield "a call is listed with a recording and without"
    sql = (
        "SELECT k >> 16, dialog FROM entry WHERE state = 'available' AND dialog <> '' "
        "AND k NOT IN (SELECT k FROM further) "
        "UNION ALL SELECT k >> 16, dialog FROM unrecorded WHERE is_listed AND dialog <> ''"
    )
    if max(Counter(connection.execute(sql).fetchall()).values(), default=1) > 1:
        yield "a call is listed twice"
    days = Counter((place.tenant, day_of(place.tenant, place.k)) for place in shown)
    sql = "SELECT tenant, day, n + extra FROM day_count WHERE n + extra <> 0"
    if days != {(tenant, day): n for tenant, day, n in connection.execute(sql).fetchall()}:
        yield "the counts of calls of the days are wrong"


def _wrong_between(connection: apsw.Connection, audio: Path) -> Iterator[str]:
    sql = "SELECT tenant, lower(hex(digest)) FROM entry WHERE state = 'available'"
    needed = {f"{tenant}/{digest[:2]}/{digest}" for tenant, digest in connection.execute(sql)}
    there = _files(audio)
    yield from (f"the audio {each} is missing" for each in needed - there)
    yield from (
        f"the audio {each} is nobody's, though all was tried again" for each in there - needed
    )
    for each in needed & there:
        digest = hashlib.sha256((audio / each).read_bytes()).hexdigest()
        if not each.endswith(digest):
            yield f"the audio {each} has other bytes"


def _files(audio: Path) -> set[str]:
    """Return the audio that is there, by its path in the store."""
    folders = [each for each in audio.iterdir() if each.name.isdecimal()]
    return {str(path.relative_to(audio)) for each in folders for path in each.glob("*/*")}


def _digests_in(data: Path) -> set[str]:
    connection = apsw.Connection(str(data / DATABASE), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        sql = "SELECT tenant, lower(hex(digest)) FROM entry"
        return {f"{tenant}/{digest[:2]}/{digest}" for tenant, digest in connection.execute(sql)}
    finally:
        connection.close()


def temporary(data: Path) -> list[Path]:
    """Return what lies in the store on its way in."""
    return [each for each in (data / AUDIO / "tmp").iterdir() if each.is_file()]


def make_old(data: Path) -> None:
    """Let what was left on its way in look as old as it has to be to be dropped."""
    old = time.time() - _OLD_SECONDS
    for each in temporary(data):
        os.utime(each, (old, old))
