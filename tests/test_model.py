from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callreel.model import ANY_TIME, Span

BIG = st.integers(-(1 << 64), 1 << 64)
BOUND = st.one_of(st.none(), BIG)


def holds(span: Span, value: int) -> bool:
    return span.low <= value <= span.high


@given(st.lists(st.tuples(BOUND, BOUND), max_size=4), st.integers(*ANY_TIME))
def test_a_span_that_was_narrowed_holds_what_lies_within_all_bounds(
    bounds: list[tuple[int | None, int | None]], value: int
) -> None:
    span = Span()
    for low, high in bounds:
        span = span.narrowed(low, high)
    expected = all(
        (low is None or low <= value) and (high is None or value <= high) for low, high in bounds
    )
    assert holds(span, value) == expected


@given(BOUND, BOUND)
def test_a_span_is_empty_or_fits_into_64_bits(low: int | None, high: int | None) -> None:
    span = Span().narrowed(low, high)
    fits = all(-(1 << 63) <= bound < 1 << 63 for bound in (span.low, span.high))
    assert span.is_empty or fits
    assert span.is_empty == (span.low > span.high)


@pytest.mark.parametrize("bounds", [(None, None), (-(1 << 63), (1 << 63) - 1), ANY_TIME])
def test_bounds_beyond_all_times_leave_a_span_open(bounds: tuple[int | None, int | None]) -> None:
    assert Span().narrowed(*bounds).is_open
    assert not Span().narrowed(0, None).is_open
    assert not Span().narrowed(None, 0).is_open
