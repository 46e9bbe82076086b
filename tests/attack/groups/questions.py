"""The list's parameters: injection, what parsers trip over, pages beyond all measure."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

from attack.case import Case, Key, Target, quoted, request
from attack.payloads import EVERYTHING, NUMBERS, SHELL, SQL
from callreel.api.wire import FILTERS, SORTS

LIST = "/cdr_dialog_recording"
LISTS = (LIST, LIST, "/cdr_dialog")
NAMES = ("limit", "offset", "filter", "sort", "cursor", "count")
ANSWERED = frozenset({200})
REFUSED = frozenset({400, 431})
EITHER = ANSWERED | REFUSED
OPERATORS = ("eq", "gt", "gte", "lt", "lte")
_TENANT_HEADERS = ("X-Tenant-Id", "X-Tenant", "Tenant", "X-Account", "X-Forwarded-User")
_TENANT = ("tenant_id", "tenant", "account_id", "customer", "org", "key", "user", "realm")


def a_key(target: Target, chance: random.Random) -> Key:
    """Return a key that may read; one that is narrowed finds less than all."""
    return target.keys[chance.choice(("all", "by project", "by user"))]


def asking(
    target: Target, chance: random.Random, says: str, query: str, statuses: frozenset[int] = EITHER
) -> Case:
    key, path = a_key(target, chance), chance.choice(LISTS)
    raw = request("GET", f"{path}?{query}", key)
    return Case(f"{path}: {says}", raw, statuses, forbidden=key.forbidden)


def injection(target: Target, chance: random.Random) -> Iterator[Case]:
    """Hostile text in every parameter, and in every place of a filter and of a sort."""
    while True:
        text = chance.choice(EVERYTHING)
        name = chance.choice(NAMES)
        if chance.random() < 0.3:
            yield asking(target, chance, f"{name}={text[:30]!r}", f"{name}={quoted(text)}")
        elif chance.random() < 0.3:
            sort = [{"property": text}, {"property": "start_time", "direction": text}]
            one = [chance.choice(sort)]
            yield asking(target, chance, f"a sort by {text[:30]!r}", _json("sort", one), REFUSED)
        else:
            yield asking(
                target,
                chance,
                f"a filter with {text[:30]!r}",
                _json("filter", _filter(chance, text)),
            )


def _filter(chance: random.Random, text: str) -> list[Any]:
    known = chance.choice(list(FILTERS))
    value = chance.choice((text, [text], [text, text], {"$ne": text}, [[text]], {text: 1}))
    hostile: dict[str, Any] = {"property": known, "operator": "eq", "value": value}
    place = chance.choice(("value", "property", "operator", "more", "several"))
    if place in {"property", "operator"}:
        hostile[place] = text
    elif place == "more":
        hostile[text] = text
    elif place == "several":
        return [hostile, {"property": "project_id", "value": [9]}, hostile]
    return [hostile]


def _json(name: str, value: Any) -> str:
    return f"{name}={quoted(json.dumps(value, ensure_ascii=True))}"


def traps(target: Target, chance: random.Random) -> Iterator[Case]:
    """What Python's own parsers and databases trip over."""
    while True:
        says, query = chance.choice(list(_traps(chance).items()))
        yield asking(target, chance, says, query, REFUSED)


def _traps(chance: random.Random) -> dict[str, str]:
    name = chance.choice(list(FILTERS))
    depth = chance.choice((60, 900, 1_000, 5_000))
    whole = chance.choice((2**63, -(2**63) - 1, 2**64, 10**18 * 10, 10**4_000))
    items = chance.choice((1_001, 3_000))
    return {
        "deep lists": f"filter={'%5B' * depth}",
        "deep lists in a value": _value(name, "[" * depth + "]" * depth),
        "deep objects": "filter=" + quoted('{"a":' * depth),
        "a filter of 100,000 brackets": "filter=" + "[" * 100_000,
        "digits beyond Python's limit": _value(name, "9" * 4_400),
        "more than 64 bits": _value("project_id", f"[{whole}]"),
        "no number": _value("talking_time", chance.choice(("NaN", "1e999", "-Infinity", "1.5"))),
        "half a character": _value(name, '"%5Cud800"'),
        "a NUL": _value("number_list", '"a%5Cu0000b"'),
        "true as a number": _value("project_id", "true"),
        "a key twice": f'filter=[{{"property":"{name}","property":"{name}","value":1}}]',
        "a parameter twice": "limit=1&limit=1",
        "a list too long": _json("filter", [{"property": "project_id", "value": [0] * items}]),
        "objects too many": _json("filter", [{"property": "project_id", "value": 1}] * 51),
        "a property that is no text": _json(
            "filter", [{"property": chance.choice(([], {}, None, 1)), "value": 1}]
        ),
        "an operator that is no text": _json(
            "filter", [{"property": name, "operator": chance.choice(([], {}, 1)), "value": 1}]
        ),
        "a time in other digits": _time(
            chance.choice(("２０２５-01-01 00:00:00", "2025-1-1 0:0:0"))
        ),
        "a time that never was": _time(
            chance.choice(("2025-02-30 00:00:00", "2025-01-01 24:00:00", "2025-01-01T00:00:00Z"))
        ),
        "broken percents": chance.choice(
            ("filter=%", "filter=%f", "filter=%zz", "%=1", "limit=%u0031")
        ),
        "wrong bytes": chance.choice(("filter=%ff%fe", "filter=%c0%af", "%ff=1", "sort=%ed%a0%80")),
        "a cursor of another make": "cursor=" + quoted(chance.choice(NUMBERS)) + ".0.0",
        "a count that is none": "count=" + chance.choice(("1", "TRUE", "True", "yes", "")),
    }


