"""JSON whose long strings stay where they are.

A vCon holds its audio as strings of many megabytes. The text is read as a stream; of a long
string only its place is kept, so that neither the file nor the audio is ever in memory.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

from callreel.errors import BadRecording
from callreel.importers.sound_json import loads
from callreel.importers.streams import PIECE

LONGEST_KEPT: Final = 4096
MOST_KEPT: Final = 8 << 20
_BASE64: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_"
_MOST_STRAYS: Final = 64
_REST_OF_STRING: Final = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Span:
    """A long string, by its place in the text.

    Attributes:
        begin, end: Its first byte, and the byte behind its last one.
        strays: Its first bytes that are no digits of base64.
    """

    begin: int
    end: int
    strays: bytes

    @property
    def may_be_base64(self) -> bool:
        return self.strays in {b"", b"=", b"=="} or b"\\" in self.strays

    @property
    def decoded_size(self) -> int | None:
        """How many bytes it stands for, or None where only decoding can tell."""
        if b"\\" in self.strays:
            return None
        return (self.end - self.begin - len(self.strays)) * 3 // 4


def read(text: BinaryIO) -> dict[str, Any]:
    """Read an object; a string of it that is longer than `LONGEST_KEPT` bytes becomes a `Span`.

    Raises:
        BadRecording: it is no JSON object, or one that is not sound: nested too deep, with a key
            twice, with numbers or characters that JSON does not have, or too large without its
            long strings.
    """
    scanner = _Scanner()
    while piece := text.read(PIECE):
        scanner.take(piece)
    found = loads(bytes(scanner.kept), scanner.places())
    if not isinstance(found, dict):
        raise BadRecording("This is no JSON object.")
    return found


class _Scanner:
    """Takes a text piece by piece.

    Attributes:
        kept: The text with a mark in place of each long string.
    """

    def __init__(self) -> None:
        self.kept = bytearray()
        self._token = secrets.token_hex(16)  # drawn now, so no text can hold it
        self._spans: list[Span] = []
        self._offset = 0
        self._is_inside = False
        self._is_escaped = False
        self._begin = 0
        self._kept_begin = 0
        self._strays = b""

    def places(self) -> dict[str, Span]:
        """Return the long strings by their marks."""
        return {f"{self._token}{number}": span for number, span in enumerate(self._spans)}

    def take(self, piece: bytes) -> None:
        at = 0
        while at < len(piece):
            at = self._string(piece, at) if self._is_inside else self._outside(piece, at)
            if len(self.kept) > MOST_KEPT:
                raise BadRecording(
                    f"Without its audio the vCon is larger than {MOST_KEPT >> 20} MiB."
                )
        self._offset += len(piece)

    def _outside(self, piece: bytes, at: int) -> int:
        quote = piece.find(b'"', at)
        end = len(piece) if quote < 0 else quote + 1
        self.kept += piece[at:end]
        if quote >= 0:
            self._is_inside = True
            self._begin = self._offset + end
            self._kept_begin = len(self.kept)
            self._strays = b""
        return end

    def _string(self, piece: bytes, at: int) -> int:
        end = at + 1 if self._is_escaped else at
        self._is_escaped = False
        found = _REST_OF_STRING.match(piece, end)
        end = end if found is None else found.end()
        is_closed = piece[end : end + 1] == b'"'
        if not is_closed and end < len(piece):
            self._is_escaped = True
            end += 1
        self._keep(piece[at:end])
        if not is_closed:
            return end
        self._close(self._offset + end)
        return end + 1

    def _keep(self, part: bytes) -> None:
        if len(self.kept) - self._kept_begin <= LONGEST_KEPT:
            self.kept += part[: LONGEST_KEPT + 1]
        if len(self._strays) < _MOST_STRAYS:
            self._strays += part.translate(None, _BASE64)[:_MOST_STRAYS]

    def _close(self, end: int) -> None:
        self._is_inside = False
        if end - self._begin > LONGEST_KEPT:
            mark = f"{self._token}{len(self._spans)}"
            self.kept[self._kept_begin :] = mark.encode()
            self._spans.append(Span(self._begin, end, self._strays))
        self.kept += b'"'
