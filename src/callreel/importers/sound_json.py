"""JSON from outside, read strictly: what could be read in two ways is not read at all."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, Final

from callreel.errors import BadRecording

_LONGEST_NUMBER: Final = 20
_LARGEST_NUMBER: Final = 1 << 63


def loads(text: bytes, stands_for: Mapping[str, object] | None = None) -> object:
    """Return what a text in UTF-8 holds.

    Args:
        text: The text.
        stands_for: What a string that is a member of an object stands for; by default itself.

    Raises:
        BadRecording: it is no JSON, or one that is nested too deep, has a key twice, a number
            that needs more than 64 bits or is none, or half a character.
    """
    meanings = stands_for or {}

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = {
            name: meanings.get(value, value) if isinstance(value, str) else value
            for name, value in pairs
        }
        if len(found) != len(pairs):
            raise ValueError("a key twice")
        return found

    try:
        found: object = json.loads(
            text.decode("utf-8-sig"),
            object_pairs_hook=members,
            parse_constant=_refuse,
            parse_int=_whole,
            parse_float=_finite,
        )
        if b"\\u" in text:  # half a pair of surrogates is no character
            json.dumps(found, ensure_ascii=False, default=str).encode()
    except (ValueError, RecursionError) as error:
        raise BadRecording("This is no sound JSON.") from error
    return found


def _refuse(text: str) -> None:
    raise ValueError(text)


def _whole(text: str) -> int:
    number = int(text[: _LONGEST_NUMBER + 1])
    if not -_LARGEST_NUMBER <= number < _LARGEST_NUMBER:
        raise ValueError("a number too long")
    return number


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number too large")
    return number
