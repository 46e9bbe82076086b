"""JSON text from a query, read more strictly than the standard library does."""

from __future__ import annotations

import json
import re
from typing import Any, Final

import msgspec

from callreel.api.limits import HIGHEST_INT, LOWEST_INT
from callreel.errors import BadParameter

_INT_CHARS: Final = len(str(LOWEST_INT))
_SHOWABLE: Final = re.compile(r"[A-Za-z_]{1,40}")


def read_json(text: str, field: str) -> Any:  # noqa: ANN401 - any JSON value
    """Return the value of a JSON text: without floats, repeated keys or half characters.

    Args:
        text: The JSON text.
        field: The parameter that it came in, to be named where it is at fault.

    Raises:
        BadParameter: it is no such text, or an integer has more than 64 bits.
    """
    try:
        value = _Reader(field).decoder.decode(text)
        msgspec.json.encode(value)  # fails on half a surrogate pair, which an escape can bring in
    except (json.JSONDecodeError, UnicodeEncodeError) as error:
        raise BadParameter(f"The {field} is no JSON text.", field=field) from error
    except RecursionError as error:
        raise BadParameter(f"The {field} is nested too deeply.", field=field) from error
    return value


def shown(name: str) -> str:
    """Return a name for a message, if it is one: what else a client put there may be private."""
    return f"'{name}'" if _SHOWABLE.fullmatch(name) else "of that name"


class _Reader:
    """The hooks that refuse what the standard library would let pass."""

    def __init__(self, field: str) -> None:
        self._field = field
        self.decoder = json.JSONDecoder(
            object_pairs_hook=self._object,
            parse_int=self._int,
            parse_float=self._no_number,
            parse_constant=self._no_number,
        )

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in pairs:
            if key in found:
                raise self._refusal(f"has a key {shown(key)} twice in one object")
            found[key] = value
        return found

    def _int(self, digits: str) -> int:
        if len(digits) > _INT_CHARS or not LOWEST_INT <= int(digits) <= HIGHEST_INT:
            raise self._refusal("holds an integer of more than 64 bits")
        return int(digits)

    def _no_number(self, _text: str) -> None:
        raise self._refusal("holds a number that is no integer")

    def _refusal(self, what: str) -> BadParameter:
        return BadParameter(f"The {self._field} {what}.", field=self._field)
