"""Streams made of other streams, a bounded piece at a time: decoded, inflated, checked."""

from __future__ import annotations

import binascii
import hashlib
import hmac
import io
import json
import re
import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, BinaryIO, Final

from callreel.errors import BadRecording

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

PIECE: Final = 1 << 18
_TO_PLAIN: Final = bytes.maketrans(b"-_", b"+/")
_BLANK: Final = b" \t\r\n"
_ESCAPE: Final = re.compile(rb"\\(?:u[0-9a-fA-F]{4}|[^u])")
_LONGEST_ESCAPE: Final = 6


def decoded(text: BinaryIO, length: int) -> BinaryIO:
    """Return the bytes that are written in a text as base64 or base64url, padded or not.

    Args:
        text: A JSON string, standing behind its opening quote; closed with what is returned.
        length: Its length in bytes.

    Raises:
        BadRecording: on reading, where it is no base64.
    """
    return io.BufferedReader(_Decoded(text, length), PIECE)


def inflated(packed: BinaryIO, most: int) -> BinaryIO:
    """Return what a gzip stream holds, at most so many bytes.

    Raises:
        BadRecording: on reading, where it is damaged or holds more.
    """
    return io.BufferedReader(_Inflated(packed, most), PIECE)


def checked(inner: BinaryIO, expected: Mapping[str, bytes]) -> BinaryIO:
    """Return a stream that ends with an error unless it has the digests that are expected.

    Args:
        inner: The stream.
        expected: Digests by the names that `hashlib` gives the algorithms.

    Raises:
        BadRecording: on reading at the end, where a digest is another.
    """
    return io.BufferedReader(_Checked(inner, expected), PIECE)


class _Made(io.RawIOBase):
    """A stream of pieces that are made of another stream."""

    def __init__(self, inner: BinaryIO) -> None:
        super().__init__()
        self._inner = inner
        self._ready = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill a buffer, at least with one byte until the end."""
        while not self._ready:
            piece = self._next()
            if piece is None:
                return 0
            self._ready = memoryview(piece)
        room = memoryview(buffer).cast("B")
        count = min(len(room), len(self._ready))
        room[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    def close(self) -> None:
        self._inner.close()
        super().close()

    def _next(self) -> bytes | None:
        """Return the next piece, perhaps an empty one, or None at the end."""
        raise NotImplementedError


class _Decoded(_Made):
    def __init__(self, text: BinaryIO, length: int) -> None:
        super().__init__(text)
        self._left = length
        self._raw = b""  # what may be the beginning of an escape
        self._digits = b""  # fewer than four
        self._is_padded = False

    def _next(self) -> bytes | None:
        if self._left == 0:
            return self._last()
        piece = self._inner.read(min(PIECE, self._left))
        if not piece:
            raise BadRecording("The file ends within its audio.")
        self._left -= len(piece)
        digits = self._digits + self._unpadded(self._unescaped(self._raw + piece))
        whole = len(digits) & ~3
        self._digits = digits[whole:]
        return _plain(digits[:whole])

    def _last(self) -> bytes | None:
        digits, self._digits = self._digits, b""
        if self._raw:
            raise BadRecording("The audio in it is no base64url.")
        return _plain(digits + b"=" * (4 - len(digits))) if digits else None

    def _unescaped(self, raw: bytes) -> bytes:
        self._raw = b""
        if b"\\" not in raw:
            return raw
        begun = raw.rfind(b"\\", max(0, len(raw) - _LONGEST_ESCAPE + 1))
        if self._left and begun >= 0 and not _ESCAPE.match(raw, begun):
            raw, self._raw = raw[:begun], raw[begun:]
        return _ESCAPE.sub(_meant, raw)

    def _unpadded(self, text: bytes) -> bytes:
        digits = text.translate(None, _BLANK)
        if self._is_padded or b"=" in digits:
            digits, _, rest = (b"", b"", digits) if self._is_padded else digits.partition(b"=")
            self._is_padded = True
            if rest.strip(b"="):
                raise BadRecording("The audio in it is no base64url.")
        return digits


class _Inflated(_Made):
    def __init__(self, packed: BinaryIO, most: int) -> None:
        super().__init__(packed)
        self._unpacker = zlib.decompressobj(wbits=31)  # gzip
        self._left = most

    def _next(self) -> bytes | None:
        packed = self._unpacker.unconsumed_tail or self._inner.read(PIECE)
        if self._unpacker.eof:
            return None
        if not packed:
            raise BadRecording("The packed vCon ends too early.")
        try:
            piece = self._unpacker.decompress(packed, PIECE)
        except zlib.error as error:
            raise BadRecording("The packed vCon is damaged.") from error
        self._left -= len(piece)
        if self._left < 0:
            raise BadRecording("The packed vCon holds more than is taken.")
        return piece


class _Checked(_Made):
    def __init__(self, inner: BinaryIO, expected: Mapping[str, bytes]) -> None:
        super().__init__(inner)
        self._expected = expected
        self._digests = {name: hashlib.new(name) for name in expected}

    def _next(self) -> bytes | None:
        piece = self._inner.read(PIECE)
        for digest in self._digests.values():
            digest.update(piece)
        if piece:
            return piece
        for name, digest in self._digests.items():
            if not hmac.compare_digest(digest.digest(), self._expected[name]):
                raise BadRecording("The audio is not the one whose digest is given.")
        return None


def _plain(digits: bytes) -> bytes:
    try:
        return binascii.a2b_base64(digits.translate(_TO_PLAIN), strict_mode=True)
    except binascii.Error as error:
        raise BadRecording("The audio in it is no base64url.") from error


def _meant(escape: re.Match[bytes]) -> bytes:
    """Return the character that an escape of JSON stands for, where base64 may have it."""
    try:
        character: str = json.loads(b'"' + escape[0] + b'"')
        return character.encode("ascii")
    except ValueError:
        return b"!"  # no digit, so it is refused
