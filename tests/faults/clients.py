"""Clients that write and read as fast as it goes, and note what they were told."""

from __future__ import annotations

import hashlib
import itertools
import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import requests

from faults.history import Fate, History, Outcome
from faults.running import SECONDS, TAGS, Served, call_of

FEWEST, MOST = 6, 40
"""Recordings of each writer: below, it only uploads; above, it only deletes."""
SHARED: Final = 3
"""Audio files that several recordings have in common, so that a deletion meets an upload."""


@dataclass(slots=True)
class Crowd:
    """Four writers and two readers, or as many as wanted; the same seed does the same again.

    Attributes:
        history: Where they note what they were told.
        sounds: Audio to be handed in, made different each time.
        seed: Decides what they do.
        is_deaf: Whether one of them was not answered at all, which a server that lives owes it.
    """

    history: History
    sounds: list[bytes]
    seed: int
    writers: int = 4
    readers: int = 2
    is_deaf: bool = False
    _seconds: list[float] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    _rounds: int = 0

    @contextmanager
    def at_work(self, server: Served) -> Iterator[None]:
        """Let them work on a server until the context ends or the server is gone."""
        self._rounds += 1
        over = threading.Event()
        workers: list[Callable[[], None]] = [
            partial(self._write, server, over, number) for number in range(self.writers)
        ]
        workers += [partial(self._read, server, over, number) for number in range(self.readers)]
        threads = [threading.Thread(target=each) for each in workers]
        for each in threads:
            each.start()
        try:
            yield
        finally:
            over.set()
            for each in threads:
                each.join(timeout=2 * SECONDS)
                assert not each.is_alive(), "a request did not end"

    def seconds_to_list(self) -> list[float]:
        """Return how long each list took since this was asked last."""
        found, self._seconds = self._seconds, []
        return found

    def _chance(self, role: str, number: int) -> random.Random:
        return random.Random(f"{self.seed} {self._rounds} {role} {number}")

    def _write(self, server: Served, over: threading.Event, number: int) -> None:
        writer = Writer(server, self.history, self._chance("writer", number))
        while not over.is_set() and writer.is_heard:
            own = writer.own(number)
            act = writer.choose(len(own))
            if act == "upload":
                writer.upload(f"w{number}-{next(self._numbers)}", self._audio(writer.chance))
            elif act == "tag":
                writer.tag(writer.chance.choice(own))
            else:
                writer.delete(writer.chance.choice(own))
        self.is_deaf |= not writer.is_heard

    def _audio(self, chance: random.Random) -> bytes:
        sound = chance.choice(self.sounds)
        if chance.random() < 0.15:
            return sound[:-4] + chance.randrange(SHARED).to_bytes(4, "big")
        return sound[:-8] + chance.randbytes(8)

    def _read(self, server: Served, over: threading.Event, number: int) -> None:
        reader = Reader(server, self.history, self._chance("reader", number))
        while not over.is_set() and reader.is_heard:
            reader.look()
            self._seconds += reader.seconds
            reader.seconds.clear()
        self.is_deaf |= not reader.is_heard


class _Client:
    def __init__(self, server: Served, history: History, chance: random.Random) -> None:
        self.chance = chance
        self.is_heard = True
        self._history = history
        self._list = server.list
        self._session = server.session()

    def _ask(self, method: str, address: str, **more: Any) -> requests.Response | None:
        """Return the answer, or None where the server is gone."""
        try:
            return self._session.request(method, address, timeout=SECONDS, **more)
        except requests.exceptions.ChunkedEncodingError:
            return None  # the answer broke off, which is no news of the server
        except requests.RequestException:
            self.is_heard = False
            return None


class Writer(_Client):
    """One that hands in, tags and deletes."""

    def own(self, number: int) -> list[str]:
        """Return the recordings of a writer of which it is sure that they are there."""
        known = list(self._history.known.items())
        mine = f"w{number}-"
        return [name for name, each in known if each.fate is Fate.THERE and name.startswith(mine)]

    def choose(self, own: int) -> str:
        if own < FEWEST:
            return "upload"
        if own > MOST:
            return "delete"
        return self.chance.choice(("upload", "upload", "tag", "tag", "delete"))

    def upload(self, name: str, audio: bytes) -> Outcome:
        self._history.uploading(name, audio)
        outcome = self._outcome(self._ask("POST", self._list, files=parts_of(name, audio)))
        self._history.uploaded(name, outcome)
        return outcome

    def tag(self, name: str) -> Outcome:
        tags = frozenset(self.chance.sample(TAGS, self.chance.randrange(len(TAGS))))
        self._history.tagging(name, tags)
        body = {"custom_tag_id_list": sorted(tags)}
        outcome = self._outcome(self._ask("PATCH", f"{self._list}/{name}", json=body))
        self._history.tagged(name, tags, outcome)
        return outcome

    def delete(self, name: str) -> Outcome:
        self._history.deleting(name)
        outcome = self._outcome(self._ask("DELETE", f"{self._list}/{name}"))
        self._history.deleted(name, outcome)
        return outcome

    def _outcome(self, answer: requests.Response | None) -> Outcome:
        return Outcome.UNKNOWN if answer is None else self._history.outcome_of(answer)


class Reader(_Client):
    """One that lists and listens, and sees to it that what is listed plays."""

    def __init__(self, server: Served, history: History, chance: random.Random) -> None:
        super().__init__(server, history, chance)
        self.seconds: list[float] = []

    def look(self) -> None:
        """Ask for a page, and listen to one of it."""
        began = time.monotonic()
        answer = self._ask("GET", self._list, params={"limit": "60"})
        if answer is None:
            return
        self.seconds.append(time.monotonic() - began)
        if answer.status_code != 200:
            self._history.tell(f"a list was answered {answer.status_code}: {answer.text}")
            return
        page = answer.json()["data"]
        if len({each["recording_uuid"] for each in page}) != len(page):
            self._history.tell("a page had a recording twice")
        if page:
            self._listen(self.chance.choice(page))

    def _listen(self, recording: dict[str, str]) -> None:
        name = recording["recording_uuid"]
        answer = self._ask("GET", f"{self._list}/{name}/audio")
        if answer is None:
            return
        is_doubtful = self._history.known[name].fate is not Fate.THERE
        if answer.status_code in {404, 503} and is_doubtful:
            return  # it was being deleted
        whole = hashlib.sha256(answer.content).hexdigest() == recording["recording_sha256"]
        if answer.status_code != 200 or not whole:
            said = answer.text if answer.status_code >= 400 else "other bytes"
            self._history.tell(f"{name} is listed; its audio was {answer.status_code}: {said}")


def parts_of(name: str, audio: bytes) -> dict[str, tuple[str | None, bytes, str]]:
    """Return a recording as it is handed in."""
    call = call_of(name, project_id=len(name) % 3, custom_tag_id_list=[])
    return {
        "call": (None, json.dumps(call).encode(), "application/json"),
        "audio": ("call.wav", audio, "audio/wav"),
    }
