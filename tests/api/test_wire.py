from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callreel.api.schemas import schemas
from callreel.api.wire import (
    FIELD_NAMES,
    Bodies,
    WireCall,
    WireRecording,
    decode_call,
    is_recording_id,
    to_call,
)
from callreel.api.wire_time import format_time, parse_time
from callreel.errors import BadRecording
from callreel.model import (
    EARLIEST_START,
    LATEST_START,
    Audio,
    Call,
    DialogType,
    Direction,
    Named,
    Recording,
)

FIELDS = {
    "recording_uuid", "dialog_uuid", "dialog_type", "business_direction", "business_end_cause",
    "from_display_target", "to_display_target", "start_time", "hangup_time", "alert_time",
    "ring_time", "answer_time", "serve_time", "talking_time", "waiting_time",
    "first_queue_waiting_time", "machine_detected", "machine_detected_type", "operator_call_id",
    "project_id", "tenant_user_id", "project_name", "tenant_user_name", "custom_tag_id_list",
    "recording_url", "recording_duration", "recording_size", "recording_mime_type",
    "recording_channels", "recording_sha256",
}  # fmt: skip
NOT_NULL = {
    "recording_uuid", "dialog_uuid", "dialog_type", "business_direction", "start_time",
    "hangup_time", "talking_time", "machine_detected", "custom_tag_id_list", "recording_url",
    "recording_size", "recording_mime_type", "recording_sha256",
}  # fmt: skip

texts = st.text(st.characters(exclude_categories=["C"]), max_size=40)
words = st.none() | texts
whole = st.integers(-(1 << 63), (1 << 63) - 1)
moments = st.integers(EARLIEST_START, LATEST_START)
lengths = st.integers(0, (1 << 53) - 1)
named = st.none() | st.builds(Named, whole, words)
calls = st.builds(
    Call,
    dialog_id=texts.filter(lambda text: text and text.isprintable()),
    dialog_type=st.sampled_from(DialogType),
    direction=st.sampled_from(Direction),
    started_at=moments,
    hung_up_at=moments,
    talking_ms=lengths,
    end_cause=words,
    from_number=words,
    to_number=words,
    alerted_at=st.none() | moments,
    rang_at=st.none() | moments,
    answered_at=st.none() | moments,
    served_at=st.none() | moments,
    waiting_ms=st.none() | lengths,
    first_queue_waiting_ms=st.none() | lengths,
    machine_detected=st.booleans(),
    machine_type=words,
    source_call_id=words,
    project=named,
    user=named,
    tags=st.sets(whole, max_size=5).map(lambda tags: tuple(sorted(tags))),
)
recordings = st.builds(
    Recording,
    id=st.from_regex(r"[A-Za-z0-9._~:-]{1,64}", fullmatch=True).filter(is_recording_id),
    call=calls,
    audio=st.builds(
        Audio,
        sha256=st.from_regex(r"[0-9a-f]{64}", fullmatch=True),
        size=lengths,
        mime_type=st.sampled_from(["audio/wav", "audio/ogg"]),
        channels=st.none() | st.integers(1, 8),
        duration_ms=st.none() | lengths,
    ),
)


def a_call(**given: Any) -> bytes:
    return json.dumps(
        {
            "dialog_uuid": "d",
            "dialog_type": "EXTERNAL",
            "business_direction": "INBOUND",
            "start_time": "2025-03-14 09:26:53",
            "hangup_time": "2025-03-14 09:27:53",
            "talking_time": 60_000,
            **given,
        }
    ).encode()


@given(recordings)
def test_a_body_leads_back_to_its_recording(recording: Recording) -> None:
    bodies = Bodies()
    assert bodies.parse(bodies.render(recording)) == recording


@given(recordings, st.sampled_from(["http://h", "https://calls.example.org/ż%22", 'http://a"b']))
def test_opening_and_body_are_the_contracts_object(recording: Recording, base: str) -> None:
    finished = Bodies().opening(base) + Bodies().render(recording)
    said = json.loads(finished)
    assert said.keys() == FIELDS
    assert {name for name, value in said.items() if value is None} <= FIELDS - NOT_NULL
    assert said["recording_url"] == f"{base}/cdr_dialog_recording/{recording.id}/audio"
    assert said["machine_detected"] in {0, 1}
    assert not isinstance(said["machine_detected"], bool)
    assert said["start_time"] == format_time(recording.call.started_at)
    msgspec.json.decode(finished, type=WireRecording)


@given(calls)
def test_a_handed_in_call_is_the_call_that_is_shown(call: Call) -> None:
    recording = Recording("x", call, Audio("0" * 64, 1, "audio/wav"))
    said = json.loads(Bodies().opening("http://h") + Bodies().render(recording))
    given_back = {name: said[name] for name in WireCall.__struct_fields__}
    assert to_call(decode_call(json.dumps(given_back).encode())) == (call, "x")


def test_a_call_needs_few_fields() -> None:
    call, wanted = to_call(decode_call(a_call()))
    assert wanted is None
    assert (call.talking_ms, call.tags, call.project) == (60_000, (), None)
    assert call.hung_up_at - call.started_at == 60


