"""What a dialog of a vCon says of a call: parties, direction, times."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from callreel.importers.items import Candidate, Fault
from callreel.model import Direction
from importers.vcons import (
    AGENT,
    CUSTOMER,
    STARTED_AT,
    UUID,
    candidate,
    items,
    put,
    recording,
    refusal,
    row,
    vcon,
)

IN, OUT = Direction.INBOUND, Direction.OUTBOUND
OUTSIDE, OTHER = {"tel": "+48600100200"}, {"tel": "+48221234567"}
UNTOLD = "Nothing in the vCon tells the direction; the call was taken as inbound."


def called(tmp_path: Path, *parties: dict[str, Any], **members: Any) -> Candidate:
    return candidate(tmp_path, vcon(recording(**members), parties=list(parties)))


@pytest.mark.parametrize(
    ("party", "number"),
    [
        ({"tel": "tel:+48600100200"}, "+48600100200"),
        ({"tel": "+48600100200"}, "+48600100200"),
        ({"tel": "TEL:+48-600-100.200"}, "+48600100200"),
        ({"tel": "tel:101;phone-context=pbx.example"}, "101"),
        ({"tel": "(22) 123 45 67"}, "221234567"),
        ({"tel": "tel:%2B48600100200"}, "+48600100200"),
        ({"tel": "*97"}, "*97"),
        ({"tel": "Recepcja"}, "Recepcja"),
        ({"tel": ""}, None),
        ({"tel": "anonymous"}, None),
        ({"tel": "Unknown"}, None),
        ({"tel": 48600100200}, None),
        ({"tel": "5" * 64}, "5" * 64),
        ({"tel": "5" * 65}, None),
        ({"sip": "sip:+48600100200@sbc.example;user=phone"}, "+48600100200"),
        ({"sip": "sips:101:secret@pbx.example"}, "101"),
        ({"sip": '"Ewa Lis" <sip:102@pbx.example>;tag=a'}, "102"),
        ({"sip": "sip:ewa@pbx.example?subject=x"}, "ewa@pbx.example"),
        ({"sip": "sip:anonymous@anonymous.invalid"}, None),
        ({"sip": "sip:pbx.example"}, None),
        ({"tel": "101", "sip": "sip:202@pbx.example"}, "101"),
        ({"mailto": "ewa@example.com"}, None),
        ({"name": "Jan Nowak"}, None),
        ({"name": "anonymous", "tel": "+48600100200"}, None),
        ({"name": "Anonymous", "tel": "101"}, None),
        ({}, None),
        ({"tel": "1\u202e01"}, "1\u202e01"),
    ],
)
def test_a_partys_number_is_found(
    tmp_path: Path, party: dict[str, Any], number: str | None
) -> None:
    assert called(tmp_path, party, AGENT).call.from_number == number


@pytest.mark.parametrize(
    ("members", "numbers"),
    [
        ({"parties": [0, 1]}, ("1", "2")),
        ({"parties": [1, 0]}, ("2", "1")),
        ({"parties": [1, 0], "originator": 0}, ("1", "2")),
        ({"parties": [[0], [1, 2]]}, ("1", "2")),
        ({"parties": [None, 2, 0]}, ("3", "1")),
        ({"parties": [[2, 0], None]}, ("3", "1")),
        ({"parties": 1}, ("2", "1")),
        ({"parties": [1], "originator": 2}, ("3", "2")),
        ({"parties": [2, 2]}, ("3", "1")),
        ({"parties": []}, ("1", "2")),
        ({"parties": None}, ("1", "2")),
        ({"parties": [3, 4, 0]}, (None, "1")),
        ({"parties": [0, 3]}, ("1", None)),
    ],
)
def test_who_called_and_who_was_called(
    tmp_path: Path, members: dict[str, Any], numbers: tuple[str | None, str | None]
) -> None:
    parties = [{"tel": "1"}, {"tel": "2"}, {"tel": "3"}, {}, {"name": "Ewa"}]
    call = called(tmp_path, *parties, **members).call
    assert (call.from_number, call.to_number) == numbers


def test_a_lone_party_called_nobody(tmp_path: Path) -> None:
    found = called(tmp_path, OUTSIDE, parties=[0])
    assert (found.call.from_number, found.call.to_number) == ("+48600100200", None)


@pytest.mark.parametrize("parties", [[2], [-1], [0, "1"], [True], [0.0], {"a": 1}, [[0, [1]]], "0"])
def test_a_party_that_is_not_there_is_no_party(tmp_path: Path, parties: Any) -> None:
    found = refusal(tmp_path, vcon(recording(parties=parties)))
    assert (found.fault, found.reason) == (
        Fault.BAD_CALL,
        "It names a party that the vCon does not have.",
    )


@pytest.mark.parametrize("originator", [2, -1, "0", [5]])
def test_an_originator_that_is_not_there_is_none(tmp_path: Path, originator: Any) -> None:
    assert refusal(tmp_path, vcon(recording(originator=originator))).fault is Fault.BAD_CALL


def test_a_call_of_nobody_is_refused(tmp_path: Path) -> None:
    found = refusal(tmp_path, vcon(recording(parties=[]), parties=[]))
    assert found.reason == "The vCon names no party."


@pytest.mark.parametrize(
    ("parties", "direction"),
    [
        ([CUSTOMER, AGENT], IN),
        ([AGENT, CUSTOMER], OUT),
        ([OUTSIDE, AGENT], IN),
        ([{"tel": "102"}, AGENT], IN),
        ([OUTSIDE, CUSTOMER], OUT),
        ([{**OUTSIDE, "role": "supervisor"}, OTHER], OUT),
        ([{**OUTSIDE, "type": "Agent"}, OTHER], OUT),
        ([{**OUTSIDE, "role": "sme"}, OTHER], OUT),
        ([{**OUTSIDE, "role": "bot"}, OTHER], OUT),
        ([{**OUTSIDE, "role": "thirdparty"}, AGENT], IN),
        ([{"tel": "101"}, OTHER], OUT),
        ([OUTSIDE, {"tel": "101"}], IN),
        ([{"tel": "101"}, {"tel": "102"}], OUT),
        ([{"name": "anonymous"}, OTHER], IN),
    ],
)
def test_the_direction_is_told_by_roles_and_else_by_numbers(
    tmp_path: Path, parties: list[dict[str, Any]], direction: Direction
) -> None:
    found = called(tmp_path, *parties)
    assert (found.call.direction, found.notes) == (direction, ())


def test_that_nothing_tells_the_direction_is_noted(tmp_path: Path) -> None:
    found = called(tmp_path, OUTSIDE, OTHER)
    assert (found.call.direction, found.notes) == (IN, (UNTOLD,))


@pytest.mark.parametrize(
    ("said", "direction"),
    [("in", IN), ("Inbound", IN), ("incoming", IN),
     ("out", OUT), ("OUTBOUND", OUT), ("outgoing", OUT)],
)  # fmt: skip
@pytest.mark.parametrize("is_in_meta", [False, True])
def test_what_the_dialog_says_of_the_direction_counts_first(
    tmp_path: Path, said: str, direction: Direction, is_in_meta: bool
) -> None:
    told = {"direction": said}
    found = called(tmp_path, CUSTOMER, AGENT, **({"meta": told} if is_in_meta else told))
    assert found.call.direction is direction


@pytest.mark.parametrize("said", ["sideways", 7, None, ["in"]])
def test_what_says_nothing_of_the_direction_is_passed_over(tmp_path: Path, said: Any) -> None:
    found = called(tmp_path, AGENT, CUSTOMER, direction=said, meta=said)
    assert found.call.direction is OUT


@pytest.mark.parametrize(
    ("parties", "agent"),
    [
        ([CUSTOMER, AGENT], "101"),
        ([AGENT, CUSTOMER], "101"),
        ([CUSTOMER, {"role": "agent", "mailto": "ewa@example.com"}], "ewa@example.com"),
        ([CUSTOMER, {"role": "agent", "uuid": "a7", "name": "Ewa"}], "a7"),
        ([CUSTOMER, {"role": "agent", "name": "Ewa"}], "Ewa"),
        ([CUSTOMER, {"role": "agent"}, {"role": "agent", "tel": "102"}], "102"),
        ([{"tel": "103"}, OTHER], "103"),
        ([OUTSIDE, {"tel": "104"}], "104"),
        ([OUTSIDE, {}], None),
    ],
)  # fmt: skip
def test_the_companys_side_is_the_agent(
    tmp_path: Path, parties: list[dict[str, Any]], agent: str | None
) -> None:
    assert called(tmp_path, *parties, parties=list(range(len(parties)))).agent == agent


@pytest.mark.parametrize(
    ("members", "queue"),
    [({}, None), ({"skill": "billing"}, "billing"), ({"campaign": "spring"}, "spring"),
     ({"skill": "billing", "campaign": "spring"}, "billing"), ({"skill": 7}, None)],
)  # fmt: skip
def test_a_skill_or_a_campaign_is_the_queue(
    tmp_path: Path, members: dict[str, Any], queue: str | None
) -> None:
    assert called(tmp_path, CUSTOMER, AGENT, **members).queue == queue


@pytest.mark.parametrize(
    "start",
    ["2026-03-02T08:00:05Z", "2026-03-02T08:00:05.999999999Z", "2026-03-02t08:00:05z",
     "2026-03-02T09:00:05.250+01:00", "2026-03-02T03:00:05-05:00", "2026-03-02 08:00:05+00:00"],
)  # fmt: skip
def test_a_start_is_read_with_its_offset(tmp_path: Path, start: str) -> None:
    found = candidate(tmp_path, vcon(recording(start=start)))
    assert (found.call.started_at, found.native_time) == (STARTED_AT, STARTED_AT)


@pytest.mark.parametrize("start", [None, "", "yesterday", 1_772_438_405, "2026-03-02T25:00:00Z",
                                   "0001-01-01T00:00:00+23:00"])  # fmt: skip
def test_a_start_that_is_none_is_refused(tmp_path: Path, start: Any) -> None:
    found = refusal(tmp_path, vcon(recording(start=start)))
    assert found.fault is Fault.BAD_CALL


def test_a_start_without_offset_needs_the_zone(tmp_path: Path) -> None:
    put(tmp_path, vcon(recording(start="2026-03-02T09:00:05")))
    (found,) = items(tmp_path, is_in_zone=True)
    assert isinstance(found, Candidate)
    assert found.call.started_at == STARTED_AT
    found = refusal(tmp_path, vcon(recording(start="2026-03-02T09:00:05")))
    assert found.reason == "Its start has no offset from UTC; give the zone with --timezone."


def test_a_clock_time_that_comes_twice_is_noted(tmp_path: Path) -> None:
    put(tmp_path, vcon(recording(start="2025-10-26T02:30:00")))
    (found,) = items(tmp_path, is_in_zone=True)
    assert isinstance(found, Candidate)
    assert "occurs twice in Europe/Warsaw" in found.notes[0]


@pytest.mark.parametrize(
    ("duration", "hung_up", "talking_ms", "is_measured"),
    [(33.12, 34, 33_120, True), (60, 60, 60_000, True), (0.0004, 1, 0, True),
     (0, 0, 0, False), (None, 0, 0, False), (2_678_400, 2_678_400, 2_678_400_000, True)],
)  # fmt: skip
def test_a_call_lasts_as_long_as_its_dialog(
    tmp_path: Path, duration: Any, hung_up: int, talking_ms: int, is_measured: bool
) -> None:
    found = candidate(tmp_path, vcon(recording(duration=duration)))
    assert found.call.hung_up_at - found.call.started_at == hung_up
    assert (found.call.talking_ms, found.is_measured) == (talking_ms, is_measured)


@pytest.mark.parametrize("duration", [-1, "60", True, 2_678_401, [], -0.1])
def test_a_duration_that_is_none_is_refused(tmp_path: Path, duration: Any) -> None:
    assert refusal(tmp_path, vcon(recording(duration=duration))).fault is Fault.BAD_CALL


def test_a_call_is_known_by_its_vcon_and_its_dialog(tmp_path: Path) -> None:
    found = candidate(tmp_path, vcon(recording(), uuid=UUID.upper()))
    assert (found.call.dialog_id, found.call.source_call_id) == (f"{UUID}/0", UUID)


@pytest.mark.parametrize(
    ("disposition", "cause"),
    [("no-answer", "no-answer"), ("x" * 65, "x" * 64), (None, None), (7, None)],
)
def test_an_incomplete_dialog_is_a_call_without_recording(
    tmp_path: Path, disposition: Any, cause: str | None
) -> None:
    dialog = {"type": "incomplete", "start": "2026-03-02T08:00:05Z", "parties": [0, 1],
              "duration": 20, "disposition": disposition, "skill": "billing"}  # fmt: skip
    found = row(tmp_path, vcon(dialog))
    assert (found.use.value, found.agent, found.queue) == ("unrecorded", "101", "billing")
    assert found.call is not None
    assert (found.call.end_cause, found.call.talking_ms) == (cause, 0)
    assert found.call.hung_up_at == STARTED_AT + 20


def test_an_incomplete_dialog_that_cannot_be_is_a_refused_row(tmp_path: Path) -> None:
    found = refusal(tmp_path, vcon({"type": "incomplete", "parties": [0, 1]}))
    assert found.fault is Fault.BAD_ROW
