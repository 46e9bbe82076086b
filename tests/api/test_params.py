"""The parameters of the list: which there are, within which bounds, and what leads onward."""

from __future__ import annotations

import json
from contextlib import suppress
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.queries import (
    LIMITS,
    TIME,
    condition,
    read,
    refusal,
)
from callreel.api.params import PARAMETERS, ListQuery, read_query
from callreel.api.wire import FILTERS
from callreel.errors import BadParameter
from callreel.model import (
    DEFAULT_SORT,
    NO_FILTER,
    ListRequest,
    SortField,
    SortKey,
)


def test_nothing_said_is_the_first_page_of_everything() -> None:
    assert read("").request == ListRequest(NO_FILTER, DEFAULT_SORT, 500, 0, None)
    assert not read("").with_count


@pytest.mark.parametrize("text", ["1", "500", "10000", "0500"])
def test_a_limit_within_bounds_is_taken(text: str) -> None:
    assert read(f"limit={text}").request.limit == int(text)


NO_NUMBERS = [
    "",
    "-1",
    "+1",
    "%2B1",
    "1.0",
    "1e2",
    "0x1",
    "1_0",
    "%20 1",
    "٣",
    "x",
    "9" * 5000,
    "1%00",
]


@pytest.mark.parametrize("text", ["0", "10001", *NO_NUMBERS])
def test_a_limit_out_of_bounds_is_refused(text: str) -> None:
    assert refusal(f"limit={text}").field == "limit"


@pytest.mark.parametrize("text", [str((1 << 53) + 1), *NO_NUMBERS])
def test_an_offset_out_of_bounds_is_refused(text: str) -> None:
    assert refusal(f"offset={text}").field == "offset"


def test_an_offset_within_bounds_is_taken() -> None:
    assert read("offset=0").request.offset == 0
    assert read(f"offset={1 << 53}").request.offset == 1 << 53


@pytest.mark.parametrize(
    "query", ["x=1", "limit=1&Limit=1", "=1", "a", "filter[]=1", "limit%00=1", "sort%5B%5D=a"]
)
def test_an_unknown_parameter_is_refused(query: str) -> None:
    assert "There is no parameter" in refusal(query).message


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_parameter_given_twice_is_refused(name: str) -> None:
    first = {"limit": "1", "offset": "1", "count": "true"}.get(name, "")
    assert refusal(f"{name}={first}&{name}={first}").field == name


@pytest.mark.parametrize("raw", [b"limit=%", b"limit=%4", b"limit=%zz", b"%Ko=1", b"limit=1%"])
def test_a_broken_escape_is_refused(raw: bytes) -> None:
    assert "percent" in refusal(raw).message


@pytest.mark.parametrize("raw", [b"limit=%ff", b"filter=\xff", b"\xc3=1", b"filter=%ed%a0%80"])
def test_what_is_no_utf8_is_refused(raw: bytes) -> None:
    assert "UTF-8" in refusal(raw).message


def test_idle_ampersands_mean_nothing() -> None:
    assert read("&&limit=3&").request.limit == 3


def test_count_is_true_or_false() -> None:
    assert read("count=true").with_count
    assert not read("count=false").with_count
    for text in ("", "1", "True", "yes"):
        assert refusal(f"count={text}").field == "count"


def sort(text: str) -> str:
    return "sort=" + quote(text)


def test_a_sort_is_read_in_its_order() -> None:
    text = '[{"property":"talking_time","direction":"DESC"},{"property":"start_time"}]'
    assert read(sort(text)).request.sort == (
        SortKey(SortField.TALKING, descending=True),
        SortKey(SortField.STARTED),
    )
    explicit = '[{"property":"hangup_time","direction":"ASC"}]'
    assert read(sort(explicit)).request.sort == (SortKey(SortField.HUNG_UP),)
    unsaid = '[{"property":"hangup_time","direction":null}]'
    assert read(sort(unsaid)).request.sort == (SortKey(SortField.HUNG_UP),)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "start_time",
        "{}",
        '["start_time"]',
        "[{}]",
        '[{"property":"project_id"}]',
        '[{"property":["start_time"]}]',
        '[{"direction":"ASC"}]',
        '[{"property":"start_time","direction":"asc"}]',
        '[{"property":"start_time","direction":["ASC"]}]',
        '[{"property":"start_time","nulls":"last"}]',
        '[{"property":"start_time","property":"start_time"}]',
        '[{"property":"start_time"},{"property":"start_time","direction":"DESC"}]',
        json.dumps(
            [{"property": name} for name in ("start_time", "hangup_time", "talking_time", "x")]
        ),
        "[" * 400,
        " " * 600 + "[]",
    ],
)
def test_a_sort_that_is_none_is_refused(text: str) -> None:
    assert refusal(sort(text)).field == "sort"


def test_a_cursor_excludes_an_offset() -> None:
    assert read("cursor=s.1f").request.after == (0x1F,)
    assert refusal("cursor=s.1f&offset=0").field == "cursor"


def test_a_cursor_belongs_to_its_sort() -> None:
    descending = sort('[{"property":"start_time","direction":"DESC"}]')
    assert read(f"{descending}&cursor=S.1f").request.after == (0x1F,)
    assert refusal(f"{descending}&cursor=s.1f").field == "cursor"
    assert refusal("cursor=S.1f").field == "cursor"


def test_what_leads_onward_is_the_same_question_without_a_place() -> None:
    query = urlencode({"limit": "3", "filter": json.dumps([condition("number_list", "+48 1&2")])})
    onward = read(query + "&offset=9").onward
    path, _, rest = onward.partition("?")
    assert path == "/cdr_dialog_recording"
    before, after = read(query).request, read(rest + ".1f").request
    assert (after.filter, after.limit, after.offset, after.after) == (
        before.filter,
        before.limit,
        0,
        (0x1F,),
    )


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from([*FILTERS, "property", "value", "operator", "eq", "gt", TIME]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["property", "value", "operator", "x"]), inner, max_size=3
        )
    ),
    max_leaves=8,
)


@given(st.binary(max_size=80))
def test_any_bytes_are_a_question_or_refused(raw: bytes) -> None:
    for query in (raw, b"filter=" + raw, b"sort=" + raw, b"cursor=" + raw, b"limit=" + raw):
        with suppress(BadParameter):
            assert isinstance(read_query(query, LIMITS), ListQuery)


@given(st.sampled_from(["filter", "sort"]), json_values)
def test_any_json_is_a_question_or_refused(name: str, value: object) -> None:
    raw = urlencode({name: json.dumps(value)}).encode()
    with suppress(BadParameter):
        assert isinstance(read_query(raw, LIMITS), ListQuery)
