"""What the reference says of exports."""

from __future__ import annotations

from typing import Any, Final

from callreel.api.ask import JSON
from callreel.api.exporting import FORMATS
from callreel.api.exports import ID
from callreel.api.limits import Limits
from callreel.api.openapi import Answer, Operation, Parameter, Schema, data_of, ref
from callreel.api.reference_list import NAME_OF, TEXT, filter_schema, sort_schema
from callreel.api.wire import Property
from callreel.archive.export_jobs.store import MOST_KEPT, MOST_WAITING

GROUP: Final = "Exports"
EXAMPLE_ID: Final = "019a1dc2d8608440a7be7cdd4f18ae6c"
EXAMPLE: Final[dict[str, Any]] = {
    "id": EXAMPLE_ID,
    "format": "csv",
    "state": "finished",
    "created_at": "2025-10-26 09:00:00",
    "done": 1187,
    "total": 1187,
    "unreadable": 0,
    "size": 612_394,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "expires_at": "2025-10-27 09:00:02",
    "error": None,
}
QUEUED: Final = EXAMPLE | {
    "state": "queued",
    "done": 0,
    "total": None,
    "size": None,
    "sha256": None,
    "expires_at": None,
}
EXPORT: Final = data_of(ref("Export"))
THE_ID: Final = Parameter(
    name=ID,
    place="path",
    says="The id of the export, as the answer to its order gives it.",
    schema={**TEXT, "pattern": "^[0-9a-f]{32}$"},
    example=EXAMPLE_ID,
)


def adding(limits: Limits) -> Operation:
    """Describe asking for an export."""
    order: Schema = {
        "title": "NewExport",
        "type": "object",
        "properties": {
            "format": {
                "enum": [name for name, each in FORMATS.items() if not each.is_folder],
                "description": "`csv`, `jsonl` and `parquet` hold the data of the calls; `zip` and "
                "`tar` the audio with a manifest, `vcon` a ZIP of vCon files with it inside.",
            },
            "filter": {"anyOf": [filter_schema(limits), {"type": "null"}]},
            "sort": {"anyOf": [sort_schema(), {"type": "null"}]},
        },
        "required": ["format"],
        "additionalProperties": False,
    }
    span = {"property": NAME_OF[Property.STARTED], "operator": "gte"}
    example = {"format": "csv", "filter": [{**span, "value": "2025-10-01 00:00:00"}]}
    return Operation(
        id="add_export",
        group=GROUP,
        summary="Ask for an export",
        says="Takes an order for all recordings that a filter finds, in one file. It holds what "
        "this key reaches and nothing else. It is made in the background: see how far it is at "
        "the address in `Location`, and fetch its file there when it is finished. Formats with "
        "audio take the scope `listen` too. "
        f"A tenant has at most {MOST_WAITING} that wait or run, of which one runs at a time, and "
        f"{MOST_KEPT} in all; above that the answer is 429.",
        body={"required": True, "content": {JSON: {"schema": order, "example": example}}},
        answers={
            202: Answer(
                says="The export, which waits its turn.",
                schemas=EXPORT,
                example={"data": QUEUED},
                headers={"Location": "The address of the export."},
            )
        },
        errors=(400, 413, 415, 422, 507),
    )


def listing(_limits: Limits) -> Operation:
    """Describe the list of exports."""
    return Operation(
        id="list_exports",
        group=GROUP,
        summary="List exports",
        says="The exports that hold nothing which this key may not see, newest first.",
        answers={
            200: Answer(
                says="The exports.",
                schemas=data_of({"type": "array", "items": ref("Export")}),
                example={"data": [EXAMPLE]},
            )
        },
        errors=(400,),
    )


def showing(_limits: Limits) -> Operation:
    """Describe an export."""
    return Operation(
        id="get_export",
        group=GROUP,
        summary="One export",
        says="How far an export is: `queued`, `running`, `finished`, `failed` or `expired`. One "
        "that was cut short, as by a restart of the server, starts anew.",
        parameters=(THE_ID,),
        answers={200: Answer(says="The export.", schemas=EXPORT, example={"data": EXAMPLE})},
        errors=(400, 404),
    )


def fetching(_limits: Limits) -> Operation:
    """Describe the file of an export."""
    types = sorted({each.media_type for each in FORMATS.values() if not each.is_folder})
    file = {each: {"contentMediaType": each} for each in types}
    seen = {
        "ETag": "The SHA-256 of the file; send it back in `If-None-Match` or `If-Range`.",
        "Accept-Ranges": "`bytes`.",
        "Content-Disposition": "A file name to keep it under.",
    }
    return Operation(
        id="get_export_file",
        group=GROUP,
        summary="The file of an export",
        says="The file of a finished export, until it expires. One range of bytes is served, so a "
        "download that broke off can go on. Formats with audio take the scope `listen` too.",
        parameters=(
            THE_ID,
            Parameter(
                name="Range",
                place="header",
                says="The part that is wanted, such as `bytes=65536-`.",
                schema=TEXT,
            ),
            Parameter(
                name="If-None-Match",
                place="header",
                says="The `ETag` of the file that the client has.",
                schema=TEXT,
            ),
        ),
        answers={
            200: Answer(says="All of it.", schemas=file, headers=seen),
            206: Answer(
                says="The part that was asked for.",
                schemas=file,
                headers={**seen, "Content-Range": "Which bytes, of how many."},
            ),
            304: Answer(says="The client has this file already.", headers={"ETag": seen["ETag"]}),
        },
        errors=(400, 404, 409, 416),
    )


def removing(_limits: Limits) -> Operation:
    """Describe deleting an export."""
    gone: Schema = {"type": "object", "properties": {"id": TEXT}, "required": ["id"]}
    return Operation(
        id="delete_export",
        group=GROUP,
        summary="Delete an export",
        says="Deletes an export with its file; one that waits or runs is broken off.",
        parameters=(THE_ID,),
        answers={
            200: Answer(
                says="It is gone.", schemas=data_of(gone), example={"data": {"id": EXAMPLE_ID}}
            )
        },
        errors=(400, 404),
    )
