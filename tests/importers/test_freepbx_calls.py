"""What becomes of the words of FreePBX: direction, numbers, moments."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from callreel.importers.freepbx.calls import call_of, direction_of, unrecorded
from callreel.importers.freepbx.cdr import Leg
from callreel.importers.freepbx.names import RecordingName, parse
from callreel.model import Call, Direction

UTC_ZONE = ZoneInfo("UTC")
EPOCH = 1_772_438_405
CLOCK = datetime(2026, 3, 2, 8, 0, 5)  # noqa: DTZ001 - a clock without zone
LEG = Leg(
    where="cdr.csv:2",
    clock=CLOCK,
    duration=75,
    billsec=60,
    is_answered=True,
    src="",
    dst="",
    cnum="",
    outbound_cnum="",
    did="",
    dcontext="",
    uniqueid=f"{EPOCH}.10",
    linkedid=f"{EPOCH}.9",
)


def named(kind: str, to: str = "101", caller: str = "102") -> RecordingName:
    name = parse(f"{kind}-{to}-{caller}-20260302-080005-{EPOCH}.10.wav")
    assert name is not None
    return name


def called(name: RecordingName, leg: Leg | None) -> Call:
    return call_of(name, leg, UTC_ZONE)[0]


@pytest.mark.parametrize("kind", ["in", "external", "generic", "IN"])
def test_a_kind_of_inbound_files_is_inbound_whatever_the_row_says(kind: str) -> None:
    assert direction_of(named(kind), None) is Direction.INBOUND
    leg = replace(LEG, dcontext="from-internal")
    assert direction_of(named(kind), leg) is Direction.INBOUND


@pytest.mark.parametrize("kind", ["out", "internal"])
def test_a_kind_of_outbound_files_is_outbound_whatever_the_numbers_say(kind: str) -> None:
    outside = named(kind, caller="+48600100200")
    assert direction_of(outside, None) is Direction.OUTBOUND
    leg = replace(LEG, dcontext="from-trunk")
    assert direction_of(outside, leg) is Direction.OUTBOUND


@pytest.mark.parametrize(
    ("context", "direction"),
    [
        ("from-internal", Direction.OUTBOUND),
        ("from-internal-xfer", Direction.OUTBOUND),
        ("outbound-allroutes", Direction.OUTBOUND),
        ("outrt-2", Direction.OUTBOUND),
        ("macro-dialout-trunk", Direction.OUTBOUND),
        ("from-trunk-sip-carrier", Direction.INBOUND),
        ("from-pstn", Direction.INBOUND),
        ("from-did-direct", Direction.INBOUND),
        ("from-dahdi", Direction.INBOUND),
        ("ext-did", Direction.INBOUND),
    ],
)
def test_the_context_of_the_row_decides_against_the_look_of_the_numbers(
    context: str, direction: Direction
) -> None:
    looks_other = "48600100200" if direction is Direction.OUTBOUND else "102"
    name = named("exten", caller=looks_other)
    assert direction_of(name, replace(LEG, dcontext=context)) is direction
    assert direction_of(name, replace(LEG, dcontext=f"my-{context}")) is not direction


@pytest.mark.parametrize("kind", ["q", "rg", "ivr"])
def test_what_is_there_for_callers_is_inbound_unless_the_context_says_otherwise(kind: str) -> None:
    assert direction_of(named(kind), None) is Direction.INBOUND
    leg = replace(LEG, dcontext="outrt-1")
    assert direction_of(named(kind), leg) is Direction.OUTBOUND


@pytest.mark.parametrize(
    ("caller", "direction"),
    [
        ("102", Direction.OUTBOUND),
        ("600700", Direction.OUTBOUND),
        ("6007008", Direction.INBOUND),
        ("+1", Direction.INBOUND),
        ("jan.kowalski", Direction.OUTBOUND),
        ("600 70 08", Direction.INBOUND),
        ("unknown", Direction.INBOUND),
    ],
)
def test_a_caller_of_seven_digits_or_with_a_plus_is_outside(
    caller: str, direction: Direction
) -> None:
    assert direction_of(named("exten", caller=caller), None) is direction
    assert direction_of(named("exten", caller=caller), LEG) is direction


def test_a_number_called_from_outside_makes_a_call_inbound() -> None:
    leg = replace(LEG, did="48221234567", dcontext="from-internal")
    assert direction_of(named("exten"), leg) is Direction.INBOUND


NUMBERS = replace(LEG, src="1", dst="2", cnum="3", outbound_cnum="4", did="5")


@pytest.mark.parametrize(
    ("kind", "without", "numbers"),
    [
        ("in", (), ("1", "5")),
        ("in", ("src", "did"), ("3", "2")),
        ("in", ("src", "did", "cnum", "dst"), ("102", "101")),
        ("out", (), ("3", "2")),
        ("out", ("cnum",), ("1", "2")),
        ("out", ("cnum", "src"), ("4", "2")),
        ("out", ("cnum", "src", "outbound_cnum", "dst"), ("102", "101")),
    ],
)
def test_the_numbers_are_the_first_that_row_and_name_have(
    kind: str, without: tuple[str, ...], numbers: tuple[str, str]
) -> None:
    blank: dict[str, Any] = dict.fromkeys(without, "")
    leg = replace(NUMBERS, **blank)
    leg = leg if kind == "in" else replace(leg, did="")
    call = called(named(kind), leg)
    assert (call.from_number, call.to_number) == numbers


@pytest.mark.parametrize(
    "word",
    ["h", "i", "t", "o", "a", "s", "fax", "failed", "hang", "hangup", "startmeetme", "~~s~~", "H"],
)
def test_a_word_of_the_dial_plan_is_no_number(word: str) -> None:
    call = called(named("out"), replace(LEG, dst=word, cnum=word))
    assert (call.from_number, call.to_number) == ("102", "101")
    assert called(named("in", to=word, caller="unknown"), None).to_number is None


def test_numbers_that_nobody_knows_are_left_out() -> None:
    call = called(named("in", to="s", caller="unknown"), replace(LEG, src="anonymous"))
    assert (call.from_number, call.to_number) == (None, None)


@pytest.mark.parametrize(("billsec", "answered_at"), [(0, None), (1, 74), (75, 0)])
def test_the_answer_lies_as_long_before_the_end_as_was_talked(
    billsec: int, answered_at: int | None
) -> None:
    call = called(named("in"), replace(LEG, billsec=billsec))
    assert call.started_at == EPOCH
    assert call.hung_up_at == EPOCH + 75
    assert call.talking_ms == billsec * 1000
    assert call.answered_at == (None if answered_at is None else EPOCH + answered_at)


@pytest.mark.parametrize(
    ("uniqueid", "linkedid", "dialog_id", "source_call_id"),
    [
        ("1.1", "2.2", "1.1", "2.2"),
        ("1.1", "", "1.1", "1.1"),
        ("", "2.2", f"{EPOCH}.10", "2.2"),
        ("", "", f"{EPOCH}.10", f"{EPOCH}.10"),
    ],
)
def test_a_call_is_named_by_its_row_and_else_by_its_file(
    uniqueid: str, linkedid: str, dialog_id: str, source_call_id: str
) -> None:
    call = called(named("in"), replace(LEG, uniqueid=uniqueid, linkedid=linkedid))
    assert (call.dialog_id, call.source_call_id) == (dialog_id, source_call_id)


def test_without_a_row_the_call_is_named_by_its_file_and_has_no_length() -> None:
    call = called(named("in"), None)
    assert (call.dialog_id, call.source_call_id) == (f"{EPOCH}.10", f"{EPOCH}.10")
    assert (call.started_at, call.hung_up_at, call.talking_ms) == (EPOCH, EPOCH, 0)
    assert call.answered_at is None


@pytest.mark.parametrize(
    ("apart", "notes"),
    [
        (0, ()),
        (1799, ()),
        (-1799, ()),
        (1800, ("The start lies 30 min from the unique id: is the zone right?",)),
        (-1800, ("The start lies -30 min from the unique id: is the zone right?",)),
        (7200, ("The start lies 120 min from the unique id: is the zone right?",)),
    ],
)
def test_a_clock_half_an_hour_from_the_unique_id_is_noticed(
    apart: int, notes: tuple[str, ...]
) -> None:
    name = replace(named("in"), epoch=EPOCH - apart)
    assert call_of(name, None, UTC_ZONE)[1] == notes


def test_the_clock_of_the_row_comes_before_that_of_the_file() -> None:
    leg = replace(LEG, clock=CLOCK.replace(second=59))
    assert called(named("in"), leg).started_at == EPOCH + 54


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("2026-10-25T02:50:00", "2026-10-25T02:10:00"),
        ("2026-10-25T02:50:00+02:00", "2026-10-25T02:10:00"),
        ("2026-10-25T02:50:00", "2026-10-25T02:10:00+01:00"),
    ],
)
def test_of_a_call_that_nobody_answered_the_leg_that_began_first_tells(
    first: str, second: str
) -> None:
    began = int(datetime(2026, 10, 25, 0, 50, tzinfo=UTC).timestamp())
    silent = replace(LEG, is_answered=False, billsec=0, linkedid=f"{began}.1")
    legs = [
        replace(silent, clock=datetime.fromisoformat(second), uniqueid=f"{began + 1200}.2"),
        replace(silent, clock=datetime.fromisoformat(first), uniqueid=f"{began}.1"),
    ]
    call = unrecorded(legs, ZoneInfo("Europe/Warsaw"), "freepbx").call
    assert call is not None
    assert (call.dialog_id, call.started_at) == (f"{began}.1", began)
