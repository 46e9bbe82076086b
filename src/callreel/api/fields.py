"""The kinds of fields of what goes in and out: what each may hold, and what is said of it."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from callreel.api.decoding import ID_PATTERN, NO_CONTROLS, TIME_PATTERN
from callreel.api.limits import HIGHEST_INT, LOWEST_INT


def says(text: str) -> Meta:
    """Return what the reference says of a field."""
    return Meta(description=text)


RecordingId = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=64,
        pattern=ID_PATTERN,
        description="Id of the recording; opaque text.",
        examples=["0191f3a4-5c00-8d2e-9b1f-3c5a7e9d1b24"],
    ),
]
DialogId = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=64,
        pattern=NO_CONTROLS,
        description="Id of the dialog, one party's leg of a call; opaque, and several recordings "
        "may share one.",
        examples=["6d59cb01-eeac-432a-b0aa-bfa4f26785ec"],
    ),
]
Moment = Annotated[
    str,
    Meta(
        pattern=TIME_PATTERN,
        description="UTC, `YYYY-MM-DD HH:mm:ss`.",
        examples=["2025-03-14 09:26:53"],
    ),
]
Length = Annotated[int, Meta(ge=0, le=(1 << 53) - 1, description="Milliseconds.")]
Whole = Annotated[int, Meta(ge=LOWEST_INT, le=HIGHEST_INT)]
Word = Annotated[str, Meta(max_length=64, pattern=NO_CONTROLS)]
Text = Annotated[str, Meta(max_length=255, pattern=NO_CONTROLS)]
Flag = Annotated[int, Meta(ge=0, le=1)]
Number = Annotated[Word, says("The number, as it came.")]
TagIds = Annotated[
    list[Whole], Meta(max_length=1000, description="Ids of tags, ascending.", examples=[[3, 17]])
]
