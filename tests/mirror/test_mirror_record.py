"""What a row of the service's list becomes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callreel.api.wire import Bodies, WireRecording, is_recording_id
from callreel.api.wire_time import format_time
from callreel.client.mirror.audio import Library
from callreel.client.mirror.record import Records, identity
from callreel.client.transport import Transport
from callreel.importers.items import Candidate, Fault, Refusal
from callreel.model import Audio, Call, DialogType, Direction, Named, Recording
from endpoints.account import NOON, record
from endpoints.original import KEY

HOST = "https://calls.example.org"
WHOLE = Call(
    dialog_id="6d59cb01-eeac-432a-b0aa-bfa4f26785ec0",
    dialog_type=DialogType.TENANT_USER,
    direction=Direction.OUTBOUND,
    end_cause="DIALOG_LEFT",
    from_number="48800123456",
    to_number="+48 22 0000000",
    started_at=NOON,
    hung_up_at=NOON + 34,
    alerted_at=NOON + 1,
    rang_at=NOON + 2,
    answered_at=NOON + 3,
    served_at=NOON + 4,
    talking_ms=30_000,
    waiting_ms=4_000,
    first_queue_waiting_ms=1_000,
    machine_detected=True,
    machine_type="AMD",
    source_call_id="op-0",
    project=Named(9, "Sprzedaż"),
    user=Named(94, "Łucja"),
    tags=(3, 17),
)


def records() -> Records:
    transport = Transport(HOST, KEY, 5)
    return Records(transport, Library(transport, 1 << 20), "mirror")


def candidate(row: object) -> Candidate:
    item = records().item(row)
    assert isinstance(item, Candidate), item
    return item


def refusal(row: object) -> Refusal:
    item = records().item(row)
    assert isinstance(item, Refusal), item
    return item


def test_every_field_of_a_full_row_is_kept() -> None:
    found = candidate(record(0))
    assert found.call == WHOLE
    assert (found.id, found.where, found.notes) == ("r0", "r0", ())
    assert found.is_measured
    assert found.original_name == "0.wav"


@pytest.mark.parametrize(
    ("left_out", "becomes"),
    [
        ("dialog_uuid", {"dialog_id": "r0"}),
        ("dialog_type", {"dialog_type": DialogType.CONSULTANT}),
        ("business_direction", {"direction": Direction.INBOUND}),
        ("business_end_cause", {"end_cause": None}),
        ("from_display_target", {"from_number": None}),
        ("to_display_target", {"to_number": None}),
        ("alert_time", {"alerted_at": None}),
        ("ring_time", {"rang_at": None}),
        ("answer_time", {"answered_at": None}),
        ("serve_time", {"served_at": None}),
        ("hangup_time", {"hung_up_at": NOON + 34}),
        ("talking_time", {"talking_ms": 30_000}),
        ("waiting_time", {"waiting_ms": None}),
        ("first_queue_waiting_time", {"first_queue_waiting_ms": None}),
        ("machine_detected", {"machine_detected": False}),
        ("machine_detected_type", {"machine_type": None}),
        ("operator_call_id", {"source_call_id": None}),
        ("project_id", {"project": None}),
        ("project_name", {"project": Named(9, None)}),
        ("tenant_user_id", {"user": None}),
        ("tenant_user_name", {"user": Named(94, None)}),
        ("custom_tag_id_list", {"tags": ()}),
    ],
)
@pytest.mark.parametrize("how", ["absent", "null", "empty"])
def test_what_a_row_leaves_out_has_a_default(
    left_out: str, becomes: dict[str, Any], how: str
) -> None:
    row = record(0)
    del row[left_out]
    row |= {} if how == "absent" else {left_out: None if how == "null" else ""}
    assert candidate(row).call == replace(WHOLE, **becomes)


def test_every_known_field_is_one_of_those_that_are_tested() -> None:
    audio = {name for name in WireRecording.__struct_fields__ if name.startswith("recording_")}
    assert set(record(0)) | audio == set(WireRecording.__struct_fields__)


@pytest.mark.parametrize(
    ("fields", "hung_up_at", "talking_ms"),
    [
        ({"hangup_time": None, "talking_time": 1}, NOON + 5, 1),
        ({"hangup_time": None, "serve_time": None, "talking_time": 2_000}, NOON + 5, 2_000),
        (
            {"hangup_time": None, "serve_time": None, "answer_time": None, "talking_time": 2_000},
            NOON + 6,
            2_000,
        ),
        ({"talking_time": None, "serve_time": None}, NOON + 34, 31_000),
        ({"talking_time": None, "hangup_time": format_time(NOON + 2)}, NOON + 2, 0),
    ],
)
def test_end_and_length_come_of_one_another(
    fields: dict[str, Any], hung_up_at: int, talking_ms: int
) -> None:
    call = candidate(record(0, **fields)).call
    assert (call.hung_up_at, call.talking_ms) == (hung_up_at, talking_ms)


def test_without_end_and_length_a_call_is_as_long_as_its_audio() -> None:
    found = candidate(record(0, hangup_time=None, talking_time=None))
    assert not found.is_measured
    call = found.complete(1_500)
    assert (call.hung_up_at, call.talking_ms) == (NOON + 2, 1_500)


@pytest.mark.parametrize(
    ("fields", "same_as"),
    [
        ({"from_display_target": 48800123456}, {}),
        ({"talking_time": "30000"}, {}),
        ({"talking_time": 30000.0}, {}),
        ({"machine_detected": True}, {}),
        ({"machine_detected": "1"}, {}),
        ({"project_id": "9"}, {}),
        ({"custom_tag_id_list": ["17", 3, 3]}, {}),
        ({"operator_call_id": 7}, {"source_call_id": "7"}),
    ],
)
def test_numbers_as_text_and_text_as_numbers_are_understood(
    fields: dict[str, Any], same_as: dict[str, Any]
) -> None:
    assert candidate(record(0, **fields)).call == replace(WHOLE, **same_as)


def test_fields_that_nobody_knows_are_noted_once() -> None:
    reader = records()
    notes = [
        item.notes
        for fields in ({"extra": 1, "more\n": [2]}, {"extra": 1}, {"extra": 1, "third": None})
        if isinstance(item := reader.item(record(0, **fields) | fields), Candidate)
    ]
    says = "The service tells more than the archive has a place for: "
    assert notes == [(says + "extra, more\\n.",), (), (says + "third.",)]


def test_a_service_that_makes_up_fields_for_ever_does_not_fill_the_memory() -> None:
    reader = records()
    noted = 0
    for number in range(100):
        item = reader.item(record(0) | {f"x{number}": 1})
        assert isinstance(item, Candidate)
        noted += len(item.notes)
    assert noted == 20
    assert len(reader._unknown) == 20


def test_words_that_nobody_knows_have_the_default_and_a_note() -> None:
    found = candidate(record(0, dialog_type="ROBOT", business_direction="SIDEWAYS"))
    assert (found.call.dialog_type, found.call.direction) == ("CONSULTANT", "INBOUND")
    assert found.notes == (
        "The service says 'ROBOT' in dialog_type; it is kept as CONSULTANT.",
        "The service says 'SIDEWAYS' in business_direction; it is kept as INBOUND.",
    )


def test_a_direction_that_is_left_out_is_noted() -> None:
    (says,) = candidate(record(0, business_direction=None)).notes
    assert says.endswith("kept as INBOUND.")


@pytest.mark.parametrize("odd", ["a/b", "..", "x" * 65, "ż", {"id": 1}, True])
def test_an_id_that_cannot_be_one_here_gives_way_to_another(odd: object) -> None:
    found = candidate(record(0, recording_uuid=odd))
    assert found.id is None
    assert found.native_id == str(int(odd) if odd is True else odd)
    assert found.notes == ("The service's id cannot be one here; the recording has another.",)
    assert found.call == WHOLE


def test_without_an_id_the_dialog_tells_the_recording() -> None:
    found = candidate(record(0, recording_uuid=None))
    assert (found.id, found.native_id) == (None, WHOLE.dialog_id)
    assert found.where == f"dialog {WHOLE.dialog_id}"


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"start_time": None}, "The record does not say when the call started."),
        ({"start_time": "2026-02-30 12:00:00"}, "There is no such moment"),
        ({"start_time": "2026-03-01T12:00:00Z"}, "a time is UTC and of the form"),
        ({"start_time": 1772366400}, "a time is UTC and of the form"),
        ({"talking_time": -1}, "The record is not as it should be"),
        ({"talking_time": "long"}, "The record is not as it should be"),
        ({"talking_time": (1 << 53) - 1, "hangup_time": None}, "longer than it can be"),
        ({"custom_tag_id_list": 3}, "The record is not as it should be"),
        ({"to_display_target": ["48"]}, "The record is not as it should be"),
        ({"to_display_target": "4" * 65}, "The record is not as it should be"),
        ({"to_display_target": "4\n8"}, "a text may hold no control characters"),
        ({"recording_url": "ftp://calls.example.org/1"}, "not one on the web"),
        ({"recording_url": "http://[broken"}, "not one on the web"),
        ({"recording_url": ["x"]}, "The recording is not as it should be"),
        ({"recording_size": "big"}, "The recording is not as it should be"),
    ],
)
def test_a_row_that_cannot_be_meant_is_refused_with_its_id(
    fields: dict[str, Any], says: str
) -> None:
    found = refusal(record(0, **fields))
    assert (found.where, found.fault) == ("r0", Fault.BAD_CALL)
    assert says in found.reason


@pytest.mark.parametrize("row", [None, 7, "r1", [], [record(0)]])
def test_what_is_no_row_is_refused(row: object) -> None:
    assert refusal(row).reason == "The record is no JSON object."


def test_a_row_that_names_no_audio_is_refused() -> None:
    found = refusal(record(0, recording_uuid=None, recording_url=None))
    assert found.reason == "It has neither an id nor an address of audio."


def test_only_digests_that_are_some_are_compared() -> None:
    assert candidate(record(0, recording_sha256="AB" * 32)).sha256 == "ab" * 32
    assert candidate(record(0, recording_sha256="md5:1234")).sha256 is None


@pytest.mark.parametrize(
    ("left", "right", "is_same"),
    [
        ({"recording_uuid": "r1"}, {"recording_uuid": "r1", "talking_time": 2}, True),
        ({"recording_uuid": "r1"}, {"recording_uuid": "r2"}, False),
        ({"recording_uuid": 1}, {"recording_uuid": "1"}, True),
        ({"recording_url": "/a?X-Amz-Date=1&id=3"}, {"recording_url": "/a?id=3"}, True),
        ({"recording_url": "/a?sig=1"}, {"recording_url": "/a?sig=2"}, True),
        ({"recording_url": "/a?id=1"}, {"recording_url": "/a?id=2"}, False),
        ({"dialog_uuid": "d"}, {"dialog_uuid": "d", "talking_time": 2}, False),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        ({"a": 1 << 70}, {"a": 1 << 71}, False),
        (None, [], False),
    ],
)
def test_a_row_is_told_from_others_but_not_from_itself(
    left: object, right: object, is_same: bool
) -> None:
    assert (identity(left) == identity(right)) is is_same


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from(WireRecording.__struct_fields__)


@given(fields=st.dictionaries(NAMES | st.text(), JSON, max_size=5), base=st.booleans())
def test_whatever_a_row_holds_it_is_one_item_that_can_be_judged(
    fields: dict[str, Any], base: bool
) -> None:
    row = record(0) | fields if base else fields
    identity(row)
    item = records().item(row)
    assert item.where.isprintable()
    if isinstance(item, Refusal):
        assert item.reason.isprintable()
        return
    assert isinstance(item, Candidate)
    assert item.id is None or is_recording_id(item.id)
    assert all(note.isprintable() for note in item.notes)
    Bodies().render(Recording(item.id or "made", item.call, Audio("0" * 64, 1, "audio/wav")))
