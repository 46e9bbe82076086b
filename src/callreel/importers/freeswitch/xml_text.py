"""XML as plain values, read from whoever sent it.

A document with a DTD is refused where its DTD begins, before anything in it is declared: so there
is no entity to expand and nothing outside to fetch. Depth is bounded; the length bounds the rest.
"""

from __future__ import annotations

from typing import Any, Final
from xml.parsers import expat

MAX_DEPTH: Final = 32

Node = dict[str, Any]


def read_xml(content: bytes) -> Node:
    """Return the root of a document: attributes and children by name, repeated ones as a list.

    A child that has neither is its text.

    Raises:
        ValueError: it is no well-formed XML, has a DTD, or is nested too deeply; the message is
            for the user.
    """
    builder = _Builder()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_dtd
    parser.StartElementHandler = builder.begin
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.texts.append
    try:
        parser.Parse(content, True)
    except expat.ExpatError as error:
        raise ValueError(f"It is no well-formed XML: line {error.lineno} is wrong.") from error
    except (LookupError, UnicodeError) as error:  # what the document says of its own encoding
        raise ValueError("It is no well-formed XML: its encoding is not known.") from error
    return builder.root


class _Builder:
    """Puts elements into each other as they end."""

    def __init__(self) -> None:
        self.root: Node = {}
        self.texts: list[str] = []
        self._open: list[Node] = []

    def begin(self, _name: str, attributes: dict[str, str]) -> None:
        if len(self._open) == MAX_DEPTH:
            raise ValueError(f"It is nested more than {MAX_DEPTH} levels deep.")
        self._open.append(dict(attributes))
        self.texts.clear()

    def end(self, name: str) -> None:
        node = self._open.pop()
        value: Any = node or "".join(self.texts).strip()
        self.texts.clear()
        if not self._open:
            self.root = node
            return
        above = self._open[-1]
        if name not in above:
            above[name] = value
        elif isinstance(above[name], list):
            above[name].append(value)
        else:
            above[name] = [above[name], value]


def _refuse_dtd(*_declared: object) -> None:
    raise ValueError("It has a document type declaration, which no call record needs.")