def _value(name: str, json_text: str) -> str:
    return f'filter=[{{"property":"{name}","value":{json_text}}}]'


def _time(text: str) -> str:
    return _json("filter", [{"property": "start_time", "operator": "gte", "value": text}])


def paging(target: Target, chance: random.Random) -> Iterator[Case]:
    """Limits, offsets and cursors that are huge, negative, odd or somebody else's."""
    while True:
        name = chance.choice(("limit", "offset"))
        number = chance.choice(NUMBERS)
        sort = [{"property": chance.choice(list(SORTS)), "direction": "DESC"}]
        letter = chance.choice("shtSHTx")
        places = ".".join(f"{chance.randrange(-(2**63), 2**63):x}" for _ in range(2))
        query = chance.choice(
            (
                f"{name}={quoted(number)}",
                f"{name}={chance.randrange(10**5)}&count=true",
                f"offset={2**53}&{_json('sort', sort)}",
                f"cursor={letter}.{places}",
                f"cursor=s.{places}&offset=0",
                f"cursor={letter}.{places}&{_json('sort', sort)}",
                f"limit={quoted(number)}&offset={quoted(chance.choice(NUMBERS))}&count=true",
                "&" * 9_000 + "limit=1",
                f"limit=1&{quoted(chance.choice(EVERYTHING))}=1",
            )
        )
        yield asking(target, chance, f"a page of {query[:40]}", query)


def costly(target: Target, chance: random.Random) -> Iterator[Case]:
    """Questions that are valid and as dear as a question may be."""
    while True:
        size, lists = chance.choice(((1, 40), (90, 8), (90, 3), (300, 8), (1_000, 3)))
        objects = [_any_of(chance, size) for _ in range(chance.randint(1, lists))]
        objects += [
            {"property": "talking_time", "operator": chance.choice(OPERATORS), "value": 60_000}
            for _ in range(chance.randrange(10))
        ]
        text = quoted(json.dumps(objects, separators=(",", ":")))
        sort = [{"property": chance.choice(list(SORTS)), "direction": "DESC"}]
        page = f"count=true&limit=10000&offset={chance.choice((0, 10**6))}"
        query = f"filter={text}&{_json('sort', sort)}&{page}"
        yield asking(target, chance, "a costly question", query, ANSWERED)


def _any_of(chance: random.Random, size: int) -> dict[str, Any]:
    name = chance.choice(("project_id", "tenant_user_id", "custom_tag_id_list", "number_list"))
    values: list[Any] = list(range(size))
    if name == "number_list":
        values = [str(value) for value in values[: size // 2 + 1]]
    elif size < 1_000:
        values[0] = chance.randrange(-(2**63), 2**63)
    return {"property": name, "value": values}


def tenancy(target: Target, chance: random.Random) -> Iterator[Case]:
    """Another tenant, named in a query, a header, a cookie or a filter: never believed."""
    while True:
        name, number = chance.choice(_TENANT), chance.choice(("2", "1", "0", "-1", "*", "Other"))
        key = a_key(target, chance)
        header = chance.choice(_TENANT_HEADERS)
        says, raw, statuses = chance.choice(
            (
                ("in the query", request("GET", f"{LIST}?{name}={number}", key), REFUSED),
                ("in a header", request("GET", LIST, key, headers=[(header, number)]), ANSWERED),
                (
                    "in a cookie",
                    request("GET", LIST, key, headers=[("Cookie", f"{name}={number}")]),
                    ANSWERED,
                ),
                (
                    "in a filter",
                    request(
                        "GET",
                        f"{LIST}?" + _json("filter", [{"property": name, "value": number}]),
                        key,
                    ),
                    REFUSED,
                ),
                (
                    "by its project",
                    request(
                        "GET",
                        f"{LIST}?"
                        + _json("filter", [{"property": "project_id", "value": [88000020]}]),
                        key,
                    ),
                    ANSWERED,
                ),
            )
        )
        yield Case(f"another tenant {says}", raw, statuses, forbidden=key.forbidden)


def converting(target: Target, chance: random.Random) -> Iterator[Case]:
    """The format of audio: an enumeration, never a part of a command."""
    path = f"{LIST}/{target.own}/audio"
    while True:
        text = chance.choice((*SHELL, *SQL, *EVERYTHING))
        raw = request("GET", f"{path}?format={quoted(text)}", target.all)
        yield Case(f"format={text[:30]!r}", raw, REFUSED)
