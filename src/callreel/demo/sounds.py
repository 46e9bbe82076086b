"""Speech-like sound of two people in turn, made here, in every format that the archive meets."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import soundfile

RATE: Final = 8000

Samples = npt.NDArray[np.float64]

_RING_HZ: Final = 425  # the tone that one hears in Poland while it rings
_RING_SECONDS: Final = 0.9
_VOWELS: Final = np.array(
    [
        [750, 1250, 2500],  # a
        [500, 1800, 2500],  # e
        [300, 2200, 2900],  # i
        [480, 950, 2450],  # o
        [320, 750, 2300],  # u
        [380, 1600, 2400],  # y
    ],
    dtype=np.float64,
)
_FORMANT_WIDTHS: Final = np.array([90.0, 130.0, 200.0])
_FORMANT_GAINS: Final = np.array([1.0, 0.6, 0.25])


class Coding(Enum):
    """How a file of the demonstration is written: its suffix, container and coding."""

    ALAW = (".wav", "WAV", "ALAW")
    ULAW = (".wav", "WAV", "ULAW")
    PCM = (".wav", "WAV", "PCM_16")
    GSM = (".wav", "WAV", "GSM610")
    OPUS = (".opus", "OGG", "OPUS")
    MP3 = (".mp3", "MP3", "MPEG_LAYER_III")

    @property
    def suffix(self) -> str:
        return self.value[0]


@dataclass(frozen=True, slots=True)
class _Voice:
    """A person's voice.

    Attributes:
        pitch: Hz.
        tract: Factor of all formants; above 1 for a shorter throat.
        pace: Seconds that a syllable takes on average.
    """

    pitch: float
    tract: float
    pace: float


_VOICES: Final = (
    _Voice(pitch=104, tract=0.96, pace=0.2),
    _Voice(pitch=126, tract=1.01, pace=0.18),
    _Voice(pitch=190, tract=1.12, pace=0.17),
    _Voice(pitch=228, tract=1.18, pace=0.16),
)
_MELODY: Final = (1.08, 1.0, 0.93)


def conversation(*, seed: int, milliseconds: int) -> Samples:
    """Return a telephone call of two people, shaped (samples, 2), at `RATE`, within -1 to 1.

    It rings, then they speak in turn, each on their own channel.
    """
    rng = np.random.default_rng(seed)
    sound = np.zeros((milliseconds * RATE // 1000, 2))
    ringing = min(int(_RING_SECONDS * RATE), len(sound) // 3)
    sound[:ringing] = 0.2 * np.sin(2 * np.pi * _RING_HZ / RATE * np.arange(ringing))[:, None]
    voices = rng.permutation(len(_VOICES))
    at, speaker = ringing + RATE // 20, 0
    while at < len(sound):
        longest = max(RATE // 2, min(5 * RATE, (len(sound) - ringing) // 4))
        turn = _turn(rng, int(voices[speaker]), int(rng.integers(longest // 2, longest + 1)))
        room = sound[at : at + len(turn), speaker]
        room += turn[: len(room)]
        at += len(turn) + int(rng.integers(RATE // 10, RATE // 3))
        speaker = 1 - speaker
    line_noise: Samples = 0.0015 * rng.standard_normal(sound.shape)
    return np.clip(sound + line_noise, -1, 1)


def write(path: Path, sound: Samples, coding: Coding) -> None:
    """Write a conversation; GSM has one channel only, so there both sides are mixed."""
    _, container, subtype = coding.value
    data = sound.mean(axis=1) if coding is Coding.GSM else sound
    soundfile.write(path, data, RATE, format=container, subtype=subtype)


def _turn(rng: np.random.Generator, voice: int, length: int) -> Samples:
    """Return what one person says in a turn: words of syllables, sinking towards the end."""
    turn = np.zeros(length)
    at = 0
    while at < length:
        for _ in range(int(rng.integers(1, 5))):
            syllables = _syllables(voice, len(_MELODY) * min(at, length - 1) // length)
            syllable = syllables[rng.integers(len(syllables))]
            room = turn[at : at + len(syllable)]
            room += syllable[: len(room)]
            at += len(syllable)
        at += int(rng.uniform(0.03, 0.14) * RATE)
    return turn


@cache
def _syllables(voice: int, step: int) -> list[Samples]:
    """Return what a voice can say at a step of the melody; made once, it is most of the work."""
    rng = np.random.default_rng([voice, step])
    return [_syllable(rng, _VOICES[voice], _MELODY[step]) for _ in range(16)]


def _syllable(rng: np.random.Generator, voice: _Voice, melody: float) -> Samples:
    """Return a syllable: a rustle for the consonant, then harmonics shaped as a vowel."""
    length = int(RATE * voice.pace * rng.uniform(0.7, 1.4))
    time = np.arange(length) / RATE
    pitch = voice.pitch * melody * rng.uniform(0.94, 1.06)
    harmonics = np.arange(1, int(3400 / pitch) + 1)
    formants = _VOWELS[rng.integers(len(_VOWELS))] * voice.tract
    distance = (harmonics[:, None] * pitch - formants) / _FORMANT_WIDTHS
    gains = (_FORMANT_GAINS / (1 + distance**2)).sum(axis=1) / harmonics**0.3
    turns = pitch * time * (1 + 0.03 * np.sin(2 * np.pi * 2.5 * time))
    voiced = gains @ np.sin(2 * np.pi * np.outer(harmonics, turns))
    envelope = np.sin(np.pi * np.linspace(0, 1, length)) ** 0.6
    sound: Samples = 0.45 * envelope * voiced / (np.abs(voiced).max() + 1e-9)
    onset = min(length, int(0.04 * RATE))
    sound[:onset] += 0.1 * rng.standard_normal(onset) * np.linspace(1, 0, onset)
    return sound
