"""kill -9 of a server before each system call with which it makes what can be made again.

That is a conversion that a client asked for, and the file of an export. Neither is promised by
2xx but the order of an export is; what is there afterwards must be whole.
"""

from __future__ import annotations

import hashlib
import json
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any, Final

import requests

from callreel.audio import Format
from callreel.audio.convert import convert
from callreel.wiring import AUDIO
from faults.checker import HALF, LOST, Verdict, wrong_on_disk
from faults.gate import Gate, gate, let_go
from faults.history import History
from faults.kills import sounds
from faults.points import KillAt, at_points
from faults.running import SECONDS, Served, call_of, new_key, served
from faults.table import Figures, figures_of

RECORDINGS: Final = 3


class Making(ABC):
    """Something that a server makes when it is asked to.

    Args:
        digests: Of the audio of all recordings.
    """

    name: str

    def __init__(self, scratch: Path, digests: set[str]) -> None:
        self.scratch = scratch
        self.digests = digests

    @abstractmethod
    def ask(self, server: Served, session: requests.Session) -> None:
        """Have it made, and wait until it is, or the server is gone."""

    @abstractmethod
    def wrong(self, server: Served, session: requests.Session) -> Iterator[tuple[str, str]]:
        """Yield what is wrong of it with a server that began anew; afterwards nothing is left."""


class Conversion(Making):
    """The audio of a recording in another format."""

    name = "conversion"

    def ask(self, server: Served, session: requests.Session) -> None:
        session.get(f"{server.list}/r-0/audio?format=wav", timeout=SECONDS)

    def wrong(self, server: Served, session: requests.Session) -> Iterator[tuple[str, str]]:
        original = session.get(f"{server.list}/r-0/audio", timeout=SECONDS).content
        answer = session.get(f"{server.list}/r-0/audio?format=wav", timeout=SECONDS)
        if answer.status_code != 200 or answer.content != self._expected(original):
            yield HALF, f"a conversion was answered {answer.status_code} with other bytes"
        audio = server.asking.data / AUDIO
        for each in audio.glob("derived/1/*/*.audio.wav"):
            each.unlink()
        for each in (audio / "tmp").iterdir():
            each.unlink()

    def _expected(self, original: bytes) -> bytes:
        source, target = self.scratch / "source", self.scratch / "target"
        source.write_bytes(original)
        convert(source, target, Format.WAV, lambda: None)
        return target.read_bytes()


class Export(Making):
    """The file of an export in the background."""

    name = "export"

    def __init__(self, scratch: Path, digests: set[str]) -> None:
        super().__init__(scratch, digests)
        self._promised: str | None = None

    def ask(self, server: Served, session: requests.Session) -> None:
        answer = session.post(server.asking.url + "/export", json={"format": "jsonl"})
        self._promised = answer.json()["data"]["id"]
        self._ended(server, session, self._promised)

    def wrong(self, server: Served, session: requests.Session) -> Iterator[tuple[str, str]]:
        listed = session.get(server.asking.url + "/export", timeout=SECONDS).json()["data"]
        ids = {each["id"] for each in listed}
        if self._promised is not None and self._promised not in ids:
            yield LOST, "an export that was promised is not there"
        self._promised = None
        for each in ids:
            ended = self._ended(server, session, each)
            yield from self._wrong_file(server, session, ended)
            session.delete(f"{server.asking.url}/export/{each}", timeout=SECONDS)

    def _wrong_file(
        self, server: Served, session: requests.Session, ended: dict[str, Any]
    ) -> Iterator[tuple[str, str]]:
        address = f"{server.asking.url}/export/{ended['id']}/file"
        content = session.get(address, timeout=SECONDS).content
        if ended["state"] != "finished" or hashlib.sha256(content).hexdigest() != ended["sha256"]:
            yield HALF, f"an export is {ended['state']}, and its file another than it says"
            return
        found = {json.loads(line)["recording_sha256"] for line in content.splitlines()}
        if found != self.digests:
            yield HALF, "an export is finished in part"

    @staticmethod
    def _ended(server: Served, session: requests.Session, one: str) -> dict[str, Any]:
        end = time.monotonic() + 2 * SECONDS
        while True:
            answer = session.get(f"{server.asking.url}/export/{one}", timeout=SECONDS)
            found: dict[str, Any] = answer.json()["data"]
            if found["state"] not in {"queued", "running"} or time.monotonic() > end:
                return found
            time.sleep(0.05)


MAKINGS: Final = (Conversion, Export)


def run(scratch: Path, count: int, seed: int) -> Figures:
    """Kill at so many points of each, spread over all; at every one where it is 0."""
    data, verdict = scratch / "data", Verdict()
    key = new_key(data)
    digests = _fill(data, key, scratch, Random(seed))
    points = {}
    with gate(data, scratch) as before:
        for kind in MAKINGS:
            making = kind(scratch, digests)
            points[making.name] = _kill_at_points(making, before, (data, key), count, verdict)
    told = f"kill -9 of a server at {sum(points.values())} system calls"
    figures = figures_of(told, History(), verdict)
    figures.notes = {"points": ", ".join(f"{name} {number}" for name, number in points.items())}
    return figures


def _kill_at_points(
    making: Making, before: Gate, at: tuple[Path, str], count: int, verdict: Verdict
) -> int:
    """Kill at a number of points; return how often the server was killed."""

    def is_killed_at(number: int) -> bool:
        is_killed = _killed_at(making, before, at, number).is_done
        _look(making, at, verdict)
        return is_killed

    total = _killed_at(making, before, at, 0).seen
    _look(making, at, verdict)
    return at_points(total, count, is_killed_at)


def _killed_at(making: Making, before: Gate, at: tuple[Path, str], number: int) -> KillAt:
    with served(*at, before.before) as server, server.session() as session:
        before.decide = killing = KillAt(server.kill, number)
        try:
            making.ask(server, session)
        except requests.RequestException:
            assert killing.is_done, "a server that nobody killed is gone"
        before.decide = let_go
    return killing


def _look(making: Making, at: tuple[Path, str], verdict: Verdict) -> None:
    with served(*at) as server, server.session() as session:
        for what in making.wrong(server, session):
            verdict.tell(*what)
    for told in wrong_on_disk(at[0]):
        verdict.tell(HALF, told)


def _fill(data: Path, key: str, scratch: Path, chance: Random) -> set[str]:
    """Take in recordings and return the digests of their audio."""
    digests = set()
    with served(data, key) as server:
        for number in range(RECORDINGS):
            audio = sounds(scratch)[0][:-8] + chance.randbytes(8)
            assert server.asking.upload(audio, call_of(f"r-{number}")).status_code == 201
            digests.add(hashlib.sha256(audio).hexdigest())
    return digests
