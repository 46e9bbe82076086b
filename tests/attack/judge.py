"""What is expected of every answer, whatever was sent."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

from attack.case import Case, Target
from attack.wire import Answer, Talk
from callreel.api.errors import ANSWERS

CODES: dict[int, frozenset[str]] = {
    status: frozenset(code for each, code in ANSWERS.values() if each == status)
    for status, _ in ANSWERS.values()
} | {431: frozenset({"bad_parameter"})}
REQUIRED = {
    401: "www-authenticate",
    405: "allow",
    416: "content-range",
    429: "retry-after",
    503: "retry-after",
}
"""A header that must go with a status."""
NEVER = frozenset({"server", "set-cookie", "x-powered-by", "x-attack"})
SAFE = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'",
}
KEEPS_NOTHING = ("no-store", "no-cache", "public, no-cache")
INTERNAL = re.compile(
    rb"Traceback|File \"|\.py\b|sqlite|apsw|/root|/home|/tmp|site-packages", re.IGNORECASE
)
_DIFFERS = frozenset({"x-request-id", "date"})


def faults(target: Target, case: Case, talk: Talk, twin: Talk | None = None) -> list[str]:
    """Return what is wrong with the answers to a case, nothing where all is well."""
    found = [*_of_time(talk, target.most_seconds), *_of_secrets(target, case, talk)]
    if not talk.answers and not case.is_broken:
        found.append("there is no answer")
    for answer in talk.answers:
        found += _of_answer(case, answer)
    if talk.answers and case.statuses and talk.answers[0].status not in case.statuses:
        shown = talk.answers[0].body[:200]
        found.append(f"status {talk.answers[0].status}, not {sorted(case.statuses)}: {shown!r}")
    if twin is not None and alike(talk) != alike(twin):
        found.append(f"answered unlike its twin: {alike(talk)!r} and {alike(twin)!r}")
    return found


def alike(talk: Talk) -> list[object]:
    """Return what must be the same in two answers that may not differ."""
    return [
        (
            answer.status,
            [pair for pair in answer.headers if pair[0] not in _DIFFERS],
            _without_id(answer),
        )
        for answer in talk.answers
    ]


def _without_id(answer: Answer) -> bytes:
    request_id = (answer.header("x-request-id") or "\0").encode()
    return answer.body.replace(request_id, b"")


def _of_time(talk: Talk, most: float) -> Iterator[str]:
    if talk.seconds > most:
        yield f"it took {talk.seconds:.2f} s"


def _of_secrets(target: Target, case: Case, talk: Talk) -> Iterator[str]:
    texts = [talk.received, *(answer.body for answer in talk.answers)]
    sent = case.raw + unquote_to_bytes(case.raw)
    for mark in (*target.foreign_marks, *case.forbidden):
        if mark not in sent and any(mark in text for text in texts):
            yield f"it shows what this key may not see: {mark!r}"
    for key in (*target.keys.values(), target.guard):
        if any(key.text.encode() in text for text in texts):
            yield f"it shows the key {key.name!r}"


def _of_answer(case: Case, answer: Answer) -> Iterator[str]:
    if answer.status == 0:
        yield f"it is no HTTP: {answer.body[:80]!r}"
        return
    if answer.status >= 500:
        yield f"status {answer.status}: {answer.body[:300]!r}"
    if 300 <= answer.status < 400 and answer.status != 304:
        yield f"it redirects with {answer.status}"
    if answer.size > case.most_bytes:
        yield f"its body has {answer.size} bytes"
    yield from _of_headers(case, answer)
    if answer.status >= 400:
        yield from _of_error(case, answer)


def _of_headers(case: Case, answer: Answer) -> Iterator[str]:
    headers = dict(answer.headers)
    for name in NEVER & headers.keys():
        yield f"it has the header {name}"
    if len(headers) < len(answer.headers) and "www-authenticate" not in headers:
        yield f"it has a header twice: {answer.headers}"
    for name, value in SAFE.items():
        if not headers.get(name, "").startswith(value):
            yield f"it lacks {name}: {value}"
    caching = headers.get("cache-control", "")
    if not caching.endswith(KEEPS_NOTHING):
        yield f"it may be kept by a cache: Cache-Control is {caching!r}"
    if "x-request-id" not in headers:
        yield "it lacks X-Request-ID"
    is_head = case.raw.startswith(b"HEAD ") or answer.status == 304
    if not is_head and headers.get("content-length", str(answer.size)) != str(answer.size):
        yield f"its body has {answer.size} bytes, not {headers['content-length']}"


def _of_error(case: Case, answer: Answer) -> Iterator[str]:
    required = REQUIRED.get(answer.status)
    if required is not None and answer.header(required) is None:
        yield f"an answer {answer.status} lacks {required}"
    if answer.header("content-type") != "application/json":
        yield f"an error is of the type {answer.header('content-type')}"
    if case.raw.startswith(b"HEAD "):
        return
    try:
        error = json.loads(answer.body)["error"]
        rest = error.keys() - {"code", "message", "request_id", "field"}
        is_whole = all(isinstance(error[name], str) for name in ("code", "message", "request_id"))
    except (ValueError, KeyError, TypeError):
        yield f"an error has another form: {answer.body[:200]!r}"
        return
    if rest or not is_whole or not error["message"] or "\n" in error["message"]:
        yield f"an error has another form: {answer.body[:200]!r}"
    if error["code"] not in CODES.get(answer.status, ()):
        yield f"status {answer.status} has the code {error['code']!r}"
    if answer.header("x-request-id") != error["request_id"]:
        yield "the request_id of the body is not that of the header"
    if INTERNAL.search(answer.body):
        yield f"it tells of the inside: {answer.body[:300]!r}"
