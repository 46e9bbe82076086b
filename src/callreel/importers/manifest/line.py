"""A line of a manifest: one call, in the words of the model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from callreel.errors import BadRecording
from callreel.importers.sound_json import loads
from callreel.model import (
    EARLIEST_START,
    LATEST_START,
    RECORDING_ID,
    Call,
    DialogType,
    Direction,
    Named,
    Recording,
)

MANIFEST: Final = "manifest.jsonl"
SUMS: Final = "SHA256SUMS"
"""Beside an export's manifest; it says nothing that the manifest does not."""
SCHEMA_URI: Final = "https://json-schema.org/draft/2020-12/schema"
NO_CONTROLS: Final = r"^(?![\s\S]*[\u0000-\u001f\u007f])"
MOMENT: Final = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?"
    r"([Zz]|[+-][0-9]{2}:[0-9]{2})$"
)
SHA256: Final = r"^[0-9a-fA-F]{64}$"
_PATTERNS: Final = {
    RECORDING_ID: "an id has 1 to 64 of the characters A-Z a-z 0-9 . _ ~ : -",
    NO_CONTROLS: "a text may hold no control characters",
    MOMENT: "a time is of the form 2026-03-29T14:05:00+02:00, or seconds since 1970",
    SHA256: "a digest has 64 hexadecimal digits",
}


def _says(text: str, *examples: object) -> Meta:
    return Meta(description=text, examples=list(examples) or None)


_Id = Annotated[int, Meta(ge=-(1 << 63), le=(1 << 63) - 1)]
_Word = Annotated[str, Meta(max_length=64, pattern=NO_CONTROLS)]
_Text = Annotated[str, Meta(max_length=255, pattern=NO_CONTROLS)]
_Name = Annotated[str, Meta(min_length=1, max_length=64, pattern=NO_CONTROLS)]
_Length = Annotated[int, Meta(ge=0, le=(1 << 53) - 1)]
_Moment = (
    Annotated[str, Meta(pattern=MOMENT)] | Annotated[int, Meta(ge=EARLIEST_START, le=LATEST_START)]
)
_RecordingId = Annotated[str, Meta(pattern=RECORDING_ID)]
_Path = Annotated[str, Meta(min_length=1, max_length=4096)]
_Digest = Annotated[str, Meta(pattern=SHA256)]
_Tags = Annotated[list[_Id], Meta(max_length=1000)]


class Thing(Struct):
    """A project or a user."""

    id: Annotated[_Id, _says("The id.")]
    name: Annotated[_Text | None, _says("The name at the time of the call.")] = None


