"""The endpoint as its published description alone has it, as bad as that allows.

It knows `limit`, `offset` and `filter`; no `Link`, no order, no count. Calls arrive in front
while it is read, fields are missing or unknown, and now and then it fails.
"""

from __future__ import annotations

import json
import operator
from collections.abc import Iterable, Sequence
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
FAULTS = (SERVER_FAULT, BAD_GATEWAY, BUSY, SILENCE, HALF, HALF_UNNOTICED)


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
