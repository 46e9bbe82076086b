from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest

from callreel.importers.items import Candidate, Fault, plain_text, printable
from callreel.model import Call, DialogType, Direction

CALL = Call(
    dialog_id="d1",
    dialog_type=DialogType.CONSULTANT,
    direction=Direction.INBOUND,
    started_at=1_000,
    hung_up_at=1_000,
    talking_ms=0,
)
CANDIDATE = Candidate(
    where="a.wav",
    call=CALL,
    is_measured=False,
    native_id="1.1",
    native_time=1_000,
    path=Path("a.wav"),
    open=io.BytesIO,
    size=100,
    original_name="a.wav",
    source="freepbx",
)


@pytest.mark.parametrize(
    ("duration_ms", "seconds"),
    [(0, 0), (1, 1), (999, 1), (1000, 1), (1001, 2), (60_000, 60), (59_999, 60)],
)
def test_a_call_without_records_lasts_as_long_as_its_audio(duration_ms: int, seconds: int) -> None:
    call = CANDIDATE.complete(duration_ms)
    assert call == replace(CALL, hung_up_at=1_000 + seconds, talking_ms=duration_ms)


def test_a_call_with_records_keeps_what_they_say() -> None:
    assert replace(CANDIDATE, is_measured=True).complete(5_000) == CALL


def test_a_call_whose_audio_has_no_known_length_stays_as_it_is() -> None:
    assert CANDIDATE.complete(None) == CALL


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("zażółć 1.wav", "zażółć 1.wav"),
        ("a\nb", "a\\nb"),
        ("a\x1b[31mb", "a\\x1b[31mb"),
        ("\udc80\udcff", "\\x80\\xff"),
        ("\ud800", "\\ud800"),
        ("\udc7f", "\\udc7f"),
        ("\udd00", "\\udd00"),
        ("a\u202eb", "a\\u202eb"),
        ("a\u00a0b", "a\\xa0b"),
        ("\U000e0001", "\\U000e0001"),
    ],
)
def test_each_character_that_is_not_printed_is_shown_by_its_number(text: str, shown: str) -> None:
    assert printable(text) == shown


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        (" 101 ", "101"),
        ("a\tb\r\nc", "abc"),
        ("a\x7fb\x1fc", "abc"),
        (" \n101\n ", "101"),
        ("\udcb3\udcf3", "\ufffd\ufffd"),
        ("\udcc5\udcbc\n", "ż"),
        ("", ""),
    ],
)
def test_plain_text_has_no_control_characters_and_marks_bytes_of_no_text(
    text: str, plain: str
) -> None:
    assert plain_text(text) == plain


def test_few_faults_are_of_rows() -> None:
    assert [each.value for each in Fault if each.is_of_row] == [
        "bad_row", "no_audio", "waiting_for_audio"
    ]  # fmt: skip
