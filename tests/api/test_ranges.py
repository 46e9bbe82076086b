from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callreel.api.ranges import is_unchanged, may_resume, part_of
from callreel.errors import RangeNotSatisfiable

SIZES = st.integers(0, 300)
PLACES = st.integers(0, 400)


def found(header: str | None, size: int) -> tuple[int, int] | str | None:
    try:
        return part_of(header, size)
    except RangeNotSatisfiable as error:
        return "outside" if error.size == size else "outside of something else"


@given(size=SIZES, first=PLACES, last=PLACES)
def test_a_closed_range_is_the_bytes_that_lie_in_it(size: int, first: int, last: int) -> None:
    places = [place for place in range(size) if first <= place <= last]
    expected = (places[0], places[-1] + 1) if places else "outside"
    assert found(f"bytes={first}-{last}", size) == (None if last < first else expected)


@given(size=SIZES, first=PLACES)
def test_an_open_range_goes_to_the_end(size: int, first: int) -> None:
    places = list(range(first, size))
    assert found(f"bytes={first}-", size) == ((first, size) if places else "outside")


@given(size=SIZES, length=PLACES)
def test_a_suffix_is_the_last_bytes(size: int, length: int) -> None:
    tail = list(range(size))[-length:] if length else []
    assert found(f"bytes=-{length}", size) == ((tail[0], size) if tail else "outside")


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=0-1,3-4",
        "bytes=0-0,-1",
        "items=0-5",
        "bytes=a-b",
        "bytes=0x1-2",
        "bytes=-1-2",
        "bytes=1--2",
        "bytes=\u0661-2",
        "bytes=0-1;",
        "bytes 0-1",
    ],
)
def test_what_is_no_single_range_of_bytes_is_ignored(header: str | None) -> None:
    assert found(header, 100) is None


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-" + "9" * 60_000, (0, 100)),
        ("bytes=" + "9" * 60_000 + "-", "outside"),
        ("bytes=-" + "9" * 60_000, (0, 100)),
        ("bytes=" + "0" * 60_000 + "5-7", (5, 8)),
        ("BYTES=5-7", (5, 8)),
    ],
)
def test_huge_numbers_are_numbers(header: str, expected: tuple[int, int] | str) -> None:
    assert found(header, 100) == expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, False),
        ('"a"', True),
        ('W/"a"', True),
        ('"b", "a"', True),
        ('"b",W/"a"', True),
        ("*", True),
        (" * ", True),
        ('"b"', False),
        ("a", False),
        ('"a,b"', False),
        ("", False),
    ],
)
def test_a_known_version_is_recognised(header: str | None, expected: bool) -> None:
    assert is_unchanged(header, '"a"') is expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, True),
        ('"a"', True),
        ('W/"a"', False),
        ('"b"', False),
        ("Sat, 14 Mar 2025 09:26:53 GMT", False),
    ],
)
def test_a_range_goes_on_with_the_same_version_only(header: str | None, expected: bool) -> None:
    assert may_resume(header, '"a"') is expected
