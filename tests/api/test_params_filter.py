"""The parameter `filter`: what its conditions mean, and which are refused."""

from __future__ import annotations

import itertools
import json
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.queries import (
    BIGGEST,
    MOMENT,
    TIME,
    asked,
    condition,
    read,
    refusal,
    refused_filter,
)
from callreel.api.limits import Limits
from callreel.api.wire import FILTERS
from callreel.model import (
    NO_FILTER,
    Span,
)


@pytest.mark.parametrize("filter_text", ["", "null", "[]", "%20", "+null+"])
def test_an_empty_filter_is_none(filter_text: str) -> None:
    assert read(f"filter={filter_text}").request.filter == NO_FILTER


def test_both_encodings_of_a_filter_mean_the_same() -> None:
    by_browser = (
        "filter=%5B%7B%22property%22:%22talking_time%22,"
        "%22operator%22:%22gt%22,%22value%22:50000%7D%5D"
    )
    by_requests = urlencode({"filter": json.dumps([condition("talking_time", 50_000, "gt")])})
    assert read(by_browser).request == read(by_requests).request
    assert read(by_browser).request.filter.talking == Span(low=50_001)


def test_a_hand_typed_filter_is_understood() -> None:
    query = b'filter=[{"property":"project_id","value":[3]}]'
    assert read(query).request.filter.projects == frozenset({3})


@pytest.mark.parametrize(
    ("operator", "span"),
    [
        ("gt", Span(low=MOMENT + 1)),
        ("gte", Span(low=MOMENT)),
        ("lt", Span(high=MOMENT - 1)),
        ("lte", Span(high=MOMENT)),
        ("eq", Span(MOMENT, MOMENT)),
        (None, Span(MOMENT, MOMENT)),
    ],
)
def test_each_operator_on_times_and_lengths(operator: str | None, span: Span) -> None:
    assert asked(condition("start_time", TIME, operator)).started == span
    assert asked(condition("hangup_time", TIME, operator)).hung_up == span
    assert asked(condition("talking_time", MOMENT, operator)).talking == span


def test_the_same_property_twice_gives_a_range() -> None:
    low = condition("talking_time", 10, "gte")
    high = condition("talking_time", 20, "lt")
    assert asked(low, high).talking == Span(10, 19)
    assert asked(high, low, condition("talking_time", 5, "lte")).talking.is_empty


def test_a_contradiction_stays_one_whatever_follows() -> None:
    never = [condition("talking_time", 1, "eq"), condition("talking_time", 2, "eq")]
    more = [condition("talking_time", 0, "gte"), condition("talking_time", BIGGEST, "lte")]
    assert asked(*never, *more).talking.is_empty


@pytest.mark.parametrize("value", [BIGGEST, -BIGGEST - 1, 0, -1])
@pytest.mark.parametrize("operator", ["gt", "gte", "lt", "lte", "eq"])
def test_no_bound_is_wider_than_a_database_takes(value: int, operator: str) -> None:
    span = asked(condition("talking_time", value, operator)).talking
    assert all(abs(bound) <= 1 << 62 for bound in (span.low, span.high))


@pytest.mark.parametrize("name", ["project_id", "project_id_list"])
def test_projects_by_both_names_as_list_and_scalar(name: str) -> None:
    assert asked(condition(name, [3, 9])).projects == frozenset({3, 9})
    assert asked(condition(name, 3, "eq")).projects == frozenset({3})
    assert asked(condition(name, [])).projects == frozenset()


@pytest.mark.parametrize("name", ["tenant_user_id", "tenant_user_id_list"])
def test_users_by_both_names(name: str) -> None:
    assert asked(condition(name, [1]), condition(name, [1, 2])).users == frozenset({1})


def test_projects_asked_for_twice_must_be_in_both_lists() -> None:
    found = asked(condition("project_id", [1, 2]), condition("project_id_list", [2, 3]))
    assert found.projects == frozenset({2})


def test_tags_and_numbers_asked_for_twice_stay_two_questions() -> None:
    assert asked(
        condition("custom_tag_id_list", [1, 2]), condition("custom_tag_id_list", 3)
    ).tags == (
        frozenset({1, 2}),
        frozenset({3}),
    )
    twice = asked(condition("number_list", ["1"]), condition("number_list", ["2", "3"]))
    assert twice.numbers == (frozenset({"1"}), frozenset({"2", "3"}))


