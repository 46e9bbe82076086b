"""The cursor: a place in a sorted list as a word for clients to hand back, safe in an address.

A head tells how the list is sorted, a letter for each key and a capital one where it descends;
the values of the position follow, in hexadecimal. What they mean is the catalog's affair.
"""

from __future__ import annotations

import re
from typing import Final

from callreel.api.limits import HIGHEST_INT, LOWEST_INT
from callreel.errors import BadParameter
from callreel.model import Position, SortField, SortKey

_LETTERS: Final = {SortField.STARTED: "s", SortField.HUNG_UP: "h", SortField.TALKING: "t"}
_FORM: Final = re.compile(r"([shtSHT]{1,3})((?:\.(?:0|-?[1-9a-f][0-9a-f]{0,15})){1,4})")


def cursor_head(sort: tuple[SortKey, ...]) -> str:
    """Return what all cursors of a list that is sorted so begin with."""
    letters = ((_LETTERS[key.field], key.descending) for key in sort)
    return "".join(letter.upper() if descending else letter for letter, descending in letters)


def cursor_tail(position: Position) -> str:
    """Return what follows the head in the cursor of a position."""
    return ".%x" * len(position) % position


def read_cursor(text: str, sort: tuple[SortKey, ...]) -> Position:
    """Return the position that a cursor stands for.

    Raises:
        BadParameter: it is no cursor, or one of a list that is sorted otherwise.
    """
    parts = _FORM.fullmatch(text)
    if parts is None:
        raise _refusal("is not one that this server gave; take it from the header Link as it is")
    position = tuple(int(value, 16) for value in parts[2][1:].split("."))
    if parts[1] != cursor_head(sort):
        raise _refusal("belongs to a list that is sorted otherwise; send both as they were")
    if not all(LOWEST_INT <= value <= HIGHEST_INT for value in position):
        raise _refusal("holds a number of more than 64 bits")
    return position


def _refusal(what: str) -> BadParameter:
    return BadParameter(f"The cursor {what}.", field="cursor")
