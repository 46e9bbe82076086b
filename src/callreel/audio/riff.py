"""WAV files: whether their chunks are what a recording needs, and as long as they say."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO, Final

from callreel.errors import BadRecording, UnsupportedMedia

PCM, MS_ADPCM, FLOAT, A_LAW, U_LAW, IMA_ADPCM, GSM, EXTENSIBLE = 1, 2, 3, 6, 7, 17, 49, 0xFFFE
CODECS: Final = frozenset({PCM, MS_ADPCM, FLOAT, A_LAW, U_LAW, IMA_ADPCM, GSM, EXTENSIBLE})
UNFINISHED: Final = 0x7FFF_0000
"""Data sizes from here up are what recorders write before they know better."""
BLOCK_CODECS: Final = frozenset({MS_ADPCM, IMA_ADPCM, GSM})
MOST_CHUNKS: Final = 1000
MOST_JUNK: Final = 1024
"""Bytes behind the sound that are no chunk; more of them is sound that the header left out."""


@dataclass(frozen=True, slots=True)
class _Form:
    """How the sound is coded: whether in blocks of so many bytes that hold so many samples."""

    is_in_blocks: bool
    block: int
    samples: int

    def samples_in(self, length: int, told: int) -> int | None:
        """Return the samples in so many bytes, fewer where a likely number is told."""
        if not self.is_in_blocks or self.block == 0 or self.samples == 0:
            return None
        most = length // self.block * self.samples
        return told if most - self.samples < told <= most else most


def check(file: BinaryIO, size: int) -> int | None:
    """Walk the chunks of a WAV file that begins as one.

    Args:
        file: At any position; left at any.
        size: The file's length in bytes.

    Returns:
        Samples a channel that the header tells of sound that is coded in blocks, else None.
        A decoder goes on to the end of the last block, or even takes a byte of padding for one.

    Raises:
        BadRecording: a header is missing or wrong, or says another length than there is.
        UnsupportedMedia: the sound in it is coded in a way that the archive does not take.
    """
    position = 12
    form: _Form | None = None
    told = 0
    for _ in range(MOST_CHUNKS):
        file.seek(position)
        head = file.read(8)
        if len(head) < 8:
            break
        name, length = head[:4], int.from_bytes(head[4:], "little")
        if name == b"fmt ":
            form = _form(file.read(min(length, 40)))
        if name == b"fact":
            told = int.from_bytes(file.read(4), "little")
        if name == b"data" and form is not None:
            _check_data(length, size - position - 8)
            _check_rest(file, position + 8 + length + length % 2, size)
            return form.samples_in(length, told)
        position += 8 + length + length % 2
    raise BadRecording("The WAV file ends before its sound begins.")


def _form(head: bytes) -> _Form:
    if len(head) < 16:
        raise BadRecording("The WAV file's header is cut short.")
    codec, channels, rate = struct.unpack_from("<HHI", head)
    if codec not in CODECS:
        raise UnsupportedMedia(
            "The WAV file's coding is not taken; use PCM, A-law, u-law, GSM 6.10 or IMA ADPCM."
        )
    if channels == 0 or rate == 0:
        raise BadRecording("The WAV file's header says that it has no channels or no rate.")
    block, _, _, samples = struct.unpack_from("<HHHH", head.ljust(20, b"\0"), 12)
    return _Form(codec in BLOCK_CODECS, block, samples)


def _check_data(length: int, there: int) -> None:
    if there == 0:
        raise BadRecording("The WAV file holds a header and no sound.")
    if length == 0 or length >= UNFINISHED > there:
        raise BadRecording(
            "The WAV file was not finished by its recorder: its header does not give the length. "
            "Save it anew with an audio program and hand it in again."
        )
    if length > there:
        raise BadRecording("The WAV file is shorter than its header says.")


def _check_rest(file: BinaryIO, position: int, size: int) -> None:
    """Refuse a header that leaves out much of the sound; chunks behind it are usual."""
    for _ in range(MOST_CHUNKS):
        if size - position <= MOST_JUNK:
            return
        file.seek(position)
        head = file.read(8)
        length = int.from_bytes(head[4:], "little")
        if not _is_name(head[:4]) or position + 8 + length > size:
            break
        position += 8 + length + length % 2
    raise BadRecording("The WAV file is longer than its header says.")


def _is_name(name: bytes) -> bool:
    return all(0x20 <= byte < 0x7F for byte in name)


def begins(head: bytes) -> bool:
    """Return whether a file that begins so is a WAV file."""
    return head[:4] == b"RIFF" and head[8:12] == b"WAVE"
