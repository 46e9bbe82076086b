"""Ogg files: whether their pages are whole and hold one stream of speech or music."""

from __future__ import annotations

from typing import BinaryIO, Final

from callreel.errors import BadRecording, UnsupportedMedia

HEAD_BYTES: Final = 27
FIRST_PAGE: Final = 0x02
CODECS: Final = (b"OpusHead", b"\x01vorbis")


def begins(head: bytes) -> bool:
    """Return whether a file that begins so is an Ogg file."""
    return head[:4] == b"OggS"


def check(file: BinaryIO, size: int) -> None:
    """Walk the pages of an Ogg file.

    Args:
        file: At any position; left at any.
        size: The file's length in bytes.

    Raises:
        BadRecording: a page is damaged or cut short, or there is more than one stream.
        UnsupportedMedia: the stream is neither Opus nor Vorbis.
    """
    position = 0
    serial = b""
    while position < size:
        file.seek(position)
        head = file.read(HEAD_BYTES)
        if len(head) < HEAD_BYTES or not begins(head):
            raise BadRecording("The Ogg file is damaged or cut short.")
        segments = file.read(head[26])
        if position == 0:
            serial = head[14:18]
            _check_codec(file.read(8))
        elif head[14:18] != serial or head[5] & FIRST_PAGE:
            raise BadRecording("The Ogg file holds more than one stream; hand in one a file.")
        position += HEAD_BYTES + head[26] + sum(segments)
    if position != size:
        raise BadRecording("The Ogg file is cut short.")


def _check_codec(packet: bytes) -> None:
    if not packet.startswith(CODECS):
        raise UnsupportedMedia("The Ogg file holds neither Opus nor Vorbis.")
