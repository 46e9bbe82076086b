"""JSON that a client sends, into types, so strictly that nothing in it is overlooked."""

from __future__ import annotations

import re
from typing import Final, TypeVar

import msgspec

from callreel.api.masking import masked
from callreel.api.strict_json import read_json
from callreel.errors import BadParameter, BadRecording
from callreel.model import RECORDING_ID

T = TypeVar("T")

NO_CONTROLS: Final = r"^(?![\s\S]*[\u0000-\u001f\u007f])"
TIME_PATTERN: Final = r"^\d{4}-\d\d-\d\d ([01]\d|2[0-3]):[0-5]\d:[0-5]\d$"
ID_PATTERN: Final = RECORDING_ID
RULES: Final = {
    ID_PATTERN: "an id has 1 to 64 of the characters A-Z a-z 0-9 . _ ~ : -",
    TIME_PATTERN: "a time is UTC and of the form YYYY-MM-DD HH:mm:ss",
    NO_CONTROLS: "a text may hold no control characters",
}
"""What each pattern asks for, in words."""

_AT_FIELD: Final = re.compile(r" - at `\$\.(\w+)|unknown field `(\w{1,64})`|required field `(\w+)`")
_GIVEN: Final = re.compile(r"(?:enum value '|unknown field `)[\s\S]*")
"""Where a decoder repeats what was sent, which may be a key or a number in a wrong place."""


def decoded(decoder: msgspec.json.Decoder[T], raw: bytes, what: str) -> T:
    """Return what a client sent as JSON.

    A key that is there twice is refused: one reader would see one value, the next the other.

    Args:
        decoder: Knows the type.
        raw: The JSON text.
        what: What it is to the client, such as `call`.

    Raises:
        BadRecording: it is no JSON, or not what the decoder expects.
    """
    try:
        found = decoder.decode(raw)
        read_json(raw.decode(), what)
    except msgspec.ValidationError as error:
        raise refusal(error, what, at=what) from error
    except BadParameter as error:
        raise BadRecording(error.message, field=error.field) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRecording(f"The {what} is no JSON text in UTF-8.", field=what) from error
    return found


def refusal(error: msgspec.ValidationError, what: str, at: str | None = None) -> BadRecording:
    """Return in our words what is wrong with a value.

    Args:
        error: What the decoder found.
        what: What the value is to the client.
        at: The field to name where it is the whole that is wrong.
    """
    text = _GIVEN.sub(lambda given: masked(given[0]), str(error))
    found = _AT_FIELD.search(text)
    field = next(filter(None, found.groups()), at) if found else at
    for pattern, rule in RULES.items():
        if repr(pattern) in text:
            text = rule
    return BadRecording(f"The {what} is not as it should be: {text}.", field=field)
