from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callreel.api.cursor import cursor_head, cursor_tail, read_cursor
from callreel.errors import BadParameter
from callreel.model import DEFAULT_SORT, Position, SortField, SortKey

sorts = st.lists(
    st.builds(SortKey, st.sampled_from(SortField), st.booleans()),
    min_size=1,
    max_size=3,
    unique_by=lambda key: key.field,
).map(tuple)
positions = st.lists(st.integers(-(1 << 63), (1 << 63) - 1), min_size=1, max_size=4).map(tuple)


@given(sorts, positions)
def test_a_cursor_leads_back_to_its_position(sort: tuple[SortKey, ...], position: Position) -> None:
    text = cursor_head(sort) + cursor_tail(position)
    assert read_cursor(text, sort) == position
    assert set(text) <= set("shtSHT.-0123456789abcdef")


@given(sorts, sorts, positions)
def test_a_cursor_fits_its_own_sort_alone(
    sort: tuple[SortKey, ...], other: tuple[SortKey, ...], position: Position
) -> None:
    text = cursor_head(sort) + cursor_tail(position)
    if sort == other:
        return
    with pytest.raises(BadParameter, match="sorted otherwise"):
        read_cursor(text, other)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "s",
        "s.",
        "s.g",
        "s.1F",
        "s.01",
        "s.-0",
        "s.--1",
        "s.+1",
        "s.1_0",
        "s. 1",
        "s.1\n",
        "s.٣",
        "s.1.",
        "s..1",
        "x.1",
        "s.1.2.3.4.5",
        "s." + "f" * 17,
        "s.ffffffffffffffff",
        "s.-8000000000000001",
        "s.1" * 999,
    ],
)
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(BadParameter) as caught:
        read_cursor(text, DEFAULT_SORT)
    assert caught.value.field == "cursor"


@given(st.text(max_size=20))
def test_no_text_does_worse_than_being_refused(text: str) -> None:
    with suppress(BadParameter):
        assert cursor_tail(read_cursor(text, DEFAULT_SORT)) == text[1:]
