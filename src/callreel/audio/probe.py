"""Measure audio: what it is, how long, and its waveform. Runs in a child process."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import BinaryIO, Final

import soundfile

from callreel.audio import Inspection, mpeg, ogg, riff
from callreel.audio.peaks import Peaks, Samples, WholeSamples
from callreel.errors import BadRecording, Unavailable, UnsupportedMedia

BLOCK: Final = 65_536
MOST_CHANNELS: Final = 8
RATES: Final = range(1000, 192_001)
_SOUGHT: Final = 16
_WHOLE_SAMPLES: Final = frozenset({"PCM_16", "ULAW", "ALAW"})


class Kind(Enum):
    """A kind of file that the archive takes: its media type and libsndfile's names for it."""

    WAV = ("audio/wav", frozenset({"WAV", "WAVEX"}))
    OGG = ("audio/ogg", frozenset({"OGG"}))
    FLAC = ("audio/flac", frozenset({"FLAC"}))
    MP3 = ("audio/mpeg", frozenset({"MP3"}))

    def __init__(self, mime_type: str, names: frozenset[str]) -> None:
        self.mime_type = mime_type
        self.names = names


@dataclass(frozen=True, slots=True)
class _Structure:
    """What a file's structure tells that the decoder does not."""

    is_length_known: bool = True
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Sound:
    """Opened audio.

    Attributes:
        kind: What file it is.
        rate: Samples a second.
        channels: From 1 to 8.
        frames: Samples a channel that the decoder announces, or None where it guesses.
        most: Samples a channel behind which the decoder makes up more, or None.
    """

    kind: Kind
    rate: int
    channels: int
    frames: int | None
    most: int | None
    _file: soundfile.SoundFile

    def blocks(self) -> Iterator[Samples | WholeSamples]:
        """Yield the sound from its beginning to its end, in whole samples where it is coded so.

        Raises:
            BadRecording: it ends before its header says, or cannot be decoded.
        """
        read = 0
        with _decoding():
            # Not soundfile's own blocks(): it refuses files in which it cannot seek, as GSM.
            while len(block := self._read()):
                kept = block if self.most is None else block[: max(self.most - read, 0)]
                read += len(block)
                if len(kept):
                    yield kept
        if read == 0 or self.most == 0:
            raise BadRecording("The audio holds no sound.")
        if self.frames is not None and read != self.frames:
            raise BadRecording("The audio is damaged or shorter than its header says.")

    def _read(self) -> Samples | WholeSamples:
        # Whole samples are read much faster than libsndfile makes fractions of them.
        kind = "int16" if self._file.subtype in _WHOLE_SAMPLES else "float32"
        block: Samples | WholeSamples = self._file.read(BLOCK, dtype=kind, always_2d=True)
        return block


def inspect(path: Path) -> Inspection:
    """Measure audio, reading it to its end.

    Raises:
        UnsupportedMedia: the bytes are no audio that the archive takes.
        BadRecording: the audio is empty, broken, or shorter than its header says.
        Unavailable: the file cannot be read.
    """
    with opened(path) as sound:
        peaks = Peaks(sound.channels)
        frames = 0
        for block in sound.blocks():
            peaks.add(block)
            frames += len(block)
        return Inspection(
            mime_type=sound.kind.mime_type,
            channels=sound.channels,
            duration_ms=round(frames * 1000 / sound.rate),
            peaks=peaks.render(),
        )


@contextmanager
def opened(path: Path) -> Iterator[Sound]:
    """Open audio, after its beginning and its structure were looked at.

    libsndfile would take many more kinds of files; it is shown only those that are wanted.

    Raises:
        As `inspect`.
    """
    with _open(path) as file:
        size = os.fstat(file.fileno()).st_size
        kind = _kind(file, size)
        structure = _check(kind, file, size)
        os.lseek(file.fileno(), 0, os.SEEK_SET)
        with _decoding(), soundfile.SoundFile(file.fileno(), closefd=False) as decoder:
            yield _sound(kind, decoder, structure)


def _open(path: Path) -> BinaryIO:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise Unavailable("The audio cannot be read just now; tell the operator.") from error
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    raise Unavailable("The audio is not a file; tell the operator.")


def _kind(file: BinaryIO, size: int) -> Kind:
    if size == 0:
        raise BadRecording("The audio is empty.")
    head = file.read(_SOUGHT)
    if riff.begins(head):
        return Kind.WAV
    if ogg.begins(head):
        return Kind.OGG
    if head[:4] == b"fLaC":
        return Kind.FLAC
    if mpeg.begins(file, size):
        return Kind.MP3
    raise UnsupportedMedia("The file is no audio that is taken; use WAV, MP3, Ogg or FLAC.")


def _check(kind: Kind, file: BinaryIO, size: int) -> _Structure:
    if kind is Kind.WAV:
        return _Structure(most=riff.check(file, size))
    if kind is Kind.MP3:
        return _Structure(is_length_known=mpeg.check(file, size))
    if kind is Kind.OGG:
        ogg.check(file, size)
    return _Structure()


def _sound(kind: Kind, decoder: soundfile.SoundFile, structure: _Structure) -> Sound:
    if decoder.format not in kind.names:
        raise UnsupportedMedia("The file is not what it begins as.")
    if not 1 <= decoder.channels <= MOST_CHANNELS:
        raise BadRecording(f"The audio has more than {MOST_CHANNELS} channels.")
    if decoder.samplerate not in RATES:
        raise BadRecording("The audio has a rate outside of 1 to 192 kHz.")
    return Sound(
        kind=kind,
        rate=decoder.samplerate,
        channels=decoder.channels,
        frames=decoder.frames if structure.is_length_known else None,
        most=structure.most,
        _file=decoder,
    )


@contextmanager
def _decoding() -> Iterator[None]:
    try:
        yield
    except soundfile.SoundFileError as error:
        raise BadRecording("The audio is damaged or coded in an unknown way.") from error
