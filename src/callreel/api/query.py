"""The query of an address, cut into its parameters; nothing in it is overlooked."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote_to_bytes

from callreel.api.strict_json import shown
from callreel.errors import BadParameter

_BROKEN_ESCAPE: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")


def read_parameters(raw: bytes, known: tuple[str, ...]) -> dict[str, str]:
    """Return the parameters of a query by their names.

    Raises:
        BadParameter: one is unknown, there twice, or no percent-encoded UTF-8.
    """
    given: dict[str, str] = {}
    for piece in raw.split(b"&"):
        if not piece:
            continue
        left, _, right = piece.partition(b"=")
        name = _decoded(left, None)
        if name not in known:
            raise _unknown(name, known)
        if name in given:
            raise BadParameter(f"The parameter {name} is given twice.", field=name)
        given[name] = _decoded(right, name)
    return given


def _decoded(raw: bytes, field: str | None) -> str:
    if _BROKEN_ESCAPE.search(raw):
        raise BadParameter("A percent sign in the query has no two hex digits.", field=field)
    try:
        return unquote_to_bytes(raw.replace(b"+", b" ")).decode()
    except UnicodeDecodeError as error:
        raise BadParameter("The query is not in UTF-8.", field=field) from error


def _unknown(name: str, known: tuple[str, ...]) -> BadParameter:
    there = f"there are {', '.join(known)}" if known else "this address takes none"
    field = name if shown(name) == f"'{name}'" else None
    return BadParameter(f"There is no parameter {shown(name)}; {there}.", field=field)
