"""The recording that the reference shows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import msgspec

from callreel.api.wire import Bodies, WireCall
from callreel.model import Audio, Call, DialogType, Direction, Named, Recording

EXAMPLE: Final = Recording(
    id="01958f1a-0c48-8d2e-9b1f-3c5a7e9d1b24",
    call=Call(
        dialog_id="6d59cb01-eeac-432a-b0aa-bfa4f26785ec",
        dialog_type=DialogType.CONSULTANT,
        direction=Direction.INBOUND,
        end_cause="DIALOG_LEFT",
        from_number="+48 22 123 45 67",
        to_number="48800123456",
        started_at=1_741_944_413,
        hung_up_at=1_741_944_483,
        answered_at=1_741_944_415,
        served_at=1_741_944_421,
        talking_ms=61_500,
        waiting_ms=8_000,
        source_call_id="1741944413.1187",
        project=Named(9, "Orders"),
        user=Named(94, "Zofia Lis"),
        tags=(3, 17),
    ),
    audio=Audio(
        sha256="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        size=496_364,
        mime_type="audio/wav",
        channels=2,
        duration_ms=62_040,
    ),
)


def example_recording() -> dict[str, Any]:
    """Return a recording as an answer shows it."""
    text = Bodies().opening("https://calls.example.org") + Bodies().render(EXAMPLE)
    shown: dict[str, Any] = msgspec.json.decode(text)
    return shown


def example_unrecorded() -> dict[str, Any]:
    """Return a call that nobody answered as the list of calls shows it."""
    call = replace(
        EXAMPLE.call,
        dialog_id="7f1a2c44-09d3-4c5e-8b66-1f0f3f2f9b10",
        end_cause="NO_ANSWER",
        started_at=EXAMPLE.call.started_at + 300,
        hung_up_at=EXAMPLE.call.started_at + 330,
        answered_at=None,
        served_at=None,
        talking_ms=0,
        waiting_ms=None,
        source_call_id="1741944713.1190",
        tags=(),
    )
    shown: dict[str, Any] = msgspec.json.decode(Bodies().render_unrecorded(call))
    return shown


def example_call() -> dict[str, Any]:
    """Return the same call as it is handed in."""
    shown = example_recording()
    given = WireCall.__struct_fields__
    return {name: value for name in given if (value := shown[name]) is not None}
