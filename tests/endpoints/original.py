"""The endpoint as its published description alone has it, as bad as that allows.

It knows `limit`, `offset` and `filter`; no `Link`, no order, no count. Calls arrive in front
while it is read, fields are missing or unknown, and now and then it fails.
"""

from __future__ import annotations

import json
import operator
import random
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

from endpoints.scripted import Asked, Reply

KEY = "original-key"
PATH = "/cdr_dialog_recording"
OPERATORS = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
    "eq": operator.eq,
}
Record = dict[str, Any]

SERVER_FAULT = Reply(b"<h1>Oops</h1>", 500)
BAD_GATEWAY = Reply(b"", 502)
BUSY = Reply(b"", 503, {"Retry-After": "0"})
SILENCE = Reply(cut=-1)
HALF = Reply(b'{"data":[{"recording_uuid":"half"},{"recordin', cut=30)
HALF_UNNOTICED = Reply(b'{"data":[{"recording_uuid":"half"},{"recordin')
TOO_OFTEN = Reply(b"<h1>Too Many Requests</h1>", 429, {"Retry-After": "1"})
FAULTS = (SERVER_FAULT, BAD_GATEWAY, BUSY, SILENCE, HALF, HALF_UNNOTICED)
ALL_FAULTS = (*FAULTS, TOO_OFTEN)


class Original:
    """Answers as the original endpoint might.

    Args:
        records: What is there at first.
        arriving: Before each page after the first, these records come in front.
        faults: For each request, what goes wrong with it, or None; then nothing does.
    """

    def __init__(
        self,
        records: Iterable[Record],
        arriving: Iterable[Sequence[Record]] = (),
        faults: Iterable[Reply | None] = (),
    ) -> None:
        self._records = list(records)
        self._arriving = iter(arriving)
        self._faults = iter(faults)

    def __call__(self, asked: Asked) -> Reply:
        fault = next(self._faults, None)
        if fault is not None:
            return fault
        if asked.headers.get("Authorization") != KEY:
            return Reply(b"", 401)
        if asked.path != PATH:
            return Reply(b"<h1>Not Found</h1>", 404)
        if asked.query.get("offset", "0") != "0":
            self._records[:0] = next(self._arriving, ())
        return self._page(asked.query)

    def _page(self, query: dict[str, str]) -> Reply:
        start = int(query.get("offset", "0"))
        end = start + int(query.get("limit", "500"))
        conditions = json.loads(query.get("filter", "null")) or []
        found = [each for each in self._records if all(holds(one, each) for one in conditions)]
        return Reply(json.dumps({"data": found[start:end]}).encode())


def holds(condition: dict[str, Any], record: Record) -> bool:
    """Say whether a filter's object holds for a record, as the description has it."""
    name, value = condition["property"], condition["value"]
    if name == "number_list":
        sides = {record.get("from_display_target"), record.get("to_display_target")}
        return not sides.isdisjoint(value)
    if name == "custom_tag_id_list":
        return not set(value).isdisjoint(record.get(name) or ())
    if "operator" not in condition:
        return record.get(name) in value
    return record.get(name) is not None and bool(
        OPERATORS[condition["operator"]](record[name], value)
    )


class Service:
    """A whole service as bad as the description allows: its list and its audio.

    The list has no order, rows move and stand there twice, and more arrive while it is read.
    Audio breaks off, is announced too long, and comes from its beginning where a part was asked
    for. All of it follows from the seed.

    Args:
        records: What is there at first.
        audio: By the path of its address.
        arriving: What arrives in the course of time.
        faults: How many of a hundred requests go wrong.
        hasty: Whether more arrive with each page that is asked for, and not only when told.
    """

    def __init__(
        self,
        records: Iterable[Record],
        audio: dict[str, bytes],
        arriving: Iterable[Record] = (),
        *,
        faults: int = 25,
        hasty: bool = True,
        seed: int = 0,
    ) -> None:
        self.records = list(records)
        self.faults = faults
        self._hasty = hasty
        self._audio = audio
        self._arriving = iter(arriving)
        self._chance = random.Random(seed)

    def __call__(self, asked: Asked) -> Reply:
        if asked.headers.get("Authorization") != KEY:
            return Reply(b"", 401)
        fails = self._chance.randrange(100) < self.faults
        if asked.path == PATH:
            return self._chance.choice(ALL_FAULTS) if fails else self._list(asked.query)
        if asked.path not in self._audio:
            return Reply(b"", 404)
        return self._sound(asked, self._audio[asked.path], fails=fails)

    def arrive(self, number: int) -> None:
        """Let so many more records arrive, each anywhere in the list."""
        for record in islice(self._arriving, number):
            self.records.insert(self._chance.randint(0, len(self.records)), record)

    def _list(self, query: dict[str, str]) -> Reply:
        if self._hasty:
            self.arrive(self._chance.randrange(3))
        conditions = json.loads(query.get("filter", "null")) or []
        found = [each for each in self.records if all(holds(one, each) for one in conditions)]
        self._stir(found)
        start = int(query.get("offset", "0"))
        end = start + int(query.get("limit", "500"))
        return Reply(json.dumps({"data": found[start:end]}).encode())

    def _stir(self, found: list[Record]) -> None:
        """Move a few rows, and let one stand there twice."""
        for _ in range(len(found) // 10 + 1 if found else 0):
            moved = found.pop(self._chance.randrange(len(found)))
            found.insert(self._chance.randint(0, len(found)), moved)
        if found:
            twice = self._chance.choice(found)
            found.insert(self._chance.randint(0, len(found)), twice)

    def _sound(self, asked: Asked, audio: bytes, *, fails: bool) -> Reply:
        begin = 0
        ranged = asked.headers.get("Range", "")
        if ranged and self._chance.random() < 0.5:
            begin = int(ranged.removeprefix("bytes=").rstrip("-"))
        part, status, headers = audio[begin:], 200, {"Content-Type": "audio/wav"}
        if begin:
            status = 206
            headers["Content-Range"] = f"bytes {begin}-{len(audio) - 1}/{len(audio)}"
        if not fails:
            return Reply(part, status, headers)
        cut = self._chance.randrange(len(part)) if part else 0
        return self._chance.choice(
            (
                *ALL_FAULTS[:4],
                TOO_OFTEN,
                Reply(part, status, headers, cut=cut),
                Reply(part, status, headers | {"Content-Length": str(len(part) + 99)}, cut=cut),
                Reply(part, status, headers | {"Content-Length": str(len(part) - cut // 2)}),
            )
        )
