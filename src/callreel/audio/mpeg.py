"""MP3 files: their frames, counted, because a file without a tag does not give its length."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from callreel.errors import BadRecording, UnsupportedMedia

_KILOBITS_1: Final = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0)
_KILOBITS_2: Final = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0)
_RATES: Final = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_TAGS_BEHIND: Final = (b"TAG", b"APETAGEX", b"LYRICSBEGIN")
_MONO: Final = 3


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame's header.

    Attributes:
        bytes: Its length, header included.
        samples: How many samples a channel it holds.
        rate: Samples a second.
        channels: 1 or 2.
        kilobits: Kilobits a second.
        tag_at: Where in the frame a tag would stand in the place of sound.
    """

    bytes: int
    samples: int
    rate: int
    channels: int
    kilobits: int
    tag_at: int


def begins(file: BinaryIO, size: int) -> bool:
    """Return whether the file begins as MP3 does: perhaps an ID3 tag, then two frames or one."""
    position = _behind_id3(file)
    frame = _frame_at(file, position)
    if frame is None:
        return False
    behind = position + frame.bytes
    return behind >= size or _frame_at(file, behind) is not None or _is_tag_behind(file, behind)


def check(file: BinaryIO, size: int) -> bool:
    """Walk the frames of an MP3 file.

    Args:
        file: At any position; left at any.
        size: The file's length in bytes.

    Returns:
        Whether the first frame gives the length; without that, decoders guess it.

    Raises:
        BadRecording: a frame is damaged or cut short, or they change their kind midway.
        UnsupportedMedia: nothing in it gives the length of frames of varying size.
    """
    frames = _frames(file, size)
    position, first = next(frames)
    told = _told_frames(file, position, first)
    count = 0
    for _, frame in frames:
        if (frame.rate, frame.channels, frame.samples) != _kind(first):
            raise BadRecording("The MP3 file changes its rate or its channels midway.")
        if frame.kilobits != first.kilobits and told is None:
            raise UnsupportedMedia(
                "The MP3 file has a varying bit rate and no header with its length; "
                "save it anew with an audio program and hand it in again."
            )
        count += 1
    if told is not None and abs(told - count) > 1:  # some encoders count the frame that tells
        raise BadRecording("The MP3 file is not as long as its header says.")
    return told is not None


def _kind(frame: Frame) -> tuple[int, int, int]:
    return frame.rate, frame.channels, frame.samples


def _frames(file: BinaryIO, size: int) -> Iterator[tuple[int, Frame]]:
    """Yield each frame with its position."""
    position = _behind_id3(file)
    while position < size:
        frame = _frame_at(file, position)
        if frame is None:
            if _is_tag_behind(file, position):
                return
            raise BadRecording("The MP3 file is damaged.")
        if position + frame.bytes > size:
            raise BadRecording("The MP3 file is cut short.")
        yield position, frame
        position += frame.bytes


def _frame_at(file: BinaryIO, position: int) -> Frame | None:
    file.seek(position)
    return _frame_of(file.read(4))


def _frame_of(head: bytes) -> Frame | None:
    """Read the four bytes of a frame's header, or return None where they are none."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2:  # sync, and layer III
        return None
    version = head[1] >> 3 & 3
    rates = _RATES.get(version)
    kilobits = (_KILOBITS_1 if version == 3 else _KILOBITS_2)[head[2] >> 4]
    if rates is None or kilobits == 0 or head[2] >> 2 & 3 == 3:
        return None
    rate = rates[head[2] >> 2 & 3]
    samples = 1152 if version == 3 else 576
    is_mono = head[3] >> 6 == _MONO
    return Frame(
        bytes=samples // 8 * kilobits * 1000 // rate + (head[2] >> 1 & 1),
        samples=samples,
        rate=rate,
        channels=1 if is_mono else 2,
        kilobits=kilobits,
        tag_at=4 + _side_bytes(is_mono=is_mono, is_version_1=version == 3),
    )


def _side_bytes(*, is_mono: bool, is_version_1: bool) -> int:
    if is_version_1:
        return 17 if is_mono else 32
    return 9 if is_mono else 17


def _told_frames(file: BinaryIO, position: int, first: Frame) -> int | None:
    """Return the number of frames behind the first where that tells it, or None."""
    file.seek(position + first.tag_at)
    tag = file.read(12)
    if tag[:4] not in {b"Xing", b"Info"} or len(tag) < 12 or not tag[7] & 1:
        return None
    return int.from_bytes(tag[8:], "big")


def _behind_id3(file: BinaryIO) -> int:
    """Return where the file goes on behind an ID3 tag at its beginning."""
    file.seek(0)
    head = file.read(10)
    if head[:3] != b"ID3" or len(head) < 10:
        return 0
    length = 0
    for byte in head[6:]:
        length = length << 7 | byte & 0x7F
    return 10 + length


def _is_tag_behind(file: BinaryIO, position: int) -> bool:
    file.seek(position)
    return file.read(11).startswith(_TAGS_BEHIND)
