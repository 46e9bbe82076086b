"""kill -9 of a command before each system call with which it writes: import, export, migration."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Final

import apsw

from callreel.catalog.migrate import migrate, migrations
from callreel.wiring import AUDIO, DATABASE
from cli_runs import COMMAND
from faults.checker import HALF, LOST, TWICE, WRONG, Verdict, all_listed, wrong_on_disk
from faults.gate import Gate, gate, let_go
from faults.history import History
from faults.points import KillAt, at_points
from faults.running import environment, new_key, served
from faults.table import Figures, figures_of
from support import a_sound

RECORDINGS: Final = 4
CALLS: Final = 7
"""Of which the first have a recording."""


class Site:
    """A data folder, and what is made ready for a program beside it."""

    def __init__(self, scratch: Path, seed: int) -> None:
        self.data = scratch / "data"
        self.source = scratch / "source"
        self.target = scratch / "target"
        self.key = new_key(self.data)
        self.digests = _fill(self.source, Random(seed))

    def run(self, *command: str, before: tuple[str, ...] = ()) -> subprocess.Popen[bytes]:
        """Start a command on the data folder."""
        return subprocess.Popen(
            [*before, *COMMAND, *command],
            env=environment(self.data),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def calls(self) -> list[str]:
        """Return the ids of the dialogs that a client is shown."""
        with served(self.data, self.key) as server, server.session() as session:
            address = server.list.removesuffix("_recording")
            answer = session.get(address, params={"limit": 500}, timeout=30)
            answer.raise_for_status()
            return [each["dialog_uuid"] for each in answer.json()["data"]]

    def listed(self) -> list[str]:
        """Return the digests of what a client is shown, each of whose audio is heard."""
        with served(self.data, self.key) as server, server.session() as session:
            found = [each["recording_uuid"] for each in all_listed(session, server)]
            sounds = [session.get(f"{server.list}/{name}/audio", timeout=30) for name in found]
        return [hashlib.sha256(each.content).hexdigest() for each in sounds]


class Program(ABC):
    """A command that is killed.

    Attributes:
        command: What is run.
    """

    name: str

    def __init__(self, site: Site) -> None:
        self.site = site

    @property
    @abstractmethod
    def command(self) -> tuple[str, ...]: ...

    @abstractmethod
    def prepare(self) -> None:
        """Make the data folder as it is before the command."""

    @abstractmethod
    def wrong(self, *, is_done: bool) -> Iterator[tuple[str, str]]:
        """Yield what is wrong after a kill, or once the command was run again to its end."""


class Import(Program):
    """Takes in a folder of recordings."""

    name = "import"

    @property
    def command(self) -> tuple[str, ...]:
        return ("import", "manifest", str(self.site.source))

    def prepare(self) -> None:
        for number in range(256):  # of a tenant that has recordings, these are there
            for parent in ("1", "derived/1"):
                (self.site.data / AUDIO / parent / f"{number:02x}").mkdir(parents=True)

    def wrong(self, *, is_done: bool) -> Iterator[tuple[str, str]]:
        for what in wrong_on_disk(self.site.data):
            if is_done or "nobody's" not in what:
                yield HALF, what
        if is_done:
            found = self.site.listed()
            if len(set(found)) < len(found):
                yield TWICE, "a file was taken in twice"
            if self.site.digests != set(found):
                yield LOST, "an import that was run again did not take in all"
            calls = self.site.calls()
            if len(set(calls)) < len(calls):
                yield TWICE, "a call was kept twice"
            if {f"d{number}" for number in range(CALLS)} != set(calls):
                yield LOST, "an import that was run again did not keep all calls"


class Export(Program):
    """Writes what there is into a file."""

    name = "export"

    @property
    def command(self) -> tuple[str, ...]:
        return ("export", "jsonl", str(self.site.target))

    def prepare(self) -> None:
        assert self.site.run(*Import(self.site).command).wait() == 0
        self.site.target.unlink(missing_ok=True)

    def wrong(self, *, is_done: bool) -> Iterator[tuple[str, str]]:
        if not self.site.target.exists():
            if is_done:
                yield LOST, "an export that was run again wrote nothing"
            return
        lines = self.site.target.read_text().splitlines()
        if {json.loads(each)["recording_sha256"] for each in lines} != self.site.digests:
            yield HALF, "an export is there in part"


class Migration(Program):
    """Brings a database of the first version up to date."""

    name = "migration"

    @property
    def command(self) -> tuple[str, ...]:
        return ("tenant", "list")

    def prepare(self) -> None:
        assert self.site.run(*Import(self.site).command).wait() == 0
        _make_older(self.site.data / DATABASE)

    def wrong(self, *, is_done: bool) -> Iterator[tuple[str, str]]:
        known = [each.number for each in migrations()]
        connection = apsw.Connection(str(self.site.data / DATABASE))
        applied = [n for (n,) in connection.execute("SELECT number FROM migration ORDER BY 1")]
        bodies = connection.execute("SELECT count(*) FROM recording").get
        sound = connection.execute("PRAGMA integrity_check").get
        connection.close()
        if applied not in (known[:1], known) or sound != "ok" or bodies != RECORDINGS:
            yield (
                HALF,
                f"a migration was done in part: steps {applied}, {bodies} recordings, {sound}",
            )
        if is_done and applied != known:
            yield LOST, "a migration that was run again did not come to its end"
        if is_done and self.site.digests != set(self.site.listed()):
            yield LOST, "not all are listed after a migration"


PROGRAMS: Final = (Import, Export, Migration)


def run(scratch: Path, count: int, seed: int, kinds: Sequence[type[Program]] = PROGRAMS) -> Figures:
    """Kill each program at so many points, spread over all; at every one where it is 0."""
    verdict, points = Verdict(), {}
    for kind in kinds:
        with tempfile.TemporaryDirectory(dir=scratch) as folder:
            program = kind(Site(Path(folder), seed))
            points[kind.name] = _kill_at_points(program, Path(folder), count, verdict)
    figures = figures_of(
        f"kill -9 of commands at {sum(points.values())} system calls", History(), verdict
    )
    figures.notes = {"points": ", ".join(f"{name} {number}" for name, number in points.items())}
    return figures


def _kill_at_points(program: Program, scratch: Path, count: int, verdict: Verdict) -> int:
    """Kill at a number of points; return how often the command was killed."""
    site = program.site
    program.prepare()
    ready = scratch / "ready"
    shutil.copytree(site.data, ready)

    def is_killed_at(number: int) -> bool:
        shutil.rmtree(site.data)
        shutil.copytree(ready, site.data)
        site.target.unlink(missing_ok=True)
        is_killed = _killed_at(program, before, number, verdict).is_done
        for what in program.wrong(is_done=not is_killed):
            verdict.tell(*what)
        if site.run(*program.command).wait():
            verdict.tell(LOST, f"the {program.name} could not be run again")
        for what in program.wrong(is_done=True):
            verdict.tell(*what)
        return is_killed

    with gate(scratch, scratch) as before:
        total = _killed_at(program, before, 0, verdict).seen
        return at_points(total, count, is_killed_at)


def _killed_at(program: Program, before: Gate, number: int, verdict: Verdict) -> KillAt:
    process: list[subprocess.Popen[bytes]] = []

    def kill() -> None:
        process[0].kill()

    before.decide = killing = KillAt(kill, number)
    process.append(program.site.run(*program.command, before=before.before))
    code = process[0].wait()
    before.decide = let_go
    if code and not killing.is_done:
        verdict.tell(WRONG, f"the {program.name} ended with {code}, and nobody killed it")
    return killing


def _fill(folder: Path, chance: Random) -> set[str]:
    """Make recordings to be imported, and return their digests."""
    folder.mkdir()
    lines, digests = [], set()
    for number in range(CALLS):
        line: dict[str, object] = {
            "dialog_id": f"d{number}",
            "direction": "INBOUND",
            "from_number": "+48 600 700 800",
            "started_at": 1_772_440_000 + number,
        }
        lines.append(line)
        if number >= RECORDINGS:
            continue
        line["audio"] = f"sound-{number}.wav"
        audio = a_sound(folder, number, 0.2)[:-8] + chance.randbytes(8)
        (folder / f"sound-{number}.wav").write_bytes(audio)
        os.utime(folder / f"sound-{number}.wav", (0, 0))  # so that nobody still writes to it
        digests.add(hashlib.sha256(audio).hexdigest())
    (folder / "manifest.jsonl").write_text("".join(json.dumps(each) + "\n" for each in lines))
    return digests


def _make_older(path: Path) -> None:
    """Turn a database into one of the first version, with the same recordings."""
    made = path.with_name("older.db")
    connection = apsw.Connection(str(made))
    migrate(connection, migrations()[:1])
    connection.execute("ATTACH ? AS newer", (str(path),))
    tables = "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name <> 'migration'"
    for table in [str(name) for (name,) in connection.execute(tables)]:
        columns = ", ".join(_columns(connection, table))
        copy = f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM newer.{table}"  # noqa: S608 - ours
        connection.execute(copy)
    connection.close()
    made.replace(path)
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _columns(connection: apsw.Connection, table: str) -> list[str]:
    return [name for _, name, *_ in connection.execute(f"PRAGMA main.table_info({table})")]