class Line(Struct, kw_only=True, omit_defaults=True):
    """A call, with its recording if there is one."""

    dialog_id: Annotated[
        _Name, _says("The telephone system's id of this leg of the call.", "1772438405.10")
    ]
    direction: Annotated[Direction, _says("As the company sees it.")]
    started_at: Annotated[
        _Moment,
        _says("When the call began: RFC 3339, or whole seconds since 1970 UTC.",
              "2026-03-02T09:00:05+01:00", 1_772_438_405),
    ]  # fmt: skip
    audio: Annotated[
        _Path | None,
        _says("The file of the recording, by its path below the folder. Without it, the line is of "
              "a call that was not recorded.", "2026/03/02/a.wav"),
    ] = None  # fmt: skip
    sha256: Annotated[
        _Digest | None, _says("The SHA-256 of the file in hexadecimal; compared where given.")
    ] = None
    id: Annotated[
        _RecordingId | None,
        _says("The id that the recording is to have. By default one is made of `dialog_id`, "
              "`started_at` and the audio."),
    ] = None  # fmt: skip
    original_name: Annotated[
        _Text | None, _says("The recording's name for people; the file's own by default.")
    ] = None
    from_number: Annotated[_Word | None, _says("Who called, or null where withheld.")] = None
    to_number: Annotated[_Word | None, _says("The number that was called.")] = None
    hung_up_at: Annotated[
        _Moment | None,
        _says("When the call ended. By default, once the waiting and the talk are over."),
    ] = None
    talking_ms: Annotated[
        _Length | None,
        _says("How long the conversation was, in milliseconds. By default, as long as the audio."),
    ] = None
    waiting_ms: Annotated[
        _Length | None, _says("From the start of the call to that of the conversation.")
    ] = None
    first_queue_waiting_ms: Annotated[
        _Length | None, _says("How much of that was in the first queue.")
    ] = None
    alerted_at: Annotated[_Moment | None, _says("When the leg was alerted.")] = None
    rang_at: Annotated[_Moment | None, _says("When it first rang.")] = None
    answered_at: Annotated[_Moment | None, _says("When it was answered.")] = None
    served_at: Annotated[_Moment | None, _says("When the conversation began.")] = None
    dialog_type: Annotated[
        DialogType | None, _says("Whose leg of the call it is; `CONSULTANT` by default.")
    ] = None
    end_cause: Annotated[_Word | None, _says("Why this leg ended.", "no-answer")] = None
    source_call_id: Annotated[
        _Text | None, _says("The telephone system's id of the whole call, which its legs share.")
    ] = None
    machine_detected: Annotated[bool | None, _says("Whether a machine answered.")] = None
    machine_type: Annotated[_Word | None, _says("How that was told.")] = None
    project: Annotated[Thing | None, _says("The project.")] = None
    user: Annotated[Thing | None, _says("The tenant user.")] = None
    tags: Annotated[_Tags | None, _says("Ids of tags.", [3, 17])] = None
    agent: Annotated[
        _Text | None, _says("Who was on the call, as `--map` knows them by `extension`.", "101")
    ] = None
    queue: Annotated[
        _Text | None, _says("The queue that it came by, as `--map` knows it.", "700")
    ] = None
    error: Annotated[
        str | None, _says("Of an export: why it has no audio. An import passes it over.")
    ] = None
    recording: Annotated[
        dict[str, Any] | None,
        _says("Of an export: the endpoint's object. An import passes it over."),
    ] = None


FIELDS: Final = frozenset(Line.__struct_fields__)


@dataclass(frozen=True, slots=True)
class Entry:
    """A line that was read.

    Attributes:
        line: Its fields.
        call: The call.
        is_measured: Whether the line says how long it was.
        notes: What a person should know.
    """

    line: Line
    call: Call
    is_measured: bool
    notes: tuple[str, ...]


def entry_of(text: bytes) -> Entry:
    """Read a line.

    Raises:
        BadRecording: it is no JSON object, or a field of it is not as the schema has it.
    """
    found = loads(text)
    if not isinstance(found, dict):
        raise BadRecording("The line is no JSON object.")
    try:
        line = msgspec.convert(found, Line)
    except msgspec.ValidationError as error:
        raise BadRecording(_sentence(str(error))) from error
    call, is_measured = _call(line)
    return Entry(line, call, is_measured, tuple(_notes(found)))


def line_of(
    recording: Recording,
    record: bytes,
    *,
    audio: str | None,
    original_name: str | None,
    error: str | None = None,
) -> bytes:
    """Return the line that an export has of a recording; `entry_of` reads it back.

    Args:
        recording: The recording.
        record: The endpoint's object of it, JSON.
        audio: The path of its file in the export, or None where there is none.
        original_name: Its name where it came from.
        error: Why there is none.
    """
    call = recording.call
    line = Line(
        id=recording.id,
        dialog_id=call.dialog_id,
        direction=call.direction,
        started_at=_text(call.started_at),
        audio=audio,
        sha256=recording.audio.sha256,
        original_name=original_name,
        from_number=call.from_number,
        to_number=call.to_number,
        hung_up_at=_text(call.hung_up_at),
        talking_ms=call.talking_ms,
        waiting_ms=call.waiting_ms,
        first_queue_waiting_ms=call.first_queue_waiting_ms,
        alerted_at=_text_or_none(call.alerted_at),
        rang_at=_text_or_none(call.rang_at),
        answered_at=_text_or_none(call.answered_at),
        served_at=_text_or_none(call.served_at),
        dialog_type=call.dialog_type,
        end_cause=call.end_cause,
        source_call_id=call.source_call_id,
        machine_detected=call.machine_detected or None,
        machine_type=call.machine_type,
        project=_thing(call.project),
        user=_thing(call.user),
        tags=list(call.tags) or None,
        error=error,
    )
    return msgspec.json.encode(line)[:-1] + b',"recording":' + record + b"}"


def schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a line."""
    (made,), parts = msgspec.json.schema_components([Line], ref_template="#/$defs/{name}")
    name = made["$ref"].rpartition("/")[2]
    line = parts.pop(name)
    return {
        "$schema": SCHEMA_URI,
        **line,
        "title": "A line of a manifest of recordings",
        "$defs": parts,
    }


def _sentence(message: str) -> str:
    """Return what a foreign message says, without what was handed in."""
    says, _, path = message.partition(" - at `$")
    field = path.strip(".`")
    for pattern, meaning in _PATTERNS.items():
        if repr(pattern) in says:
            says = meaning
    if "enum value" in says:
        says = "it is none of the values that it may have"
    return f"The field {field}: {says}." if field else f"{says}."


def _notes(found: dict[str, Any]) -> Iterator[str]:
    unknown = len(found.keys() - FIELDS)
    if unknown:
        yield "The line has fields that are not known here; they were passed over."


def _call(line: Line) -> tuple[Call, bool]:
    started_at = _seconds("started_at", line.started_at)
    is_timed = line.hung_up_at is not None or line.waiting_ms is not None
    if line.audio is not None and is_timed and line.talking_ms is None:
        raise BadRecording("A line with hung_up_at or waiting_ms must have talking_ms too.")
    talking_ms = line.talking_ms or 0
    lasting = -(-((line.waiting_ms or 0) + talking_ms) // 1000)
    hung_up_at = _seconds_or_none("hung_up_at", line.hung_up_at)
    call = Call(
        dialog_id=line.dialog_id,
        dialog_type=line.dialog_type or DialogType.CONSULTANT,
        direction=line.direction,
        started_at=started_at,
        hung_up_at=started_at + lasting if hung_up_at is None else hung_up_at,
        talking_ms=talking_ms,
        end_cause=line.end_cause,
        from_number=line.from_number,
        to_number=line.to_number,
        alerted_at=_seconds_or_none("alerted_at", line.alerted_at),
        rang_at=_seconds_or_none("rang_at", line.rang_at),
        answered_at=_seconds_or_none("answered_at", line.answered_at),
        served_at=_seconds_or_none("served_at", line.served_at),
        waiting_ms=line.waiting_ms,
        first_queue_waiting_ms=line.first_queue_waiting_ms,
        machine_detected=bool(line.machine_detected),
        machine_type=line.machine_type,
        source_call_id=line.source_call_id,
        project=_named(line.project),
        user=_named(line.user),
        tags=tuple(sorted(set(line.tags or ()))),
    )
    if call.hung_up_at < call.started_at:
        raise BadRecording("The call ends before it starts.")
    return call, line.talking_ms is not None


def _seconds(field: str, moment: str | int) -> int:
    if isinstance(moment, int):
        return moment
    try:
        seconds = int(datetime.fromisoformat(moment.upper()).timestamp())
    except (ValueError, OverflowError) as error:
        raise BadRecording(f"The field {field} is no time that there is.") from error
    if not EARLIEST_START <= seconds <= LATEST_START:
        raise BadRecording(f"The field {field} is not in the years 2000 to 2135.")
    return seconds


def _seconds_or_none(field: str, moment: str | int | None) -> int | None:
    return None if moment is None else _seconds(field, moment)


def _text(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _text_or_none(seconds: int | None) -> str | None:
    return None if seconds is None else _text(seconds)


def _thing(named: Named | None) -> Thing | None:
    return None if named is None else Thing(named.id, named.name)


def _named(thing: Thing | None) -> Named | None:
    return None if thing is None else Named(thing.id, thing.name)
