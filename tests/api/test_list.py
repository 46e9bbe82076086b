"""The list over real HTTP, compared with what the objects themselves say."""

from __future__ import annotations

import asyncio
import json
import operator
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from callreel.api.wire import Bodies
from callreel.api.wire_time import format_time
from callreel.archive.facts import facts_of
from callreel.catalog import NewEntry
from callreel.catalog.sqlite import SqliteCatalog
from callreel.model import Audio, Call, DialogType, Direction, Named, Recording
from support import PATH, PROJECT, Running, serve

Record = dict[str, Any]
BEGIN = 1_741_944_413
COUNT = 160
SPELLINGS = ["+48 22 123 45 67", "0048600700800", "(48) 600-700.800", "2001", "sip:Anna", "4822"]
TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
    "eq": operator.eq,
}


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with serve(tmp_path_factory.mktemp("full") / "data") as running:
        asyncio.run(_fill(running.data / "callreel.db"))
        yield running


@pytest.fixture(scope="module")
def records(full: Running) -> list[Record]:
    """Everything, in the order of the list."""
    found = _data(full, {"limit": str(COUNT + 1)})
    assert len(found) == COUNT
    return found


async def _fill(path: Path) -> None:
    catalog = SqliteCatalog(path)
    tenants = {tenant.name: tenant.number for tenant in await catalog.tenants()}
    rng = random.Random(7)
    await catalog.add(tenants["Own"], [_entry(rng, f"own-{n}") for n in range(COUNT)])
    await catalog.add(tenants["Other"], [_entry(rng, f"other-{n}") for n in range(20)])
    await catalog.close()


def _entry(rng: random.Random, recording_id: str) -> NewEntry:
    started = BEGIN + rng.choice([0, 0, 1, 60, 3600, 86_400])
    call = Call(
        dialog_id="d",
        dialog_type=DialogType.CONSULTANT,
        direction=rng.choice(list(Direction)),
        started_at=started,
        hung_up_at=started + rng.choice([0, 1, 60, 7200]),
        talking_ms=rng.choice([0, 1, 1000, 60_000]),
        from_number=rng.choice([None, *SPELLINGS]),
        to_number=rng.choice(SPELLINGS),
        project=rng.choice([None, Named(PROJECT, "Sprzedaż"), Named(3, None)]),
        user=rng.choice([None, Named(14, "Żaneta"), Named(15, "Jan")]),
        tags=tuple(sorted(rng.sample([1, 2, 3, 4], rng.randrange(3)))),
    )
    audio = Audio("ab" * 32, 44, "audio/wav", 2, 1000)
    return NewEntry(
        id=recording_id,
        body=Bodies().render(Recording(recording_id, call, audio)),
        facts=facts_of(call),
        digest=b"d" * 32,
        fingerprint=b"f" * 32,
        arrived_at=BEGIN,
    )


def _ask(running: Running, query: dict[str, str] | str, key: str = "all") -> requests.Response:
    """Ask as `requests` encodes a mapping, or with a query as it stands."""
    if isinstance(query, str):
        return running.ask("GET", f"{PATH}?{query}", key)
    return running.ask("GET", PATH, key, params=query)


def _data(running: Running, query: dict[str, str] | str, key: str = "all") -> list[Record]:
    answer = _ask(running, query, key)
    assert answer.status_code == 200, answer.text
    assert answer.json().keys() == {"data"}
    found: list[Record] = answer.json()["data"]
    return found


def _bare(number: str | None) -> str:
    kept = re.sub(r"[^0-9A-Za-z:+]", "", number or "").lower()
    return kept.removeprefix("+") if kept.startswith("+") else kept.removeprefix("00")


def _holds(record: Record, condition: dict[str, Any]) -> bool:
    name, value = condition["property"].removesuffix("_list"), condition["value"]
    test = TESTS[condition.get("operator", "eq")]
    if name in {"talking_time", "start_time", "hangup_time"}:
        return test(record[name], value)
    choice = value if isinstance(value, list) else [value]
    if name == "number":
        sides = {_bare(record["from_display_target"]), _bare(record["to_display_target"])}
        return bool(sides & set(map(_bare, choice)))
    if name == "custom_tag_id":
        return bool(set(record["custom_tag_id_list"]) & set(choice))
    return record[name] in choice


def _expected(
    records: list[Record], conditions: list[dict[str, Any]], sort: list[dict[str, str]]
) -> list[str]:
    found = [each for each in records if all(_holds(each, one) for one in conditions)]
    if sort and sort[-1].get("direction") == "DESC":
        found.reverse()
    for key in reversed(sort):
        descends = key.get("direction") == "DESC"
        found.sort(key=operator.itemgetter(key["property"]), reverse=descends)
    return [each["recording_uuid"] for each in found]


def _some(*values: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from(values) | st.lists(st.sampled_from(values), max_size=3)


def _condition(
    names: list[str], values: st.SearchStrategy[Any], operators: list[str]
) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {"property": st.sampled_from(names), "value": values},
        optional={"operator": st.sampled_from(operators)},
    )


