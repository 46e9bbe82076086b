from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Unpack
from urllib.parse import parse_qs
from zoneinfo import ZoneInfo

import pytest

from callreel.client.filters import CallFilters, Filters, ask, wire_time
from endpoints.original import Original, Record
from endpoints.quick import QuickCallreel
from endpoints.scripted import ScriptedServer

WARSAW = ZoneInfo("Europe/Warsaw")


def conditions(**filters: Unpack[Filters]) -> list[dict[str, Any]]:
    found = json.loads(parse_qs(ask(filters).query(limit=1))["filter"][0])
    assert isinstance(found, list)
    return found


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"project_id": 3}, {"property": "project_id", "value": [3]}),
        ({"tenant_user_id": {7}}, {"property": "tenant_user_id", "value": [7]}),
        ({"number": "+48 22 1"}, {"property": "number_list", "value": ["+48 22 1"]}),
        ({"number": ["1", "2"]}, {"property": "number_list", "value": ["1", "2"]}),
        ({"tag": iter((4, 5))}, {"property": "custom_tag_id_list", "value": [4, 5]}),
        *(
            (
                {f"talking_time_{each}": 500},
                {"property": "talking_time", "operator": each, "value": 500},
            )
            for each in ("gt", "gte", "lt", "lte", "eq")
        ),
        *(
            (
                {f"{name}_{each}": "2025-03-01 08:30:00"},
                {"property": name, "operator": each, "value": "2025-03-01 08:30:00"},
            )
            for name in ("start_time", "hangup_time")
            for each in ("gte", "lte")
        ),
    ],
)
def test_an_argument_becomes_an_object_of_the_filter(
    filters: Filters, expected: dict[str, Any]
) -> None:
    assert conditions(**filters) == [expected]


def test_arguments_that_are_none_are_left_out() -> None:
    assert ask({"project_id": None, "start_time_gte": None}, None).query(limit=5) == "limit=5"


def test_a_range_is_two_objects() -> None:
    found = conditions(talking_time_gte=0, talking_time_lt=9)
    assert [each["operator"] for each in found] == ["gte", "lt"]


@pytest.mark.parametrize(
    ("moment", "up", "text"),
    [
        (datetime(2025, 3, 1, 8, 30, tzinfo=UTC), False, "2025-03-01 08:30:00"),
        (
            datetime(2025, 7, 1, 0, 30, tzinfo=WARSAW),
            True,
            "2025-06-30 22:30:00",
        ),
        (datetime(2025, 3, 1, tzinfo=timezone(timedelta(hours=-5))), True, "2025-03-01 05:00:00"),
        (datetime(2025, 3, 1, 8, 30, 0, 1, tzinfo=UTC), True, "2025-03-01 08:30:01"),
        (datetime(2025, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), True, "2026-01-01 00:00:00"),
        (datetime(2025, 3, 1, 8, 30, 0, 999_999, tzinfo=UTC), False, "2025-03-01 08:30:00"),
        (datetime(2025, 3, 1, 8, 30, 59, 500_000, tzinfo=UTC), True, "2025-03-01 08:31:00"),
        (datetime.min.replace(tzinfo=UTC), True, "0001-01-01 00:00:00"),
        (datetime.max.replace(tzinfo=UTC), False, "9999-12-31 23:59:59"),
        ("2025-03-01 08:30:00", True, "2025-03-01 08:30:00"),
    ],
)
def test_a_moment_is_written_in_utc_and_whole_seconds(
    moment: datetime | str, up: bool, text: str
) -> None:
    assert wire_time(moment, up=up) == text


def test_a_start_is_rounded_up_and_an_end_down_so_that_no_call_outside_is_given() -> None:
    half = datetime(2025, 3, 1, 8, 30, 0, 500_000, tzinfo=UTC)
    found = conditions(start_time_gte=half, start_time_lte=half)
    assert [each["value"] for each in found] == ["2025-03-01 08:30:01", "2025-03-01 08:30:00"]


@pytest.mark.parametrize(
    ("filters", "kind", "says"),
    [
        ({"start_time_gte": datetime(2025, 3, 1)}, ValueError, "needs a time zone"),  # noqa: DTZ001 - it is what is refused
        ({"start_time_lte": "2025-03-01T08:30:00Z"}, ValueError, "is UTC and looks like"),
        ({"hangup_time_gte": "2025-02-30 00:00:00"}, ValueError, "day"),
        ({"hangup_time_lte": 5}, TypeError, "hangup_time_lte takes a datetime or a text, not int"),
        ({"project_id": "3"}, TypeError, "project_id takes int, not str"),
        ({"project_id": True}, TypeError, "project_id takes int, not bool"),
        ({"tag": [1, None]}, TypeError, "tag takes int, not NoneType"),
        ({"number": 48123}, TypeError, "number takes str, not int"),
        ({"number": b"48"}, TypeError, "number takes str, not bytes"),
        ({"talking_time_gt": 1.5}, TypeError, "talking_time_gt takes int, not float"),
        ({"talking_time": 1}, TypeError, "There is no filter talking_time"),
        ({"sort": "number"}, ValueError, "Sort by start_time"),
        ({"sort": "--start_time"}, ValueError, "Sort by start_time"),
        ({"sort": ""}, ValueError, "Sort by start_time, hangup_time, talking_time, each"),
        ({"sort": [None]}, TypeError, "sort takes str, not NoneType"),
        ({"limit": -1}, ValueError, "The limit is 0 or more"),
        ({"start_time_gte": datetime.max.replace(tzinfo=UTC)}, ValueError, "years 1 to 9999"),
        ({"start_time_gte": datetime.min.replace(tzinfo=WARSAW)}, ValueError, "years 1 to 9999"),
        ({"start_time_lte": " 2025-03-01 08:30:00"}, ValueError, "looks like 2025-03-01 08:30:00"),
        ({"start_time_lte": "2025-03-01 08:30:00\n"}, ValueError, "looks like"),
        ({"start_time_lte": "٢٠٢٥-03-01 08:30:00"}, ValueError, "looks like"),
        ({"hangup_time_lte": "2025-03-01 08:60:00"}, ValueError, "minute"),
    ],
)
def test_a_wrong_argument_is_refused_at_once(
    client: QuickCallreel, filters: dict[str, Any], kind: type[Exception], says: str
) -> None:
    with pytest.raises(kind, match=says):
        client.recordings(**filters)


