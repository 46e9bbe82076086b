"""The JSON Schemas of what goes in and out."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from callreel.api.wire import WireCall, WireDeleted, WireRecording, WireTags

_OF_THE_AUDIO: Final = "recording_"


def schemas(ref_template: str = "#/components/schemas/{name}") -> dict[str, Any]:
    """Return the JSON Schemas of what goes in and out, under their names.

    An answer always has every field, so there all are required and none has a default. A listed
    call has those of a recording, and null in what tells of the audio where there is none.
    """
    found = msgspec.json.schema_components(
        [WireCall, WireRecording, WireTags, WireDeleted], ref_template=ref_template
    )[1]
    answer = found["WireRecording"]
    for each in answer["properties"].values():
        each.pop("default", None)
    answer["required"] = list(answer["properties"])
    found["WireListedCall"] = {
        **answer,
        "title": "WireListedCall",
        "description": "A call, with its first recording where it has one.",
        "properties": {
            name: {"anyOf": [each, {"type": "null"}]} if name.startswith(_OF_THE_AUDIO) else each
            for name, each in answer["properties"].items()
        },
    }
    return found
