"""Write audio in another format, block by block. Runs in a child process."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import soundfile

from callreel.audio import Format
from callreel.audio.peaks import Samples, WholeSamples, scaled
from callreel.audio.probe import Sound, opened
from callreel.audio.resample import Resampler
from callreel.errors import BadRecording, Unavailable

_MOST_CHANNELS: Final = 2
_SLACK_SECONDS: Final = 0.25
_FAILED: Final = "The audio could not be converted just now; ask again, or ask for the original."


@dataclass(frozen=True, slots=True)
class _Encoding:
    """How libsndfile is asked for a format.

    Attributes:
        file: Its name for the kind of file.
        coding: Its name for the coding.
        rates: Rates that the coding has, ascending; empty for any.
        level: Compression from 0, large, to 1, small; chosen for speech.
    """

    file: str
    coding: str
    rates: tuple[int, ...]
    level: float | None


_ENCODINGS: Final = {
    Format.OPUS: _Encoding("OGG", "OPUS", (8000, 12000, 16000, 24000, 48000), 0.95),
    Format.MP3: _Encoding(
        "MP3",
        "MPEG_LAYER_III",
        (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000),
        0.5,
    ),
    Format.WAV: _Encoding("WAV", "PCM_16", (), None),
}


def convert(
    source: Path, target: Path, to: Format, when_open: Callable[[], object] = lambda: None
) -> None:
    """Write audio to target in another format: one channel or two, on the disk when it returns.

    Args:
        source: Where the audio is.
        target: The file to write.
        to: Its format.
        when_open: Called when target is open, before anything of the audio is read.

    Raises:
        BadRecording: the audio cannot be read to its end.
        UnsupportedMedia: it is no audio that the archive takes.
        Unavailable: it could not be written.
    """
    with _made(target) as descriptor:
        when_open()
        seconds = _encode(source, descriptor, to)
    _verify(target, seconds)


def _encode(source: Path, descriptor: int, to: Format) -> float:
    """Write audio to an open file and return its length in seconds."""
    encoding = _ENCODINGS[to]
    with opened(source) as sound:
        rate = _rate_for(encoding.rates, sound.rate)
        channels = min(sound.channels, _MOST_CHANNELS)
        frames = 0
        with _written(descriptor, encoding, rate, channels) as encoder:
            for block in _resampled(sound, rate, channels):
                frames += len(block)
                _write(encoder, block)
    return frames / rate


def _rate_for(rates: tuple[int, ...], rate: int) -> int:
    """Return the rate itself, or the next higher that there is, or the highest."""
    return next((each for each in rates if each >= rate), rates[-1]) if rates else rate


def _resampled(sound: Sound, rate: int, channels: int) -> Iterator[Samples]:
    if rate == sound.rate:
        for block in sound.blocks():
            yield _mixed(block, channels)
        return
    resampler = Resampler(sound.rate, rate, channels)
    for block in sound.blocks():
        yield resampler.add(_mixed(block, channels))
    yield resampler.finish()


def _mixed(block: Samples | WholeSamples, channels: int) -> Samples:
    """Return sound of few enough channels, without what is no number."""
    tame = np.clip(np.nan_to_num(scaled(block)), -1, 1)
    if block.shape[1] == channels:
        return tame
    return np.stack((tame[:, 0::2].mean(axis=1), tame[:, 1::2].mean(axis=1)), axis=1)


@contextmanager
def _made(target: Path) -> Iterator[int]:
    flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    with _writing():
        descriptor = os.open(target, flags, 0o640)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _written(
    descriptor: int, encoding: _Encoding, rate: int, channels: int
) -> Iterator[soundfile.SoundFile]:
    with _writing():
        encoder = soundfile.SoundFile(
            descriptor,
            "w",
            rate,
            channels,
            encoding.coding,
            format=encoding.file,
            closefd=False,
            compression_level=encoding.level,
        )
    yield encoder
    with _writing():
        encoder.close()
        os.fsync(descriptor)


def _write(encoder: soundfile.SoundFile, block: Samples) -> None:
    with _writing():
        encoder.write(block)


@contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except (OSError, AssertionError, soundfile.SoundFileError) as error:  # it asserts what it wrote
        raise Unavailable(_FAILED) from error


def _verify(target: Path, seconds: float) -> None:
    """Look at what was written: some of libsndfile's encoders do not tell of a full disk."""
    try:
        with opened(target) as made:
            length = (made.frames or 0) / made.rate
    except BadRecording as error:
        raise Unavailable(_FAILED) from error
    if abs(length - seconds) > _SLACK_SECONDS:
        raise Unavailable(_FAILED)
