"""The list of calls over real HTTP, compared with what the objects themselves say."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callreel.api.wire import Bodies, WireUnrecorded
from callreel.api.wire_time import format_time
from callreel.archive.facts import facts_of
from callreel.catalog import NewCall
from callreel.catalog.sqlite import SqliteCatalog
from callreel.model import Audio, Call, DialogType, Direction, Named, Recording
from exporting.exports import entry_of
from support import PATH, PROJECT, Running, a_call, serve

CALLS = "/cdr_dialog"
BEGIN = 1_741_944_413
COUNT = 120
Record = dict[str, Any]
OF_THE_AUDIO = (
    "recording_uuid",
    "recording_url",
    "recording_duration",
    "recording_size",
    "recording_mime_type",
    "recording_channels",
    "recording_sha256",
)


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
    rng = random.Random(11)
    for index in range(COUNT):
        call = _call(rng, f"d-{index}")
        if index % 2:
            audio = Audio(f"{index:064x}", 44, "audio/wav", 2, 1000)
            await catalog.add(1, [entry_of(Recording(f"own-{index}", call, audio))])
        else:
            await catalog.add_calls(1, [_unrecorded(call)])
    await catalog.add_calls(2, [_unrecorded(_call(rng, "other"))])
    await catalog.close()


def _call(rng: random.Random, dialog_id: str) -> Call:
    started = BEGIN + rng.choice([0, 0, 1, 60, 3600, 86_400])
    return Call(
        dialog_id=dialog_id,
        dialog_type=rng.choice(list(DialogType)),
        direction=rng.choice(list(Direction)),
        started_at=started,
        hung_up_at=started + rng.choice([0, 1, 60]),
        talking_ms=rng.choice([0, 1000, 60_000]),
        from_number=rng.choice([None, "+48 22 1", "2001"]),
        to_number="2002",
        source_call_id=rng.choice([None, "a.1", "a.2", "ż"]),
        project=rng.choice([None, Named(PROJECT, "Sprzedaż"), Named(3, None)]),
        user=rng.choice([None, Named(14, "Żaneta")]),
        tags=tuple(sorted(rng.sample([1, 2], rng.randrange(3)))),
    )


def _unrecorded(call: Call) -> NewCall:
    return NewCall(
        dialog=call.dialog_id,
        body=Bodies().render_unrecorded(call),
        facts=facts_of(call),
        arrived_at=BEGIN,
        source="test",
    )


def _data(running: Running, query: dict[str, str], key: str = "all") -> list[Record]:
    answer = running.ask("GET", CALLS, key, params=query)
    assert answer.status_code == 200, answer.text
    assert answer.json().keys() == {"data"}
    found: list[Record] = answer.json()["data"]
    return found


def _some(*values: str) -> st.SearchStrategy[Any]:
    return st.sampled_from(values) | st.lists(st.sampled_from(values), max_size=3)


def _condition(name: str, *values: str) -> st.SearchStrategy[Record]:
    return st.fixed_dictionaries({"property": st.just(name), "value": _some(*values)})


conditions = st.lists(
    _condition("dialog_type_list", *DialogType)
    | _condition("business_direction", *Direction)
    | _condition("operator_call_id_list", "a.1", "a.2", "ż", "A.1", "")
    | _condition("call_request_agent_id_list", "a.1", "7")
    | st.fixed_dictionaries(
        {"property": st.just("project_id_list"), "value": st.sampled_from([PROJECT, 3, 99])}
    )
    | st.fixed_dictionaries(
        {
            "property": st.just("start_time"),
            "operator": st.sampled_from(["gt", "lte"]),
            "value": st.sampled_from([0, 1, 60]).map(lambda s: format_time(BEGIN + s)),
        }
    ),
    max_size=3,
)


def _holds(record: Record, condition: Record) -> bool:
    name, value = condition["property"].removesuffix("_list"), condition["value"]
    if name == "start_time":
        later: bool = record[name] > value
        return later if condition["operator"] == "gt" else not later
    if name == "call_request_agent_id":
        return False
    return record[name] in (value if isinstance(value, list) else [value])


def _expected(records: list[Record], conditions: list[Record]) -> list[str]:
    return [each["dialog_uuid"] for each in records if all(_holds(each, one) for one in conditions)]


@settings(deadline=None, max_examples=60)
@given(conditions, st.integers(1, 40))
def test_a_list_holds_what_its_filter_says(
    full: Running, records: list[Record], conditions: list[Record], limit: int
) -> None:
    expected = _expected(records, conditions)
    query = {"filter": json.dumps(conditions), "count": "true", "limit": str(limit)}
    answer = full.ask("GET", CALLS, params=query)
    assert answer.headers["x-total-count"] == str(len(expected))
    met = [each["dialog_uuid"] for each in answer.json()["data"]]
    while "next" in answer.links:
        assert answer.links["next"]["url"].startswith(f"{full.url}{CALLS}?")
        answer = full.ask("GET", answer.links["next"]["url"].removeprefix(full.url))
        met += [each["dialog_uuid"] for each in answer.json()["data"]]
    assert met == expected


def test_a_narrowed_key_sees_its_own_calls_and_another_tenant_its(
    full: Running, records: list[Record]
) -> None:
    own = [each["dialog_uuid"] for each in records if each["project_id"] == PROJECT]
    assert [each["dialog_uuid"] for each in _data(full, {}, "narrowed")] == own
    assert [each["dialog_uuid"] for each in _data(full, {}, "other")] == ["other"]


def test_a_call_without_recording_has_every_field_and_null_where_the_audio_would_be_told(
    records: list[Record],
) -> None:
    silent, heard = (
        [each for each in records if (each["recording_uuid"] is None) is is_silent]
        for is_silent in (True, False)
    )
    assert len(silent) == len(heard) == COUNT // 2
    assert {tuple(each) for each in records} == {tuple(heard[0])}
    for each in silent:
        assert all(each[name] is None for name in OF_THE_AUDIO)
    assert all(each[name] is not None for each in heard for name in OF_THE_AUDIO)


def test_a_recorded_call_is_the_object_of_the_list_of_recordings(
    full: Running, records: list[Record]
) -> None:
    recordings = full.ask("GET", PATH, params={"limit": str(COUNT)}).json()["data"]
    assert recordings == [each for each in records if each["recording_uuid"] is not None]


@pytest.mark.parametrize(
    ("given_", "said"),
    [
        ({"property": "dialog_type_list", "value": ["PERSON"]}, "unknown value"),
        ({"property": "business_direction", "value": "inbound"}, "unknown value"),
        ({"property": "operator_call_id_list", "value": [1]}, "needs strings"),
        ({"property": "call_request_agent_id_list", "value": 1}, "needs strings"),
        ({"property": "operator_call_id_list", "value": "x" * 256}, "255 characters"),
        ({"property": "dialog_type_list", "operator": "gt", "value": "BOT"}, "operator"),
        ({"property": "recording_uuid", "value": "x"}, "call_request_agent_id_list"),
    ],
)
def test_a_filter_that_cannot_be_is_refused(full: Running, given_: Record, said: str) -> None:
    answer = full.ask("GET", CALLS, params={"filter": json.dumps([given_])})
    assert answer.status_code == 400
    assert said in answer.json()["error"]["message"]


def test_the_list_of_recordings_knows_no_property_of_calls(full: Running) -> None:
    asked = json.dumps([{"property": "dialog_type_list", "value": ["BOT"]}])
    assert full.ask("GET", PATH, params={"filter": asked}).status_code == 400


def test_it_takes_the_scope_read_and_is_a_get_alone(full: Running) -> None:
    assert full.ask("GET", CALLS, "ingest").status_code == 403
    assert full.ask("GET", CALLS, None).status_code == 401
    assert full.ask("HEAD", CALLS).status_code == 200
    refused = full.ask("POST", CALLS)
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")


def test_a_deleted_recording_leaves_its_call(server: Running, sound: bytes) -> None:
    call = a_call()
    made = server.upload(sound, call).json()["data"]
    twice = server.upload(sound, call | {"recording_uuid": "again"}).json()["data"]
    assert _data(server, {}) == [made]
    assert server.ask("DELETE", f"{PATH}/{made['recording_uuid']}").status_code == 200
    assert _data(server, {}) == [twice]
    assert server.ask("DELETE", f"{PATH}/{twice['recording_uuid']}").status_code == 200
    (left,) = _data(server, {"count": "true"})
    assert left == made | dict.fromkeys(OF_THE_AUDIO)
    assert WireUnrecorded.__struct_fields__ == tuple(n for n in left if n != "recording_url")
    again = server.upload(sound, call).json()["data"]
    assert _data(server, {}) == [again]


def test_an_upload_takes_the_place_of_a_call_that_was_kept(tmp_path: Path, sound: bytes) -> None:
    with serve(tmp_path / "data") as server:
        _take_its_place(server, sound)


def _take_its_place(server: Running, sound: bytes) -> None:
    kept = Call(
        dialog_id="6d59cb01-eeac-432a-b0aa-bfa4f26785ec",
        dialog_type=DialogType.CONSULTANT,
        direction=Direction.INBOUND,
        started_at=BEGIN,
        hung_up_at=BEGIN + 70,
        talking_ms=0,
    )
    asyncio.run(_keep(server.data / "callreel.db", kept))
    (before,) = _data(server, {})
    assert (before["dialog_uuid"], before["recording_uuid"]) == (kept.dialog_id, None)
    added = server.add(sound, a_call(dialog_uuid=kept.dialog_id))
    (after,) = _data(server, {})
    assert (after["recording_uuid"], after["talking_time"]) == (added["recording_uuid"], 61_500)
    asyncio.run(_keep(server.data / "callreel.db", kept))
    assert _data(server, {}) == [after]


async def _keep(path: Path, call: Call) -> None:
    catalog = SqliteCatalog(path)
    await catalog.add_calls(1, [_unrecorded(call)])
    await catalog.close()
