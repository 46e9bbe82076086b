"""Windows and pages over rows that lie in time in any way."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callreel.client import BadAnswerError
from callreel.client.mirror.pages import MOST_WIDTH, Windows
from callreel.model import Span

DAY = 86_400
Row = tuple[int, int]
"""When it started, and its number."""


class Rows:
    """Gives pages of rows, and may stir them before each."""

    def __init__(self, rows: list[Row], most: int, chance: random.Random | None = None) -> None:
        self.rows = rows
        self.most = most
        self.asked = 0
        self._chance = chance

    def __call__(self, window: Span, offset: int) -> list[Any]:
        self.asked += 1
        found = [each for each in self.rows if window.low <= each[0] <= window.high]
        if self._chance is not None and len(found) > 1:
            found.append(found.pop(self._chance.randrange(len(found))))
        return found[offset : offset + self.most]


def identity(row: Row) -> bytes:
    return str(row[1]).encode()


def swept(windows: Windows, span: Span) -> list[Row]:
    """Read window after window; each must begin where the one before ended."""
    found: list[Row] = []
    low = span.low
    while low <= span.high:
        window = windows.first(Span(low, span.high))
        assert window.span.low == low
        assert low <= window.span.high <= span.high
        found += window.rows.values()
        low = window.span.high + 1
    return found


@settings(max_examples=150, deadline=None)
@given(
    starts=st.lists(st.integers(0, 60) | st.integers(0, 40 * DAY), max_size=120),
    asked_for=st.integers(1, 30),
    given_at_most=st.integers(1, 40),
    seed=st.integers(0, 9),
)
def test_each_row_is_found_once_whatever_size_the_pages_have(
    starts: list[int], asked_for: int, given_at_most: int, seed: int
) -> None:
    rows = [(at, number) for number, at in enumerate(starts)]
    random.Random(seed).shuffle(rows)
    ask = Rows(rows, min(asked_for, given_at_most))
    found = swept(Windows(ask, identity, asked_for), Span(0, 40 * DAY))
    assert sorted(found) == sorted(rows)


@pytest.mark.parametrize("seed", range(20))
def test_rows_of_one_second_are_found_though_they_move(seed: int) -> None:
    chance = random.Random(seed)
    rows = [(5, number) for number in range(95)]
    windows = Windows(Rows(rows, 20, chance), identity, 20)
    assert sorted(swept(windows, Span(0, 10))) == sorted(rows)


def test_years_without_a_call_cost_a_few_questions() -> None:
    ask = Rows([(9_000 * DAY, 1)], 500)
    assert len(swept(Windows(ask, identity, 500), Span(0, 9_500 * DAY))) == 1
    assert ask.asked < 20


def test_a_busy_year_costs_about_two_questions_for_each_half_page() -> None:
    chance = random.Random(3)
    rows = [(chance.randrange(365 * DAY), number) for number in range(20_000)]
    ask = Rows(rows, 500)
    assert len(swept(Windows(ask, identity, 500), Span(0, 365 * DAY))) == len(rows)
    assert ask.asked < 3 * len(rows) / 125


def test_a_window_is_never_wider_than_some_years() -> None:
    windows = Windows(Rows([], 500), identity, 500)
    for _ in range(20):
        windows.first(Span(0, 1 << 40))
    span = windows.first(Span(0, 1 << 40)).span
    assert span.high - span.low + 1 == MOST_WIDTH


def test_a_service_that_ignores_the_offset_is_told() -> None:
    def ask(_window: Span, _offset: int) -> list[Any]:
        return [(5, number) for number in range(20)]

    with pytest.raises(BadAnswerError, match="same page again"):
        Windows(ask, identity, 20).first(Span(5, 5))
