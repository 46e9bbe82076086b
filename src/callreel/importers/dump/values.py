"""The values of a row in a dump, as the text that an export would have."""

from __future__ import annotations

import re
from typing import Final

# A string, perhaps with a word before it that says what it is (X'4A', _binary 'J', E'J'), or a
# bare value; then what follows a value.
_VALUE: Final = r"\s*(?:(?:(\w+)\s*)?'({string})'(?:::[\w ]+)?|([^\s,()'\"`;]+))\s*([,)])"
ESCAPED_VALUE: Final = re.compile(
    _VALUE.format(string=r"[^'\\]*+(?:(?:\\.|'')[^'\\]*+)*+"), re.DOTALL
)
PLAIN_VALUE: Final = re.compile(_VALUE.format(string=r"[^']*+(?:''[^']*+)*+"), re.DOTALL)

_ESCAPE: Final = re.compile(r"''|\\(.)", re.DOTALL)
_ESCAPED: Final = {"0": "\0", "b": "\b", "n": "\n", "r": "\r", "t": "\t", "Z": "\x1a"}
_COPIED: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_COPY_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)


def text_of(value: re.Match[str], *, is_escaping: bool) -> str:
    """Return a value, without the spaces around it, and nothing for NULL.

    Raises:
        ValueError: it is hexadecimal and broken.
    """
    prefix, string, bare = value[1], value[2], value[3]
    if bare is not None:
        return _bare(bare)
    if prefix is not None and prefix.lower() == "x":
        return _of_hex(string)
    if is_escaping or prefix in {"E", "e"}:
        string = _ESCAPE.sub(_unescaped, string) if "\\" in string or "'" in string else string
        return string.strip()
    return string.replace("''", "'").strip()


def copied(line: str) -> list[str]:
    r"""Return the cells of a line of PostgreSQL's COPY: tabs between, `\N` for NULL."""
    cells = line.removesuffix("\r").split("\t")
    return [
        "" if cell == "\\N" else _COPY_ESCAPE.sub(lambda m: _COPIED.get(m[1], m[1]), cell).strip()
        for cell in cells
    ]


def _bare(value: str) -> str:
    if value.upper() == "NULL":
        return ""
    return _of_hex(value[2:]) if value[:2] in {"0x", "0X"} else value


def _of_hex(digits: str) -> str:
    return bytes.fromhex(digits).decode("utf-8", "surrogateescape").strip()


def _unescaped(escape: re.Match[str]) -> str:
    character: str | None = escape[1]
    return "'" if character is None else _ESCAPED.get(character, character)
