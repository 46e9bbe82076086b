"""Every operation of the OpenAPI document with every kind of key, id and method."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from attack.case import Case, Key, Target, request
from attack.groups.bodies import JSON_TYPE, form_type
from forms import form

METHODS = ("OPTIONS", "TRACE", "CONNECT", "PUT", "POST", "PATCH", "DELETE", "PROPFIND", "get", "X")
OVERRIDES = ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override")
SCOPES = ("read", "listen", "ingest", "manage")
NARROWED = ("by project", "by user")
UUID = "6f0b2f4e-0000-4000-8000-00000000000a"


@dataclass(frozen=True, slots=True)
class Operation:
    """A method of an address; `scope` is None where it takes no key."""

    method: str
    path: str
    scope: str | None

    @property
    def of_one(self) -> bool:
        return "{" in self.path

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def matrix(target: Target, chance: random.Random) -> Iterator[Case]:
    """Yield the whole matrix in a random order, again and again."""
    while True:
        cases = whole(target)
        chance.shuffle(cases)
        yield from cases


def whole(target: Target) -> list[Case]:
    """Return each case of the matrix once."""
    found: list[Case] = []
    for operation in operations(target):
        found += _credentials(target, operation)
        found += _overrides(target, operation)
        if operation.of_one:
            found += _out_of_reach(target, operation)
    found += _methods(target)
    return found


def operations(target: Target) -> list[Operation]:
    """Return every operation of the document, and a HEAD for each GET."""
    found = []
    paths = cast("dict[str, dict[str, Any]]", target.document["paths"])
    for path, methods in paths.items():
        for method, said in methods.items():
            scope = next(iter(said["security"][0].values()))[0] if said["security"] else None
            found.append(Operation(method.upper(), path, scope))
            if method == "get":
                found.append(Operation("HEAD", path, scope))
    return found


def asked(operation: Operation, key: Key | str | None, recording: str, export: str) -> bytes:
    """Return a request that would be right if only the key and the ids were."""
    path = operation.path.replace("{recording_uuid}", recording).replace("{export_id}", export)
    headers, body = _body(operation)
    if operation.path == "/ingest/freeswitch":
        path += f"?uuid={UUID}"
    return request(operation.method, path, key, headers=headers, body=body)


def _body(operation: Operation) -> tuple[tuple[tuple[str, str], ...], bytes | None]:
    match operation.method, operation.path:
        case "POST", "/cdr_dialog_recording":
            return (form_type(),), form(("call", "", b"{}"), ("audio", "", b"RIFF"))
        case "POST", "/ingest/freeswitch":
            return (JSON_TYPE,), b"{}"
        case "PATCH", _:
            return (JSON_TYPE,), json.dumps({"custom_tag_id_list": []}).encode()
        case "POST", _:
            return (JSON_TYPE,), b'{"name": ""}'
    return (), None


def _credentials(target: Target, operation: Operation) -> Iterator[Case]:
    if operation.scope is None:
        for key in (None, "wrong", target.keys["expired"]):
            raw = asked(operation, key, target.own, target.exports["own"])
            yield Case(f"{operation}, which takes no key", raw, frozenset({200}))
        return
    for name, key in _no_keys(target):
        raw = asked(operation, key, target.own, target.exports["own"])
        yield Case(f"{operation} with {name}", raw, frozenset({401}))
    for name in ("no scope", *SCOPES):
        if name != operation.scope:
            raw = asked(operation, target.keys[name], target.own, target.exports["own"])
            yield Case(f"{operation} with scope {name!r}", raw, frozenset({403}))


def _no_keys(target: Target) -> Iterator[tuple[str, Key | str | None]]:
    good = target.all.text
    yield "no key", None
    yield "an empty key", ""
    yield "Bearer alone", "Bearer "
    yield "a wrong key", "cr_00000000_" + "A" * 43
    yield "half a key", good[:20]
    yield "a key with more behind", good + "A"
    yield "a key that is not ASCII", "cr_ż"
    yield "two keys", f"{good}, {good}"
    yield "another scheme", f"Token {good}"
    yield "an expired key", target.keys["expired"]
    yield "a revoked key", target.keys["revoked"]


def _out_of_reach(target: Target, operation: Operation) -> Iterator[Case]:
    """What is another's, or outside of a narrowed key, is answered as what never was."""
    never = asked(operation, target.all, "unknown", "0" * len(target.exports["own"]))
    foreign = asked(operation, target.all, target.foreign, target.exports["foreign"])
    yield Case(f"{operation}: another tenant's", foreign, frozenset({404}), never)
    for name in NARROWED:
        key = target.keys[name]
        outside = asked(operation, key, target.outside, target.exports["own"])
        twin = asked(operation, key, "unknown", "0" * len(target.exports["own"]))
        yield Case(
            f"{operation}: outside of a key narrowed {name}",
            outside,
            frozenset({404}),
            twin,
            key.forbidden,
        )


def _overrides(target: Target, operation: Operation) -> Iterator[Case]:
    """Headers that make other servers take a GET for a DELETE: they change nothing."""
    if operation.method != "GET" or operation.scope is None:
        return
    path = operation.path.replace("{recording_uuid}", target.own)
    path = path.replace("{export_id}", target.exports["own"])
    for header in OVERRIDES:
        raw = request("GET", path, target.all, headers=[(header, "DELETE")])
        yield Case(f"{operation} with {header}: DELETE", raw, frozenset({200}))
    yield Case(
        f"{operation} with _method",
        request("GET", f"{path}?_method=DELETE", target.all),
        frozenset({400}),
    )


def _methods(target: Target) -> Iterator[Case]:
    paths = cast("dict[str, dict[str, Any]]", target.document["paths"])
    for path, known in paths.items():
        at = path.replace("{recording_uuid}", target.own)
        at = at.replace("{export_id}", target.exports["own"])
        for method in METHODS:
            if method.lower() in known and method.isupper():
                continue
            raw = request(method, at, target.all)
            refused = frozenset({405, 400}) if method in {"CONNECT", "get", "X"} else {405}
            yield Case(f"{method} {path}", raw, frozenset(refused))
