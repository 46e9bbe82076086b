"""The cursor: a place in a sorted list as an opaque word that is safe in an address."""

from __future__ import annotations

import binascii
import re
from base64 import b64decode, urlsafe_b64encode
from typing import Final

from callreel.api.limits import HIGHEST_INT, LOWEST_INT
from callreel.errors import BadParameter
from callreel.model import Position, SortField, SortKey

_LETTERS: Final = {SortField.STARTED: "s", SortField.HUNG_UP: "h", SortField.TALKING: "t"}
_PLAIN: Final = re.compile(rb"[shtSHT]{1,3}(?::-?[0-9]{1,19}){1,4}")
_MAX_CHARS: Final = 160
_REFUSAL: Final = "The cursor is not one that this server gave; take it from the Link as it is."


def write_cursor(sort: tuple[SortKey, ...], position: Position) -> str:
    """Return the cursor that goes on after a position in a list sorted so."""
    plain = ":".join([_signature(sort), *map(str, position)])
    return urlsafe_b64encode(plain.encode()).rstrip(b"=").decode()


def read_cursor(text: str, sort: tuple[SortKey, ...]) -> Position:
    """Return the position that a cursor stands for.

    Raises:
        BadParameter: it was not written by `write_cursor`, or for a list sorted otherwise.
    """
    signature, position = _parts(text)
    if signature != _signature(sort):
        raise BadParameter(
            "The cursor belongs to another sort; send both as they were.", field="cursor"
        )
    return position


def _signature(sort: tuple[SortKey, ...]) -> str:
    """Return a letter for each key, a capital one where it descends."""
    return "".join(
        _LETTERS[key.field].upper() if key.descending else _LETTERS[key.field] for key in sort
    )


def _parts(text: str) -> tuple[str, Position]:
    plain = _decoded(text)
    if _PLAIN.fullmatch(plain) is None:
        raise BadParameter(_REFUSAL, field="cursor")
    signature, *numbers = plain.decode().split(":")
    position = tuple(map(int, numbers))
    canonical = ":".join([signature, *map(str, position)]).encode() == plain
    if not canonical or not all(LOWEST_INT <= each <= HIGHEST_INT for each in position):
        raise BadParameter(_REFUSAL, field="cursor")
    return signature, position


def _decoded(text: str) -> bytes:
    if len(text) > _MAX_CHARS or not text.isascii():
        raise BadParameter(_REFUSAL, field="cursor")
    try:
        plain = b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise BadParameter(_REFUSAL, field="cursor") from error
    if urlsafe_b64encode(plain).rstrip(b"=").decode() != text:
        raise BadParameter(_REFUSAL, field="cursor")
    return plain
