from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callreel.importers.audio_file import key_of
from callreel.importers.freepbx.names import CONFERENCE, parse
from callreel.importers.parties import known

TAIL = "20260302-090005-1772438405.10.wav"


@pytest.mark.parametrize(
    ("name", "kind", "to", "caller"),
    [
        (f"in-48221234567-48600100200-{TAIL}", "in", "48221234567", "48600100200"),
        (f"out-0048501502503-101-{TAIL}", "out", "0048501502503", "101"),
        (f"internal-56-55-{TAIL}", "internal", "56", "55"),
        (f"external-101-+48600100200-{TAIL}", "external", "101", "+48600100200"),
        (f"exten-12-34-{TAIL}", "exten", "12", "34"),
        (f"force-501502503-201-{TAIL}", "force", "501502503", "201"),
        (f"rg-600-48600100200-{TAIL}", "rg", "600", "48600100200"),
        (f"q-700-48600100200-{TAIL}", "q", "700", "48600100200"),
        (f"ondemand-102-103-{TAIL}", "ondemand", "102", "103"),
        (f"generic-48221234567-48600100200-{TAIL}", "generic", "48221234567", "48600100200"),
        (f"parked-102-48600100200-{TAIL}", "parked", "102", "48600100200"),
        (f"OUT-501502503-101-{TAIL}", "out", "501502503", "101"),
        (f"out-22-123-45-67-101-{TAIL}", "out", "22-123-45-67", "101"),
        (f"out-20260101-101112-101-{TAIL}", "out", "20260101-101112", "101"),
        (f"in-48221234567-unknown-{TAIL}", "in", "48221234567", None),
        (f"in-48221234567-Anonymous-{TAIL}", "in", "48221234567", None),
        (f"in-48221234567--{TAIL}", "in", "48221234567", None),
        (f"out-*97-101-{TAIL}", "out", "*97", "101"),
        (f"internal-anna.nowak-jan-{TAIL}", "internal", "anna.nowak", "jan"),
        (f"8000-8000-dontcare-{TAIL}", CONFERENCE, "8000", None),
        (f"8000-8000-101-{TAIL}", CONFERENCE, "8000", "101"),
        (f"in-4822\n1234567-486-{TAIL}", "in", "48221234567", "486"),
    ],
)
def test_a_name_tells_kind_and_numbers(name: str, kind: str, to: str, caller: str | None) -> None:
    parsed = parse(name)
    assert parsed is not None
    assert (parsed.kind, parsed.to, parsed.caller) == (kind, to, caller)
    assert parsed.clock == datetime(2026, 3, 2, 9, 0, 5)  # noqa: DTZ001 - a clock without zone
    assert (parsed.uniqueid, parsed.epoch) == ("1772438405.10", 1_772_438_405)


@pytest.mark.parametrize(
    ("tail", "uniqueid"),
    [
        ("20260302-090005-pbx1-1772438405.10.wav", "pbx1-1772438405.10"),
        ("20260302-090005-pbx-east-2-1772438405.10.WAV", "pbx-east-2-1772438405.10"),
        ("20260302-090005-pbx.example.org-1772438405.10.mp3", "pbx.example.org-1772438405.10"),
        ("20260302-090005-1772438405.10-1772438460.wav", "1772438405.10"),
    ],
)
def test_a_unique_id_may_carry_the_systems_name_or_a_second_time(tail: str, uniqueid: str) -> None:
    parsed = parse(f"in-1-2-{tail}")
    assert parsed is not None
    assert (parsed.uniqueid, parsed.epoch) == (uniqueid, 1_772_438_405)


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".wav",
        "greeting.wav",
        "in-1-2-20260302-090005.wav",
        "in-1-2-20261302-090005-1772438405.10.wav",
        "in-1-2-20260230-090005-1772438405.10.wav",
        "in-1-2-20260302-250005-1772438405.10.wav",
        "in-1-2-20260302-090005-1772438405.10 (1).wav",
        "in-1-2-20260302-090005-1772438405.10-in.wav",
        "in-1-2-20260302-090005-1772438405.wav",
        "in-2-20260302-090005-1772438405.10.wav",
        "in-1-2-\uff12\uff10\uff12\uff160302-090005-1772438405.10.wav",
        f"in-{'1' * 65}-2-{TAIL}",
        "in-1-2-20260302-090005-../../1772438405.10.wav",
    ],
)
def test_a_name_of_another_form_is_none(name: str) -> None:
    assert parse(name) is None


@given(
    to=st.from_regex(r"[+*]?[0-9]{1,4}(-[0-9]{1,8}){0,3}", fullmatch=True),
    caller=st.from_regex(r"\+?[0-9]{1,12}", fullmatch=True),
    clock=st.datetimes(datetime(2001, 9, 10), datetime(2100, 1, 1)),  # noqa: DTZ001 - no zone
    uniqueid=st.from_regex(r"([a-z][a-z0-9]{0,5}-){0,2}1[0-9]{9}\.[0-9]{1,5}", fullmatch=True),
)
def test_a_name_that_was_written_by_the_convention_is_read_back(
    to: str, caller: str, clock: datetime, uniqueid: str
) -> None:
    parsed = parse(f"out-{to}-{caller}-{clock:%Y%m%d-%H%M%S}-{uniqueid}.wav")
    assert parsed is not None
    assert (parsed.to, parsed.caller, parsed.uniqueid) == (to, caller, uniqueid)
    assert parsed.clock == clock.replace(microsecond=0)
    assert f"{parsed.epoch}." in uniqueid


@given(st.text(max_size=300))
def test_no_name_breaks_the_reading(name: str) -> None:
    parsed = parse(name)
    assert parsed is None or parsed.key == key_of(name)


@pytest.mark.parametrize(
    "field",
    [
        "in-1-2-20260302-090005-1772438405.10.wav",
        "in-1-2-20260302-090005-1772438405.10.mp3",
        "in-1-2-20260302-090005-1772438405.10",
        "/var/spool/asterisk/monitor/2026/03/02/in-1-2-20260302-090005-1772438405.10.WAV",
        "C:\\monitor\\in-1-2-20260302-090005-1772438405.10.wav",
        "in-1-2-20260302-090005-1772438405.10-1772438460.wav",
    ],
)
def test_a_row_names_its_file_in_several_ways(field: str) -> None:
    assert key_of(field) == "in-1-2-20260302-090005-1772438405.10"


@pytest.mark.parametrize("word", ["", " ", "unknown", "UNKNOWN", "anonymous", "Restricted", "s"])
def test_words_for_nobody_are_no_numbers(word: str) -> None:
    assert known(word) is None
