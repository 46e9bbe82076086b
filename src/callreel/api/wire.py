"""The vendor's names and formats, both ways; no other file knows them.

A recording's public JSON is kept finished, in two parts. The opening ends inside of the value of
`recording_url` and is the same for all records, so the server's own address is put in on the way
out as a mere separator. The body is the rest, and begins with the recording's id.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from callreel.api.decoding import ID_PATTERN, RULES, decoded, refusal
from callreel.api.fields import (
    DialogId,
    Flag,
    Length,
    Moment,
    Number,
    RecordingId,
    TagIds,
    Text,
    Whole,
    Word,
    says,
)
from callreel.api.wire_time import format_time, parse_time
from callreel.errors import BadRecording
from callreel.model import Audio, Call, DialogType, Direction, Named, Recording, SortField

LIST_PATH: Final = "/cdr_dialog_recording"
CALLS_PATH: Final = "/cdr_dialog"

_RECORDING_ID: Final = re.compile(ID_PATTERN)


class WireCall(Struct, kw_only=True, forbid_unknown_fields=True):
    """A call as it is handed in; in an answer its fields lie beside those of the audio."""

    recording_uuid: RecordingId | None = None
    dialog_uuid: DialogId
    dialog_type: DialogType
    business_direction: Direction
    business_end_cause: Annotated[Word | None, says("Why this leg ended.")] = None
    from_display_target: Number | None = None
    to_display_target: Number | None = None
    start_time: Moment
    hangup_time: Moment
    alert_time: Annotated[Moment | None, says("When the leg was alerted; UTC.")] = None
    ring_time: Annotated[Moment | None, says("When it first rang; UTC.")] = None
    answer_time: Annotated[Moment | None, says("When it was answered; UTC.")] = None
    serve_time: Annotated[Moment | None, says("When the conversation began; UTC.")] = None
    talking_time: Annotated[Length, says("Length of the conversation, milliseconds.")]
    waiting_time: Annotated[Length | None, says("Until the conversation, milliseconds.")] = None
    first_queue_waiting_time: Annotated[Length | None, says("Milliseconds.")] = None
    machine_detected: Annotated[Flag, says("1 where a machine answered, else 0.")] = 0
    machine_detected_type: Annotated[Word | None, says("How it was told.")] = None
    operator_call_id: Annotated[Text | None, says("Its id in the system it came from.")] = None
    project_id: Annotated[Whole | None, says("Id of the project.")] = None
    tenant_user_id: Annotated[Whole | None, says("Id of the tenant user.")] = None
    project_name: Annotated[Text | None, says("As it was at the time of the call.")] = None
    tenant_user_name: Annotated[Text | None, says("As it was at the time of the call.")] = None
    custom_tag_id_list: TagIds = []


class WireTags(Struct, forbid_unknown_fields=True):
    """The tags that a recording is to have."""

    custom_tag_id_list: TagIds


class WireDeleted(Struct):
    """A recording that is gone."""

    recording_uuid: RecordingId


class WireBody(WireCall, kw_only=True, forbid_unknown_fields=False):
    """All of a recording but its address."""

    recording_uuid: RecordingId
    recording_duration: Annotated[int, Meta(description="Milliseconds, measured.")] | None = None
    recording_size: Annotated[int, Meta(description="Bytes.", examples=[496_364])]
    recording_mime_type: Annotated[
        str, Meta(description="Sniffed from the bytes, not from the name.", examples=["audio/wav"])
    ]
    recording_channels: Annotated[int | None, says("How many.")] = None
    recording_sha256: Annotated[
        str,
        Meta(
            pattern="^[0-9a-f]{64}$",
            description="Hex digest of the stored audio.",
            examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
        ),
    ]


class WireUnrecorded(WireCall, kw_only=True):
    """All of a call without recording but its address, of which there is none."""

    recording_duration: int | None = None
    recording_size: int | None = None
    recording_mime_type: str | None = None
    recording_channels: int | None = None
    recording_sha256: str | None = None


class WireRecording(WireBody, kw_only=True, forbid_unknown_fields=False):
    """A recording with its call, as every answer shows it."""

    recording_url: Annotated[
        str,
        Meta(
            description="Absolute address of the audio.",
            examples=["https://calls.example.org/cdr_dialog_recording/0191f3a4/audio"],
        ),
    ]


class Property(Enum):
    """What a filter may ask about."""

    PROJECTS = "projects"
    USERS = "users"
    TALKING = "talking"
    STARTED = "started"
    HUNG_UP = "hung_up"
    NUMBERS = "numbers"
    TAGS = "tags"
    TYPES = "types"
    DIRECTIONS = "directions"
    SOURCE_CALLS = "source_calls"
    AGENTS = "agents"


FILTERS: Final = {
    "project_id": Property.PROJECTS,
    "project_id_list": Property.PROJECTS,
    "tenant_user_id": Property.USERS,
    "tenant_user_id_list": Property.USERS,
    "talking_time": Property.TALKING,
    "start_time": Property.STARTED,
    "hangup_time": Property.HUNG_UP,
    "number_list": Property.NUMBERS,
    "custom_tag_id_list": Property.TAGS,
}
CALL_FILTERS: Final = FILTERS | {
    "dialog_type_list": Property.TYPES,
    "business_direction": Property.DIRECTIONS,
    "operator_call_id_list": Property.SOURCE_CALLS,
    "call_request_agent_id_list": Property.AGENTS,
}
"""What a filter of the list of calls may ask about."""
SORTS: Final = {
    "start_time": SortField.STARTED,
    "hangup_time": SortField.HUNG_UP,
    "talking_time": SortField.TALKING,
}
FIELD_NAMES: Final = {
    "id": "recording_uuid",
    "dialog_id": "dialog_uuid",
    "direction": "business_direction",
    "end_cause": "business_end_cause",
    "from_number": "from_display_target",
    "to_number": "to_display_target",
    "started_at": "start_time",
    "hung_up_at": "hangup_time",
    "alerted_at": "alert_time",
    "rang_at": "ring_time",
    "answered_at": "answer_time",
    "served_at": "serve_time",
    "talking_ms": "talking_time",
    "waiting_ms": "waiting_time",
    "first_queue_waiting_ms": "first_queue_waiting_time",
    "machine_type": "machine_detected_type",
    "source_call_id": "operator_call_id",
    "project": "project_id",
    "user": "tenant_user_id",
    "tags": "custom_tag_id_list",
}
"""The model's names of fields, and what a client calls them."""