moments = st.sampled_from([-1, 0, 1, 60, 61, 3600, 7200, 86_400]).map(
    lambda seconds: format_time(BEGIN + seconds)
)
conditions = st.lists(
    _condition(["project_id", "project_id_list"], _some(PROJECT, 3, 99), ["eq"])
    | _condition(["tenant_user_id", "tenant_user_id_list"], _some(14, 15, 99), ["eq"])
    | _condition(["custom_tag_id_list"], _some(1, 2, 3, 99), ["eq"])
    | _condition(["number_list"], _some(*SPELLINGS, "48221234567", " 48600700800"), ["eq"])
    | _condition(["talking_time"], st.sampled_from([0, 1, 999, 1000, 60_000]), list(TESTS))
    | _condition(["start_time", "hangup_time"], moments, list(TESTS)),
    max_size=3,
)
sorts = st.lists(
    st.fixed_dictionaries(
        {"property": st.sampled_from(["start_time", "hangup_time", "talking_time"])},
        optional={"direction": st.sampled_from(["ASC", "DESC"])},
    ),
    max_size=3,
    unique_by=lambda key: key["property"],
)


def _query(conditions: list[dict[str, Any]], sort: list[dict[str, str]]) -> dict[str, str]:
    query = {"filter": json.dumps(conditions)}
    return query | {"sort": json.dumps(sort)} if sort else query


@settings(deadline=None)
@given(conditions, sorts)
def test_a_list_holds_what_its_filter_says_in_the_order_asked_for(
    full: Running,
    records: list[Record],
    conditions: list[dict[str, Any]],
    sort: list[dict[str, str]],
) -> None:
    expected = _expected(records, conditions, sort)
    answer = _ask(full, {**_query(conditions, sort), "count": "true"})
    assert [each["recording_uuid"] for each in answer.json()["data"]] == expected
    assert answer.headers["x-total-count"] == str(len(expected))


@settings(deadline=None, max_examples=40)
@given(conditions)
def test_both_encodings_give_the_same(full: Running, conditions: list[dict[str, Any]]) -> None:
    # As JavaScript's encodeURI does it, which leaves commas, colons and pluses bare.
    text = quote(json.dumps(conditions, separators=(",", ":")), safe=";,/?:@&=+$-_.!~*'()#")
    assert _data(full, f"filter={text}") == _data(full, _query(conditions, []))


@settings(deadline=None, max_examples=40)
@given(conditions, sorts, st.integers(1, 60))
def test_a_walk_along_the_links_meets_every_record_once_in_order(
    full: Running,
    records: list[Record],
    conditions: list[dict[str, Any]],
    sort: list[dict[str, str]],
    limit: int,
) -> None:
    met: list[str] = []
    answer = _ask(full, {**_query(conditions, sort), "limit": str(limit)})
    while True:
        met += [each["recording_uuid"] for each in answer.json()["data"]]
        if "next" not in answer.links:
            break
        answer = full.ask("GET", answer.links["next"]["url"].removeprefix(full.url))
        assert answer.status_code == 200
    assert met == _expected(records, conditions, sort)


@settings(deadline=None, max_examples=40)
@given(conditions, sorts, st.tuples(st.integers(0, COUNT + 5), st.integers(1, COUNT + 5)))
def test_an_offset_skips_so_many(
    full: Running,
    records: list[Record],
    conditions: list[dict[str, Any]],
    sort: list[dict[str, str]],
    part: tuple[int, int],
) -> None:
    offset, limit = part
    query = {**_query(conditions, sort), "offset": str(offset), "limit": str(limit)}
    expected = _expected(records, conditions, sort)[offset : offset + limit]
    assert [each["recording_uuid"] for each in _data(full, query)] == expected


@settings(deadline=None, max_examples=30)
@given(conditions)
def test_a_narrowed_key_sees_its_own_of_it_and_another_tenant_nothing(
    full: Running, records: list[Record], conditions: list[dict[str, Any]]
) -> None:
    narrowed = [*conditions, {"property": "project_id", "value": PROJECT}]
    found = _data(full, _query(conditions, []), "narrowed")
    assert [each["recording_uuid"] for each in found] == _expected(records, narrowed, [])
    others = _data(full, _query(conditions, []), "other")
    assert all(each["recording_uuid"].startswith("other-") for each in others)


def test_the_address_in_a_record_is_the_one_asked(full: Running, records: list[Record]) -> None:
    first = records[0]
    assert first["recording_url"] == f"{full.url}{PATH}/{first['recording_uuid']}/audio"


def test_a_compressed_page_is_the_same_page(full: Running) -> None:
    plain = full.ask("GET", PATH, headers={"Accept-Encoding": "identity"})
    packed = full.ask("GET", PATH, headers={"Accept-Encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.json() == plain.json()


def test_a_get_with_a_content_type_and_no_body_is_fine(full: Running) -> None:
    assert full.ask("GET", PATH, headers={"Content-Type": "application/json"}).status_code == 200


@pytest.mark.parametrize("cursor", ["s.ffffffffffff", "s.-1", "s.0", "s.1.2", "s.7fffffffffffffff"])
def test_a_forged_cursor_is_refused_or_leads_somewhere_within_the_tenant(
    full: Running, cursor: str
) -> None:
    answer = _ask(full, {"cursor": cursor})
    assert answer.status_code in {200, 400}
    if answer.status_code == 200:
        assert all(each["recording_uuid"].startswith("own-") for each in answer.json()["data"])
