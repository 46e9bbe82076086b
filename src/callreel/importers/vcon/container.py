"""A vCon file: plain, signed or encrypted, packed or not.

A signed one is a JWS in JSON, whose payload is the vCon (draft-ietf-vcon-vcon-core, "Signed Form
of vCon Object"; RFC 7515, section 7.2). Its signature is not verified here. An encrypted one is a
JWE in JSON; without its key nothing of it can be read.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, BinaryIO, Final, cast

from callreel.errors import BadRecording
from callreel.importers.streams import PIECE, decoded, inflated
from callreel.importers.vcon.skeleton import Span, read

LARGEST: Final = 1 << 30
_MOST_LAYERS: Final = 3
_GZIP: Final = b"\x1f\x8b"

Opener = Callable[[], BinaryIO]


@dataclass(frozen=True, slots=True)
class Container:
    """A vCon and the text that it was read from.

    Attributes:
        vcon: Its members; a long string is a `Span` in the text.
        text: Opens the text.
        notes: What a person should know.
    """

    vcon: dict[str, Any]
    text: Opener
    notes: tuple[str, ...] = ()


def open_container(file: Opener) -> Container:
    """Read a vCon file.

    Raises:
        BadRecording: it is no vCon, is encrypted or cannot be read.
    """
    text = partial(_unpacked, file)
    notes: tuple[str, ...] = ()
    for _ in range(_MOST_LAYERS):
        found = _read(text)
        if "ciphertext" in found:
            raise BadRecording("The vCon is encrypted; let whoever has its key decrypt it first.")
        payload = found.get("payload")
        if not isinstance(payload, str | Span):
            return Container(found, text, notes)
        notes = ("The vCon is signed; its signature was not verified.",)
        text = partial(_unpacked, partial(open_body, text, payload))
    raise BadRecording("The vCon is signed over and over.")


def _read(text: Opener) -> dict[str, Any]:
    with text() as stream:
        try:
            return read(stream)
        except OSError as error:
            raise BadRecording("The file cannot be read to its end.") from error


def _unpacked(opener: Opener) -> BinaryIO:
    opened = opener()
    stream = (
        opened
        if isinstance(opened, io.BufferedReader)
        else io.BufferedReader(cast("io.RawIOBase", opened), PIECE)
    )
    try:
        return inflated(stream, LARGEST) if stream.peek(2)[:2] == _GZIP else stream
    except OSError as error:
        stream.close()
        raise BadRecording("The file cannot be read.") from error
    except BadRecording:
        stream.close()
        raise


def open_body(text: Opener, body: str | Span) -> BinaryIO:
    """Open what a string of a text holds as base64url.

    Raises:
        BadRecording: the text cannot be opened; also on reading, where it is no base64url.
    """
    if isinstance(body, str):
        raw = body.encode()
        return decoded(io.BytesIO(raw), len(raw))
    stream = text()
    try:
        _skip(stream, body.begin)
    except OSError as error:
        stream.close()
        raise BadRecording("The file cannot be read to its audio.") from error
    except BadRecording:
        stream.close()
        raise
    return decoded(stream, body.end - body.begin)


def _skip(stream: BinaryIO, count: int) -> None:
    if stream.seekable():
        stream.seek(count)
        return
    while count:
        piece = stream.read(min(PIECE, count))
        if not piece:
            raise BadRecording("The file ends before its audio.")
        count -= len(piece)