def test_a_number_is_found_in_every_spelling() -> None:
    spellings = ["+48 22 123-45-67", "0048221234567", "(48) 22.123.45.67", " 48221234567"]
    assert asked(condition("number_list", spellings)).numbers == (frozenset({"48221234567"}),)


def test_a_plus_that_form_decoding_ate_does_no_harm() -> None:
    query = (
        "filter=%5B%7B%22property%22:%22number_list%22,%22value%22:%5B%22+48221234567%22%5D%7D%5D"
    )
    assert read(query).request.filter.numbers == (frozenset({"48221234567"}),)


def test_times_before_and_after_any_call_are_fine() -> None:
    wide = asked(
        condition("start_time", "1970-01-01 00:00:00", "gte"),
        condition("start_time", "9999-12-31 23:59:59", "lte"),
    )
    assert wide.started == Span(0, 253_402_300_799)


@pytest.mark.parametrize(
    "text",
    [
        "2025-02-29 00:00:00",
        "2025-13-01 00:00:00",
        "2025-00-10 00:00:00",
        "0000-01-01 00:00:00",
        "2025-03-14T09:26:53",
        "2025-03-14 09:26:53Z",
        "2025-03-14 09:26:53\n",
        "2025-03-14 24:00:00",
        "2025-03-14 09:60:00",
        "2025-03-14 09:26:60",
        "2025-03-14 9:26:53",
        "2025-03-14",
        "٢٠٢٥-٠٣-١٤ ٠٩:٢٦:٥٣",
        "",
        " 2025-03-14 09:26:53",
        "2025-03-14 09:26:53.5",
    ],
)
def test_a_time_that_is_none_is_refused(text: str) -> None:
    refused_filter(json.dumps([condition("start_time", text, "gte")]))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *itertools.product(FILTERS, [None, True, 1.5, {}, [[1]], [None], [True]]),
        *((name, "1") for name in FILTERS if name != "number_list"),
        *((name, ["1"]) for name in FILTERS if name != "number_list"),
        ("talking_time", [1]),
        ("talking_time", 1.0),
        ("start_time", [TIME]),
        ("start_time", MOMENT),
        ("number_list", 48600700800),
        ("number_list", [48600700800]),
        ("number_list", ""),
        ("number_list", " +-()"),
        ("number_list", "00"),
        ("number_list", "48\x00600"),
        ("number_list", "1" * 65),
        ("project_id", BIGGEST + 1),
        ("project_id", [-BIGGEST - 2]),
        ("project_id", list(range(1001))),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused(name: str, value: object) -> None:
    refused_filter(json.dumps([condition(name, value)]))


@pytest.mark.parametrize("operator", ["gt", "gte", "lt", "lte"])
@pytest.mark.parametrize("name", ["project_id", "tenant_user_id", "custom_tag_id_list"])
def test_lists_know_no_order(name: str, operator: str) -> None:
    refused_filter(json.dumps([condition(name, [1], operator)]))


def test_an_operator_of_null_is_none() -> None:
    said = {"property": "talking_time", "value": 1, "operator": None}
    assert asked(said) == asked(condition("talking_time", 1)) == asked({**said, "operator": "eq"})


