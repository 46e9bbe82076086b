"""What the reference says of each route, with the limits' real numbers."""

from __future__ import annotations

from typing import Final

from callreel.api.ask import JSON
from callreel.api.audio import MIME_TYPES
from callreel.api.examples import EXAMPLE, example_call, example_recording
from callreel.api.limits import Limits
from callreel.api.openapi import Answer, Operation, Parameter, Schema, data_of, ref
from callreel.api.reference_list import NAME_OF, TEXT
from callreel.api.wire import Property
from callreel.audio import Format
from callreel.model import State

PEAKS: Final[Schema] = {
    "type": "object",
    "properties": {
        "channels": {"type": "integer", "minimum": 1},
        "points": {"type": "integer", "minimum": 0, "description": "How many of each channel."},
        "peaks": {
            "type": "array",
            "description": "For each channel the loudest moment of each stretch, 0 to 1.",
            "items": {"type": "array", "items": {"type": "number", "minimum": 0, "maximum": 1}},
        },
    },
    "required": ["channels", "points", "peaks"],
}

ID: Final = Parameter(
    name="recording_uuid",
    place="path",
    says="The id of the recording, as lists give it.",
    schema={**TEXT, "minLength": 1, "maxLength": 64},
    example=EXAMPLE.id,
)
RECORDING: Final = data_of(ref("WireRecording"))
ONE_EXAMPLE: Final = {"data": example_recording()}
WRITE_ERRORS: Final = (400, 413, 415, 422, 507)


def adding(limits: Limits) -> Operation:
    """Describe taking in."""
    form = {
        "type": "object",
        "properties": {
            "call": ref("WireCall"),
            "audio": {
                "type": "string",
                "contentMediaType": "application/octet-stream",
                "description": f"The file: at most {limits.max_upload_bytes} bytes of audio.",
            },
        },
        "required": ["call", "audio"],
        "additionalProperties": False,
    }
    encoding = {"call": {"contentType": JSON}}
    example = {"call": example_call(), "audio": "(the bytes of the file)"}
    content = {"schema": form, "encoding": encoding, "example": example}
    at = {"Location": "The address of the recording."}
    return Operation(
        id="add_recording",
        summary="Take in a recording",
        says="Hands in a call and its audio. The answer comes once both are on stable storage. "
        "Without an id, one is made of the call and the audio. The same again is answered "
        "with 200 and changes nothing. One that was deleted is taken in again. "
        "Tags that were not known become known, without a name. "
        f"The call has at most {limits.max_call_bytes} bytes.",
        body={"required": True, "content": {"multipart/form-data": content}},
        answers={
            201: Answer(
                says="The recording, which is new.",
                schemas=RECORDING,
                example=ONE_EXAMPLE,
                headers=at,
            ),
            200: Answer(
                says="The recording, which was there already.", schemas=RECORDING, headers=at
            ),
        },
        errors=(409, *WRITE_ERRORS),
    )


def showing(_limits: Limits) -> Operation:
    """Describe one recording."""
    state = {"enum": [each.value for each in State], "description": "Seen by managing keys only."}
    seen = {"allOf": [ref("WireRecording")], "properties": {"state": state}}
    return Operation(
        id="get_recording",
        summary="One recording",
        says="One recording with its call. A key with the scope `manage` also sees its `state`, "
        "and recordings that are in no list.",
        parameters=(ID,),
        answers={
            200: Answer(says="The recording.", schemas=data_of(seen), example=ONE_EXAMPLE),
        },
        errors=(400, 404),
    )


def playing(_limits: Limits) -> Operation:
    """Describe the audio."""
    types = sorted({EXAMPLE.audio.mime_type, *MIME_TYPES.values()})
    sound = {each: {"contentMediaType": each} for each in ("audio/*", *types)}
    seen = {
        "ETag": "Names these bytes; send it back in `If-None-Match` or `If-Range`.",
        "Accept-Ranges": "`bytes`.",
        "Content-Disposition": "A file name to keep the audio under.",
    }
    return Operation(
        id="get_audio",
        summary="The audio",
        says="The audio, as it was handed in or converted; a conversion is made once and kept. "
        "One range of bytes is served; with several, all of it is. `HEAD` tells its length.",
        parameters=(
            ID,
            Parameter(
                name="format",
                says="Convert to this.",
                schema={**TEXT, "enum": [each.value for each in Format]},
                example=Format.MP3.value,
            ),
            Parameter(
                name="Range",
                place="header",
                says="The part that is wanted, such as `bytes=0-65535`.",
                schema=TEXT,
            ),
            Parameter(
                name="If-None-Match",
                place="header",
                says="The `ETag` of the bytes that the client has.",
                schema=TEXT,
            ),
        ),
        answers={
            200: Answer(says="All of it.", schemas=sound, headers=seen),
            206: Answer(
                says="The part that was asked for.",
                schemas=sound,
                headers={**seen, "Content-Range": "Which bytes, of how many."},
            ),
            304: Answer(says="The client has these bytes already.", headers={"ETag": seen["ETag"]}),
        },
        errors=(400, 404, 416, 422, 507),
    )


def drawing(_limits: Limits) -> Operation:
    """Describe the waveform."""
    return Operation(
        id="get_peaks",
        summary="The waveform",
        says="The peaks of the audio, for each channel, to draw it by.",
        parameters=(ID,),
        answers={
            200: Answer(
                says="The peaks.",
                schemas=data_of(PEAKS),
                example={"data": {"channels": 1, "points": 3, "peaks": [[0.02, 0.61, 0.34]]}},
            )
        },
        errors=(400, 404, 422),
    )


def tagging(_limits: Limits) -> Operation:
    """Describe tagging."""
    content = {
        JSON: {
            "schema": ref("WireTags"),
            "example": {NAME_OF[Property.TAGS]: list(EXAMPLE.call.tags)},
        }
    }
    return Operation(
        id="tag_recording",
        summary="Tag a recording",
        says="Gives a recording these tags instead of those that it has. Each must be known: "
        "named before, or come with a call.",
        parameters=(ID,),
        body={"required": True, "content": content},
        answers={
            200: Answer(says="The recording.", schemas=RECORDING, example=ONE_EXAMPLE),
        },
        errors=(404, *WRITE_ERRORS),
    )


def removing(_limits: Limits) -> Operation:
    """Describe deleting."""
    return Operation(
        id="delete_recording",
        summary="Delete a recording",
        says="Deletes a recording with its audio, for good: imports that meet it again leave it "
        "out. Its call stays in the list of calls.",
        parameters=(ID,),
        answers={
            200: Answer(
                says="It is gone.",
                schemas=data_of(ref("WireDeleted")),
                example={"data": {ID.name: EXAMPLE.id}},
            )
        },
        errors=(400, 404, 507),
    )