def test_an_empty_list_matches_nothing_and_is_not_asked(
    scripted: ScriptedServer, client: QuickCallreel
) -> None:
    scripted.play(Original([{"project_id": 1}]))
    assert list(client.recordings(project_id=[])) == []
    assert list(client.recordings(limit=0)) == []
    assert list(client.recordings(project_id=1, number=iter(()))) == []
    assert client.count(tag=()) == 0
    assert scripted.asked == []


def test_an_end_is_rounded_down_for_each_time_and_a_start_up() -> None:
    late = datetime(2025, 3, 1, 8, 30, 0, 1, tzinfo=UTC)
    found = conditions(hangup_time_gte=late, hangup_time_lte=late)
    assert [each["value"] for each in found] == ["2025-03-01 08:30:01", "2025-03-01 08:30:00"]
    assert wire_time(late) == "2025-03-01 08:30:00"


def test_without_filter_and_sort_only_the_page_is_asked_for(
    scripted: ScriptedServer, client: QuickCallreel
) -> None:
    scripted.play(Original([]))
    list(client.recordings())
    list(client.recordings(sort=(), limit=3))
    list(client.recordings(limit=501))
    assert [asked.query for asked in scripted.asked] == [
        {"limit": "500"},
        {"limit": "3"},
        {"limit": "500"},
    ]


def test_sorts_are_sent_in_their_order(scripted: ScriptedServer, client: QuickCallreel) -> None:
    scripted.play(Original([]))
    list(client.recordings(sort="start_time"))
    list(client.recordings(sort=["-talking_time", "hangup_time"]))
    assert [json.loads(asked.query["sort"]) for asked in scripted.asked] == [
        [{"property": "start_time", "direction": "ASC"}],
        [
            {"property": "talking_time", "direction": "DESC"},
            {"property": "hangup_time", "direction": "ASC"},
        ],
    ]


RECORDS: list[Record] = [
    {
        "recording_uuid": str(number),
        "project_id": number % 3,
        "talking_time": number * 1000,
        "start_time": f"2025-03-01 08:00:{number:02}",
        "from_display_target": f"4812345670{number % 10}",
        "custom_tag_id_list": [number % 4, 9],
    }
    for number in range(60)
]


@pytest.mark.parametrize(
    ("filters", "matches"),
    [
        ({"project_id": [0, 2]}, lambda n: n % 3 != 1),
        ({"project_id": 1, "tag": 2}, lambda n: n % 3 == 1 and n % 4 == 2),
        ({"tag": 9, "talking_time_gt": 57_000}, lambda n: n > 57),
        ({"number": ["48123456703", "48123456704"]}, lambda n: n % 10 in {3, 4}),
        (
            {
                "start_time_gte": datetime(2025, 3, 1, 9, 0, 10, tzinfo=WARSAW),
                "start_time_lte": "2025-03-01 08:00:20",
            },
            lambda n: 10 <= n <= 20,
        ),
    ],
)
def test_filters_find_on_the_original_endpoint_what_they_say(
    scripted: ScriptedServer, filters: dict[str, Any], matches: Callable[[int], bool]
) -> None:
    scripted.play(Original(RECORDS))
    with QuickCallreel(scripted.url, page_size=7) as client:
        found = {each.recording_uuid for each in client.recordings(**filters)}
    assert found == {str(number) for number in range(60) if matches(number)}


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"project_id": 3}, {"property": "project_id_list", "value": [3]}),
        ({"tenant_user_id": [7]}, {"property": "tenant_user_id_list", "value": [7]}),
        ({"dialog_type": "BOT"}, {"property": "dialog_type_list", "value": ["BOT"]}),
        ({"operator_call_id": ["1"]}, {"property": "operator_call_id_list", "value": ["1"]}),
        (
            {"call_request_agent_id": "7"},
            {"property": "call_request_agent_id_list", "value": ["7"]},
        ),
        (
            {"business_direction": "INBOUND"},
            {"property": "business_direction", "value": "INBOUND"},
        ),
        ({"number": "48"}, {"property": "number_list", "value": ["48"]}),
    ],
)
def test_a_question_about_calls_has_the_names_of_their_list(
    filters: CallFilters, expected: dict[str, Any]
) -> None:
    assert ask(filters, of_calls=True).conditions == (expected,)


@pytest.mark.parametrize("name", ["dialog_type", "business_direction", "operator_call_id"])
def test_what_only_calls_know_is_no_filter_of_recordings(name: str) -> None:
    asked: Any = {name: "x"}
    with pytest.raises(TypeError, match=f"There is no filter {name}"):
        ask(asked)