@pytest.mark.parametrize("operator", ["", "EQ", "ne", "like", "=", 1, [], {}, True])
def test_an_unknown_operator_is_refused(operator: object) -> None:
    refused_filter(json.dumps([{"property": "talking_time", "value": 1, "operator": operator}]))


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[",
        "[1",
        "nul",
        "1",
        '"x"',
        "true",
        "{}",
        '{"property":"project_id","value":1}',
        "[1]",
        "[null]",
        "[[]]",
        "[{}]",
        '[{"property":"project_id"}]',
        '[{"value":1}]',
        '[{"property":"project_id","value":1,"key":"x"}]',
        '[{"property":"project_id","value":1,"Value":1}]',
        '[{"property":"nonsense","value":1}]',
        '[{"property":1,"value":1}]',
        '[{"property":["project_id"],"value":1}]',
        '[{"property":"project_id","value":1,"value":2}]',
        '[{"property":"project_id","value":1,"\\u0076alue":2}]',
        '[{"property":"talking_time","value":NaN}]',
        '[{"property":"talking_time","value":Infinity}]',
        '[{"property":"talking_time","value":-Infinity}]',
        '[{"property":"talking_time","value":1e3}]',
        '[{"property":"talking_time","value":-0.0}]',
        '[{"property":"talking_time","value":9223372036854775808}]',
        '[{"property":"talking_time","value":-9223372036854775809}]',
        '[{"property":"talking_time","value":' + "9" * 5000 + "}]",
        '[{"property":"talking_time","value":01}]',
        '[{"property":"number_list","value":"\\ud800"}]',
        '[{"property":"number_list","value":"\\udc00\\ud800"}]',
        '[{"property":"number_list","value":"\\u0000"}]',
        '[{"property":"number_list","value":"\x00"}]',
        '[{"property":"number_list","value":"1\n2"}]',
        "[{'property':'project_id','value':1}]",
        '[{"property":"project_id","value":[1,]}]',
        '[{"property":"project_id","value":1}]]',
        '[{"property":"project_id","value":1}] x',
        "\ufeff[]",
        "[" * 5000,
        "[" * 5000 + "]" * 5000,
        '{"a":' * 3000,
        '[{"property":"project_id","value":' + "[" * 2000 + "]" * 2000 + "}]",
        json.dumps([{"property": "project_id", "value": 1}] * 51),
        "[" + " " * 16_384 + "]",
    ],
)
def test_a_filter_that_is_none_is_refused(text: str) -> None:
    refused_filter(text)


def test_a_filter_at_its_limits_is_taken() -> None:
    assert asked(*[condition("project_id", 1)] * 50).projects == frozenset({1})
    assert asked(condition("project_id", list(range(1000)))).projects == frozenset(range(1000))
    assert asked(condition("number_list", "1" * 64)).numbers == (frozenset({"1" * 64}),)
    assert read("filter=[" + "%20" * 16_382 + "]").request.filter == NO_FILTER


def test_a_filters_length_is_that_of_its_bytes() -> None:
    assert "bytes" in refused_filter('["' + "ż" * 8191 + '"]').message


def test_limits_are_the_operators() -> None:
    tight = Limits(max_filter_objects=1, max_filter_items=2, max_number_chars=3, max_limit=10)
    for value in ([1, 2, 3],):
        refusal(urlencode({"filter": json.dumps([condition("project_id", value)])}), tight)
    refusal(urlencode({"filter": json.dumps([condition("project_id", 1)] * 2)}), tight)
    refusal(urlencode({"filter": json.dumps([condition("number_list", "1234")])}), tight)
    refusal("limit=11", tight)
    assert read("", tight).request.limit == 10


def test_a_refusal_says_which_object_is_at_fault_and_nothing_private() -> None:
    number = "48600700800"
    fine = condition("project_id", 1)
    error = refused_filter(json.dumps([fine, condition("talking_time", number)]))
    assert "Object 2" in error.message
    for wrong in (condition(number, 1), {number: 1}, condition("number_list", number + "0" * 60)):
        assert number not in refused_filter(json.dumps([wrong])).message
    assert number not in refusal(f"{number}=1").message


def test_a_filter_cut_by_an_ampersand_is_refused() -> None:
    refusal('filter=[{"property":"number_list","value":["4&8"]}]')


@given(
    st.lists(
        st.tuples(st.sampled_from(sorted({"gt", "gte", "lt", "lte", "eq"})), st.integers(-9, 9)),
        max_size=4,
    ),
    st.integers(-10, 10),
)
def test_a_length_passes_when_it_meets_every_condition(
    said: list[tuple[str, int]], length: int
) -> None:
    meets = {
        "gt": int.__gt__,
        "gte": int.__ge__,
        "lt": int.__lt__,
        "lte": int.__le__,
        "eq": int.__eq__,
    }
    span = asked(*(condition("talking_time", value, name) for name, value in said)).talking
    expected = all(meets[name](length, value) for name, value in said)
    assert (span.low <= length <= span.high) == expected
