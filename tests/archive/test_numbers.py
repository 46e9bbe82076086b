from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callreel.archive.numbers import normalise

DIGITS = st.from_regex(r"[1-9][0-9]{2,14}", fullmatch=True)
SEPARATORS = ["", " ", "-", ".", "/", "(", ")", "\u00a0", "\t", "\u2011", "\u2013", "  "]


SPELLED = st.tuples(
    DIGITS, st.sampled_from(SEPARATORS), st.sampled_from(["", "+", "00", "0 0", "(+"])
)


@given(SPELLED)
def test_every_spelling_of_a_number_is_the_number(spelled: tuple[str, str, str]) -> None:
    digits, separator, prefix = spelled
    assert normalise(separator + prefix + separator.join(digits) + separator) == digits


@given(DIGITS, DIGITS)
def test_different_numbers_stay_different(one: str, other: str) -> None:
    assert (normalise(f"+{one}") == normalise(f"00{other}")) == (one == other)


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        ("0048123", "48123"),
        ("+0048123", "0048123"),
        ("++48", "+48"),
        ("0123", "0123"),
        ("000123", "0123"),
        ("SIP.Anna", "sipanna"),
        ("*72", "*72"),
        ("#31#", "#31#"),
        ("", ""),
        ("+", ""),
        (" - ", ""),
        ("00", ""),
        ("STRASSE", "strasse"),
        ("straße", "strasse"),
    ],
)
def test_only_separators_and_one_prefix_are_dropped(given_: str, expected: str) -> None:
    assert normalise(given_) == expected
