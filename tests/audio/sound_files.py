"""Sound files for the tests, in every format that is taken."""

from __future__ import annotations

import io
from functools import cache
from typing import Final

import numpy as np
import soundfile

from callreel.audio.peaks import Samples

RATE: Final = 8000
FORMATS: Final = {
    "wav-pcm8": ("WAV", "PCM_U8", "audio/wav"),
    "wav-pcm16": ("WAV", "PCM_16", "audio/wav"),
    "wav-pcm24": ("WAV", "PCM_24", "audio/wav"),
    "wav-pcm32": ("WAV", "PCM_32", "audio/wav"),
    "wav-float": ("WAV", "FLOAT", "audio/wav"),
    "wav-alaw": ("WAV", "ALAW", "audio/wav"),
    "wav-ulaw": ("WAV", "ULAW", "audio/wav"),
    "wav-gsm": ("WAV", "GSM610", "audio/wav"),
    "wav-ima": ("WAV", "IMA_ADPCM", "audio/wav"),
    "wav-extensible": ("WAVEX", "PCM_16", "audio/wav"),
    "mp3": ("MP3", "MPEG_LAYER_III", "audio/mpeg"),
    "opus": ("OGG", "OPUS", "audio/ogg"),
    "vorbis": ("OGG", "VORBIS", "audio/ogg"),
    "flac": ("FLAC", "PCM_16", "audio/flac"),
}


def channels_of(name: str) -> int:
    """Return 2, or the one channel that GSM has."""
    return 1 if name == "wav-gsm" else 2


def tone(rate: int, seconds: float, channels: int, level: float = 0.5) -> Samples:
    """Return a sine of 400 Hz, half as loud in each further channel."""
    time = np.arange(round(rate * seconds)) / rate
    wave = level * np.sin(2 * np.pi * 400 * time)
    return np.stack([wave / (1 << channel) for channel in range(channels)], 1).astype(np.float32)


@cache
def encoded(name: str, rate: int = RATE, seconds: float = 2.0) -> bytes:
    """Return a tone as a file of the format that is named."""
    return written(tone(rate, seconds, channels_of(name)), rate, name)


def written(sound: Samples, rate: int, name: str) -> bytes:
    """Return sound as a file of the format that is named."""
    file, coding, _ = FORMATS[name]
    out = io.BytesIO()
    soundfile.write(out, sound, rate, format=file, subtype=coding)
    return out.getvalue()


def wav(  # each is a field of the header
    data: bytes,
    *,
    says: int | None = None,
    codec: int = 1,
    channels: int = 1,
    rate: int = RATE,
    before: bytes = b"",
    behind: bytes = b"",
) -> bytes:
    """Return a WAV file of 16-bit sound whose header may say what is not so."""
    head = (
        codec.to_bytes(2, "little")
        + channels.to_bytes(2, "little")
        + rate.to_bytes(4, "little")
        + (rate * channels * 2 % (1 << 32)).to_bytes(4, "little")
        + (channels * 2 % (1 << 16)).to_bytes(2, "little")
        + (16).to_bytes(2, "little")
    )
    length = len(data) if says is None else says
    chunks = chunk(b"fmt ", head) + before + b"data" + length.to_bytes(4, "little") + data + behind
    return chunk(b"RIFF", b"WAVE" + chunks)


def chunk(name: bytes, content: bytes) -> bytes:
    """Return a chunk of a RIFF file."""
    return name + len(content).to_bytes(4, "little") + content