_CALL_DECODER: Final = msgspec.json.Decoder(WireCall)
_TAGS_DECODER: Final = msgspec.json.Decoder(WireTags)
_BODY_DECODER: Final = msgspec.json.Decoder(WireBody)
_UNRECORDED_DECODER: Final = msgspec.json.Decoder(WireUnrecorded)
_ENCODER: Final = msgspec.json.Encoder()
_NO_ADDRESS: Final = b'{"recording_url":null,'
_AFTER_ID: Final = b'/audio",'


def is_recording_id(text: str) -> bool:
    """Say whether a text may be a recording's id: safe as it is in an address and in JSON."""
    return _RECORDING_ID.fullmatch(text) is not None


def decode_call(raw: bytes) -> WireCall:
    """Return the call of an upload.

    Raises:
        BadRecording: it is no JSON, or a field is missing, unknown or wrong.
    """
    return decoded(_CALL_DECODER, raw, "call")


def decode_tags(raw: bytes) -> frozenset[int]:
    """Return the ids of tags that a recording is to have.

    Raises:
        BadRecording: it is no JSON, or a field is missing, unknown or wrong.
    """
    return frozenset(decoded(_TAGS_DECODER, raw, "body").custom_tag_id_list)


def to_call(wire: WireCall) -> tuple[Call, str | None]:
    """Return the call that was handed in, and the id that was asked for or None.

    Raises:
        BadRecording: a field holds what cannot be.
    """
    if wire.recording_uuid is not None and not is_recording_id(wire.recording_uuid):
        raise BadRecording(f"Not so: {RULES[ID_PATTERN]}.", field="recording_uuid")
    if not wire.dialog_uuid.isprintable():
        raise BadRecording("An id has 1 to 64 printable characters.", field="dialog_uuid")
    return _call(wire), wire.recording_uuid


def _call(wire: WireCall) -> Call:
    return Call(
        dialog_id=wire.dialog_uuid,
        dialog_type=wire.dialog_type,
        direction=wire.business_direction,
        end_cause=wire.business_end_cause,
        from_number=wire.from_display_target,
        to_number=wire.to_display_target,
        started_at=_moment("start_time", wire.start_time),
        hung_up_at=_moment("hangup_time", wire.hangup_time),
        alerted_at=_moment_or_none("alert_time", wire.alert_time),
        rang_at=_moment_or_none("ring_time", wire.ring_time),
        answered_at=_moment_or_none("answer_time", wire.answer_time),
        served_at=_moment_or_none("serve_time", wire.serve_time),
        talking_ms=wire.talking_time,
        waiting_ms=wire.waiting_time,
        first_queue_waiting_ms=wire.first_queue_waiting_time,
        machine_detected=wire.machine_detected == 1,
        machine_type=wire.machine_detected_type,
        source_call_id=wire.operator_call_id,
        project=_named("project_name", wire.project_id, wire.project_name),
        user=_named("tenant_user_name", wire.tenant_user_id, wire.tenant_user_name),
        tags=tuple(sorted(set(wire.custom_tag_id_list))),
    )


