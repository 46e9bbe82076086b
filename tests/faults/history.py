"""What clients were told, and so what must be there and what must not."""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

import requests

REFUSALS: Final = {503: "unavailable", 507: "storage_full"}
"""What a server may answer while a fault lasts: the status, and the code in its body."""
LONG_SECONDS: Final = 30
NO_TAGS: Final[frozenset[int]] = frozenset()


class Outcome(Enum):
    """What a client knows of what it asked for."""

    ACKNOWLEDGED = "acknowledged"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class Fate(Enum):
    """Whether a recording has to be there."""

    THERE = "there"
    GONE = "gone"
    EITHER = "either"


@dataclass(slots=True)
class Known:
    """What is known of a recording.

    Attributes:
        sha256: The digest of its audio.
        audio: The audio itself, until it is sure that it was taken.
        fate: Whether it has to be there.
        was_there: Whether it ever was there for sure.
        tags: The sets of tags of which it must have one, where it is there.
    """

    sha256: str
    audio: bytes | None
    fate: Fate = Fate.EITHER
    was_there: bool = False
    tags: set[frozenset[int]] = field(default_factory=lambda: {NO_TAGS})

    def arrived(self) -> None:
        """Keep that it is there for sure."""
        self.fate, self.audio, self.was_there = Fate.THERE, None, True


class History:
    """Everything that was asked for and what came of it; clients write to it all at once.

    Attributes:
        known: All recordings that were ever handed in, by id.
        outcomes: How many operations had which outcome, by their kind.
        faults: What was wrong on the way, one sentence each.
        is_over: Whether answers count for nothing any more, as the power is going.
    """

    def __init__(self) -> None:
        self.known: dict[str, Known] = {}
        self.outcomes: Counter[tuple[str, Outcome]] = Counter()
        self.faults: list[str] = []
        self.is_over = False
        self._lock = threading.Condition()

    def uploading(self, name: str, audio: bytes) -> None:
        with self._lock:
            self.known[name] = Known(hashlib.sha256(audio).hexdigest(), audio)

    def uploaded(self, name: str, outcome: Outcome) -> None:
        known = self.known[name]
        with self._lock:
            self._count("upload", outcome)
            if outcome is Outcome.ACKNOWLEDGED:
                known.arrived()
            elif outcome is Outcome.REFUSED:
                known.fate = Fate.GONE

    def deleting(self, name: str) -> None:
        with self._lock:
            self.known[name].fate = Fate.EITHER

    def deleted(self, name: str, outcome: Outcome) -> None:
        """Keep how a deletion ended; one that was refused may have been begun."""
        with self._lock:
            if outcome is Outcome.ACKNOWLEDGED:
                self.known[name].fate = Fate.GONE
            self._count("delete", outcome)

    def tagging(self, name: str, tags: frozenset[int]) -> None:
        with self._lock:
            self.known[name].tags = self.known[name].tags | {tags}

    def tagged(self, name: str, tags: frozenset[int], outcome: Outcome) -> None:
        with self._lock:
            if outcome is Outcome.ACKNOWLEDGED:
                self.known[name].tags = {tags}
            elif outcome is Outcome.REFUSED:
                self.known[name].tags = self.known[name].tags - {tags} or {tags}
            self._count("tag", outcome)

    def _count(self, kind: str, outcome: Outcome) -> None:
        self.outcomes[kind, outcome] += 1
        self._lock.notify_all()

    def wait_for_promises(self, more: int) -> None:
        """Wait until so many more operations were acknowledged; after long, go on without."""
        with self._lock:
            wanted = self.count(Outcome.ACKNOWLEDGED) + more
            self._lock.wait_for(lambda: self.count(Outcome.ACKNOWLEDGED) >= wanted, LONG_SECONDS)

    def tell(self, fault: str) -> None:
        with self._lock:
            if not self.is_over:
                self.faults.append(fault)

    def count(self, outcome: Outcome) -> int:
        return sum(count for (_, each), count in self.outcomes.items() if each is outcome)

    def outcome_of(self, answer: requests.Response) -> Outcome:
        """Return what an answer says, after judging its form."""
        if self.is_over:
            return Outcome.UNKNOWN
        if answer.ok:
            return Outcome.ACKNOWLEDGED
        code = REFUSALS.get(answer.status_code)
        if code is None or not _is_clear(answer, code):
            self.tell(f"{answer.request.method} was answered {answer.status_code}: {answer.text}")
        return Outcome.REFUSED


def _is_clear(answer: requests.Response, code: str) -> bool:
    try:
        error = answer.json()["error"]
    except (ValueError, KeyError):
        return False
    is_retried = answer.status_code != 503 or answer.headers.get("Retry-After", "").isdigit()
    return is_retried and error["code"] == code and bool(error["message"] and error["request_id"])