def test_tags_are_ordered_and_each_once() -> None:
    assert to_call(decode_call(a_call(custom_tag_id_list=[9, 2, 9])))[0].tags == (2, 9)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("recording_uuid", ""),
        ("recording_uuid", "."),
        ("recording_uuid", ".."),
        ("recording_uuid", "a/b"),
        ("recording_uuid", "a%2f"),
        ("recording_uuid", "a\n"),
        ("recording_uuid", "é"),
        ("recording_uuid", "x" * 65),
        ("recording_uuid", 1),
        ("dialog_uuid", ""),
        ("dialog_uuid", "x" * 65),
        ("dialog_uuid", "a\u2028b"),
        ("dialog_uuid", "a\n"),
        ("dialog_uuid", None),
        ("dialog_type", "external"),
        ("business_direction", "INTERNAL"),
        ("business_end_cause", "x" * 65),
        ("from_display_target", "1" * 65),
        ("from_display_target", "1\u00002"),
        ("to_display_target", 48600700800),
        ("start_time", "2025-02-30 00:00:00"),
        ("start_time", "2025-03-14T09:26:53"),
        ("start_time", "2025-03-14 09:26:53\n"),
        ("hangup_time", None),
        ("serve_time", ""),
        ("answer_time", 0),
        ("talking_time", -1),
        ("talking_time", 1.0),
        ("talking_time", True),
        ("talking_time", 1 << 53),
        ("talking_time", "60000"),
        ("waiting_time", -1),
        ("machine_detected", 2),
        ("machine_detected", True),
        ("machine_detected", None),
        ("project_id", 1 << 63),
        ("tenant_user_id", "7"),
        ("custom_tag_id_list", None),
        ("custom_tag_id_list", ["1"]),
        ("custom_tag_id_list", [1] * 1001),
        ("recording_url", "http://elsewhere"),
        ("recording_sha256", "0" * 64),
        ("nonsense", 1),
    ],
)
def test_a_wrong_field_is_named(field: str, value: object) -> None:
    with pytest.raises(BadRecording) as caught:
        to_call(decode_call(a_call(**{field: value})))
    assert caught.value.field == field


@pytest.mark.parametrize("name", ["project", "tenant_user"])
def test_a_name_needs_its_id(name: str) -> None:
    with pytest.raises(BadRecording) as caught:
        to_call(decode_call(a_call(**{f"{name}_name": "Sales"})))
    assert caught.value.field == f"{name}_name"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b"\xff",
        b"{}",
        b"[" * 50_000,
        b'{"dialog_uuid":' + b"[" * 50_000,
        b'{"dialog_uuid":"\xed\xa0\x80"}',
        b'{"dialog_uuid":"\\ud800"}',
        b'{"talking_time":NaN}',
        b'{"talking_time":' + b"9" * 5000 + b"}",
    ],
)
def test_what_is_no_call_is_refused(raw: bytes) -> None:
    with pytest.raises(BadRecording):
        decode_call(raw)


@given(st.binary(max_size=60))
def test_no_bytes_do_worse_than_being_refused(raw: bytes) -> None:
    with pytest.raises(BadRecording):
        decode_call(raw)


def test_a_recording_that_an_answer_could_not_hold_is_refused_before_it_is_kept() -> None:
    call = to_call(decode_call(a_call()))[0]
    audio = Audio("0" * 64, 1, "audio/wav")
    with pytest.raises(BadRecording) as caught:
        Bodies().render(Recording("x", replace(call, end_cause="x" * 65), audio))
    assert caught.value.field == "business_end_cause"


@given(st.integers(-62_135_596_800, 253_402_300_799))
def test_a_time_leads_back_to_its_second(second: int) -> None:
    text = format_time(second)
    assert len(text) == 19
    assert parse_time(text) == second


@pytest.mark.parametrize("second", [0, 951_782_400, 1_078_012_799, 4_107_542_400])
def test_a_time_reads_as_people_write_it(second: int) -> None:
    expected = {
        0: "1970-01-01 00:00:00",
        951_782_400: "2000-02-29 00:00:00",
        1_078_012_799: "2004-02-28 23:59:59",
        4_107_542_400: "2100-03-01 00:00:00",
    }
    assert format_time(second) == expected[second]


def test_every_field_of_a_call_has_a_name_on_the_wire() -> None:
    names = {FIELD_NAMES.get(field.name, field.name) for field in fields(Call)}
    assert names <= set(WireCall.__struct_fields__)
    assert len(names) == len(fields(Call))


def test_the_schema_of_an_answer_has_every_field_and_says_what_may_be_null() -> None:
    schema = schemas()["WireRecording"]
    assert set(schema["properties"]) == set(schema["required"]) == FIELDS
    null = {name for name, each in schema["properties"].items() if _may_be_null(each)}
    assert null == FIELDS - NOT_NULL
    assert schemas()["WireCall"]["additionalProperties"] is False


def _may_be_null(schema: dict[str, Any]) -> bool:
    return {"type": "null"} in schema.get("anyOf", ())
