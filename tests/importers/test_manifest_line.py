"""What a line of a manifest may say, by the code and by the schema that is published."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callreel.errors import BadRecording
from callreel.importers.manifest.line import FIELDS, Line, entry_of, schema
from callreel.model import Call, DialogType, Direction, Named
from importers.manifests import STARTED_AT, line

SCHEMA = Path(__file__).parents[2] / "docs" / "reference" / "manifest.schema.json"
VALIDATOR = jsonschema_rs.Draft202012Validator(schema())
EVERY_FIELD: dict[str, Any] = {
    "dialog_id": "1772438405.10",
    "dialog_type": "TENANT_USER",
    "direction": "OUTBOUND",
    "started_at": STARTED_AT,
    "hung_up_at": STARTED_AT + 75,
    "talking_ms": 60_000,
    "end_cause": "hung-up",
    "from_number": "101",
    "to_number": "+48600100200",
    "alerted_at": STARTED_AT + 1,
    "rang_at": STARTED_AT + 2,
    "answered_at": STARTED_AT + 3,
    "served_at": STARTED_AT + 15,
    "waiting_ms": 15_000,
    "first_queue_waiting_ms": 4_000,
    "machine_detected": True,
    "machine_type": "voicemail",
    "source_call_id": "1772438405.9",
    "project": {"id": 3, "name": "Sales"},
    "user": {"id": 7, "name": "Ewa Lis"},
    "tags": [17, 3, 17],
    "agent": "101",
    "queue": "700",
    "audio": "2026/03/a.wav",
    "sha256": "AB" * 32,
    "original_name": "rozmowa.wav",
    "id": "r-1",
    "error": "The audio is missing.",
    "recording": {"recording_uuid": "r-1"},
}


def read(**fields: Any) -> Call:
    return entry_of(json.dumps(line(**fields)).encode()).call


def test_every_field_is_read_into_its_place() -> None:
    entry = entry_of(json.dumps(EVERY_FIELD).encode())
    assert entry.call == Call(
        dialog_id="1772438405.10",
        dialog_type=DialogType.TENANT_USER,
        direction=Direction.OUTBOUND,
        started_at=STARTED_AT,
        hung_up_at=STARTED_AT + 75,
        talking_ms=60_000,
        end_cause="hung-up",
        from_number="101",
        to_number="+48600100200",
        alerted_at=STARTED_AT + 1,
        rang_at=STARTED_AT + 2,
        answered_at=STARTED_AT + 3,
        served_at=STARTED_AT + 15,
        waiting_ms=15_000,
        first_queue_waiting_ms=4_000,
        machine_detected=True,
        machine_type="voicemail",
        source_call_id="1772438405.9",
        project=Named(3, "Sales"),
        user=Named(7, "Ewa Lis"),
        tags=(3, 17),
    )
    assert (entry.is_measured, entry.notes) == (True, ())
    assert EVERY_FIELD.keys() == FIELDS


def test_every_field_of_a_call_can_be_said() -> None:
    assert set(Call.__dataclass_fields__) <= FIELDS


def test_a_line_needs_little() -> None:
    entry = entry_of(json.dumps(line()).encode())
    assert (entry.call.dialog_type, entry.call.tags) == (DialogType.CONSULTANT, ())
    assert (entry.call.started_at, entry.call.hung_up_at) == (STARTED_AT, STARTED_AT)
    assert not entry.is_measured


@pytest.mark.parametrize(
    ("started_at", "seconds"),
    [
        ("2026-03-02T09:00:05+01:00", STARTED_AT), ("2026-03-02T08:00:05Z", STARTED_AT),
        ("2026-03-02 08:00:05.999999999z", STARTED_AT), ("2026-03-02t03:00:05-05:00", STARTED_AT),
        (STARTED_AT, STARTED_AT), (946_684_800, 946_684_800), ("2000-01-01T00:00:00Z", 946_684_800),
        (5_241_652_095, 5_241_652_095),
    ],
)  # fmt: skip
def test_a_time_is_text_with_its_offset_or_seconds(started_at: Any, seconds: int) -> None:
    assert read(started_at=started_at).started_at == seconds


@pytest.mark.parametrize(
    ("fields", "hung_up_after"),
    [
        ({"talking_ms": 0}, 0), ({"talking_ms": 1}, 1), ({"talking_ms": 60_000}, 60),
        ({"talking_ms": 60_000, "waiting_ms": 14_999}, 75),
        ({"talking_ms": 60_000, "waiting_ms": 15_000, "hung_up_at": STARTED_AT + 99}, 99),
        ({"audio": None}, 0), ({"audio": None, "hung_up_at": STARTED_AT + 20}, 20),
        ({"audio": None, "waiting_ms": 20_000}, 20),
    ],
)  # fmt: skip
def test_a_call_ends_when_its_talk_does_unless_the_line_says(
    fields: dict[str, Any], hung_up_after: int
) -> None:
    assert read(**fields).hung_up_at - STARTED_AT == hung_up_after


BAD = [
    {"dialog_id": None}, {"dialog_id": ""}, {"dialog_id": "a" * 65}, {"dialog_id": 7},
    {"dialog_id": "a\nb"}, {"direction": None}, {"direction": "inbound"}, {"direction": 1},
    {"started_at": None}, {"started_at": "2026-03-02T09:00:05"}, {"started_at": "2026-03-02"},
    {"started_at": "yesterday"}, {"started_at": 946_684_799}, {"started_at": 5_241_652_096},
    {"started_at": 1.5}, {"started_at": True}, {"started_at": "1772438405"},
    {"hung_up_at": 0, "talking_ms": 1}, {"talking_ms": -1}, {"talking_ms": 1 << 53},
    {"talking_ms": "60"}, {"talking_ms": 0.5}, {"waiting_ms": -1, "talking_ms": 1},
    {"from_number": 48600100200}, {"from_number": "5" * 65}, {"to_number": "1\u0000"},
    {"end_cause": "x" * 65}, {"source_call_id": "x" * 256}, {"source_call_id": 7},
    {"machine_detected": 1}, {"machine_detected": "yes"}, {"dialog_type": "consultant"},
    {"project": 3}, {"project": {}}, {"project": {"name": "Sales"}}, {"project": {"id": "3"}},
    {"user": {"id": 1, "name": "x" * 256}}, {"user": []}, {"tags": 3}, {"tags": ["3"]},
    {"tags": [1.5]}, {"tags": list(range(1001))}, {"audio": ""}, {"audio": 7},
    {"audio": "a" * 4097}, {"sha256": "ab"}, {"sha256": "g" * 64}, {"original_name": "x" * 256},
    {"agent": 101}, {"queue": ["700"]}, {"agent": "x\u007f"},
]  # fmt: skip
GOOD = [
    {}, EVERY_FIELD, {"audio": None}, {"started_at": STARTED_AT}, {"tags": []},
    {"unknown": [1, {}]},
    {"project": {"id": -1, "colour": "red"}}, {"user": {"id": 1, "name": "Żółć"}},
    {"from_number": ""}, {"tags": list(range(1000))}, {"talking_ms": 0}, {"sha256": "0f" * 32},
    {"dialog_type": "BOT"}, {"audio": "a" * 4096}, {"from_number": "5" * 64},
]  # fmt: skip


@pytest.mark.parametrize("fields", BAD)
def test_what_the_schema_forbids_is_refused(fields: dict[str, Any]) -> None:
    assert not VALIDATOR.is_valid(line(**fields))
    with pytest.raises(BadRecording) as error:
        read(**fields)
    assert error.value.message.endswith(".")
    assert next(iter(fields)) in error.value.message or "missing" in error.value.message


@pytest.mark.parametrize("fields", GOOD)
def test_what_the_schema_allows_is_taken(fields: dict[str, Any]) -> None:
    assert VALIDATOR.is_valid(line(**fields))
    assert read(**fields).dialog_id == "1772438405.10"


def test_null_is_as_good_as_nothing() -> None:
    nulls = dict.fromkeys(FIELDS - {"dialog_id", "direction", "started_at"})
    assert VALIDATOR.is_valid(line() | nulls)
    assert (
        entry_of(json.dumps(line() | nulls).encode()).line
        == entry_of(json.dumps(line(None)).encode()).line
    )


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"started_at": "2026-02-30T09:00:00Z"}, "The field started_at is no time that there is."),
        ({"rang_at": "2026-03-02T25:00:00Z"}, "The field rang_at is no time that there is."),
        ({"started_at": "1999-12-31T23:59:59Z"}, "started_at is not in the years 2000 to 2135."),
        ({"hung_up_at": STARTED_AT - 1, "talking_ms": 0}, "The call ends before it starts."),
        ({"hung_up_at": STARTED_AT}, "with hung_up_at or waiting_ms must have talking_ms too."),
        ({"waiting_ms": 5}, "with hung_up_at or waiting_ms must have talking_ms too."),
    ],
)
def test_what_no_schema_can_say_is_refused_too(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(BadRecording) as error:
        read(**fields)
    assert error.value.message.endswith(says)


def test_a_message_says_what_is_meant_and_not_what_was_written() -> None:
    expected = {
        "started_at": "a time is of the form 2026-03-29T14:05:00+02:00, or seconds since 1970.",
        "direction": "it is none of the values that it may have.",
        "sha256": "a digest has 64 hexadecimal digits.",
        "to_number": "a text may hold no control characters.",
    }
    for field, says in expected.items():
        with pytest.raises(BadRecording) as error:
            read(**{field: "600100200\n"})
        assert error.value.message == f"The field {field}: {says}"


def test_unknown_fields_are_noted() -> None:
    entry = entry_of(json.dumps(line(colour="red")).encode())
    assert entry.notes == ("The line has fields that are not known here; they were passed over.",)


@pytest.mark.parametrize("text", [
    b"", b"{", b"[]", b"7", b"null", b"\xff", b'{"a": NaN}', b"{}",
    b'{"dialog_id": "a", "dialog_id": "b"}',
    b"[" * 100_000, b'{"dialog_id": "\\ud800"}', b'{"talking_ms": 99999999999999999999}', b"{} {}",
])  # fmt: skip
def test_a_line_that_is_no_sound_json_is_refused(text: bytes) -> None:
    with pytest.raises(BadRecording):
        entry_of(text)


@settings(deadline=None)
@given(st.dictionaries(
    st.sampled_from(sorted(FIELDS)),
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=70)
    | st.sampled_from(["INBOUND", "BOT", "2026-03-02T09:00:05Z"])
    | st.lists(st.integers(), max_size=3),
))  # fmt: skip
def test_any_fields_are_read_or_refused_and_the_schema_agrees(fields: dict[str, Any]) -> None:
    whole = line() | fields
    try:
        entry_of(json.dumps(whole).encode())
    except BadRecording:
        return
    assert VALIDATOR.is_valid(whole)


def test_the_published_schema_is_the_codes_own() -> None:
    jsonschema_rs.meta.validate(schema())
    assert json.loads(SCHEMA.read_text()) == schema()
    assert set(schema()["properties"]) == set(Line.__struct_fields__)