def _moment(field: str, text: str) -> int:
    try:
        return parse_time(text)
    except ValueError as error:
        raise BadRecording("There is no such moment; times are UTC.", field=field) from error


def _moment_or_none(field: str, text: str | None) -> int | None:
    return None if text is None else _moment(field, text)


def _named(field: str, number: int | None, name: str | None) -> Named | None:
    if number is not None:
        return Named(number, name)
    if name is not None:
        raise BadRecording("A name needs its id beside it.", field=field)
    return None


def deleted(recording_id: str) -> bytes:
    """Return what is said of a recording that is gone."""
    return _ENCODER.encode(WireDeleted(recording_id))


class Bodies:
    """Writes and reads bodies: the `BodyFormat` that the archive works with."""

    def render(self, recording: Recording) -> bytes:
        """Return a recording's JSON without its opening.

        Raises:
            BadRecording: a field is longer than an answer may have it, or holds what it may not.
        """
        finished = _ENCODER.encode(_wire(recording))
        try:
            _BODY_DECODER.decode(finished)
        except msgspec.ValidationError as error:
            raise refusal(error, "recording") from error
        return recording.id.encode() + _AFTER_ID + finished[1:]

    def render_unrecorded(self, call: Call) -> bytes:
        """Return the whole JSON of a call without recording.

        Raises:
            BadRecording: a field is longer than an answer may have it, or holds what it may not.
        """
        finished = _ENCODER.encode(WireUnrecorded(**_fields(call)))
        try:
            _UNRECORDED_DECODER.decode(finished)
        except msgspec.ValidationError as error:
            raise refusal(error, "call") from error
        return _NO_ADDRESS + finished[1:]

    def parse(self, body: bytes) -> Recording:
        """Return the recording that a body was rendered from."""
        wire = _BODY_DECODER.decode(b"{" + body.partition(_AFTER_ID)[2])
        audio = Audio(
            sha256=wire.recording_sha256,
            size=wire.recording_size,
            mime_type=wire.recording_mime_type,
            channels=wire.recording_channels,
            duration_ms=wire.recording_duration,
        )
        return Recording(wire.recording_uuid, _call(wire), audio)

    def parse_unrecorded(self, body: bytes) -> Call:
        """Return the call that a whole object was rendered from."""
        return _call(_UNRECORDED_DECODER.decode(b"{" + body.removeprefix(_NO_ADDRESS)))

    def opening(self, base: str) -> bytes:
        """Return what comes before each body.

        Args:
            base: The address by which clients reach the server, without a slash at its end.
        """
        return b'{"recording_url":' + msgspec.json.encode(f"{base}{LIST_PATH}/")[:-1]


def _wire(recording: Recording) -> WireBody:
    audio = recording.audio
    return WireBody(
        recording_uuid=recording.id,
        recording_duration=audio.duration_ms,
        recording_size=audio.size,
        recording_mime_type=audio.mime_type,
        recording_channels=audio.channels,
        recording_sha256=audio.sha256,
        **_fields(recording.call),
    )


def _fields(call: Call) -> dict[str, Any]:
    project, user = call.project or Named(0, None), call.user or Named(0, None)
    return {
        "dialog_uuid": call.dialog_id,
        "dialog_type": call.dialog_type,
        "business_direction": call.direction,
        "business_end_cause": call.end_cause,
        "from_display_target": call.from_number,
        "to_display_target": call.to_number,
        "start_time": format_time(call.started_at),
        "hangup_time": format_time(call.hung_up_at),
        "alert_time": _time_or_none(call.alerted_at),
        "ring_time": _time_or_none(call.rang_at),
        "answer_time": _time_or_none(call.answered_at),
        "serve_time": _time_or_none(call.served_at),
        "talking_time": call.talking_ms,
        "waiting_time": call.waiting_ms,
        "first_queue_waiting_time": call.first_queue_waiting_ms,
        "machine_detected": int(call.machine_detected),
        "machine_detected_type": call.machine_type,
        "operator_call_id": call.source_call_id,
        "project_id": None if call.project is None else project.id,
        "tenant_user_id": None if call.user is None else user.id,
        "project_name": project.name,
        "tenant_user_name": user.name,
        "custom_tag_id_list": list(call.tags),
    }


def _time_or_none(seconds: int | None) -> str | None:
    return None if seconds is None else format_time(seconds)
