"""The waveform: the loudest moment of each short stretch, per channel."""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

POINTS: Final = 800
STRETCH: Final = 64
"""Samples that are looked at as one; a block but the last should hold a multiple."""
_BINS: Final = 8192

_FULL_SCALE: Final = np.float32(1 / 32_768)

Samples = npt.NDArray[np.float32]
"""Sound as rows of one sample a channel, full scale from -1 to 1."""
WholeSamples = npt.NDArray[np.int16]
"""The same, full scale from -32,768 to 32,767."""


def scaled(block: Samples | WholeSamples) -> Samples:
    """Return sound in full scale from -1 to 1, whichever it comes in."""
    return block * _FULL_SCALE if block.dtype == np.int16 else block.astype(np.float32, copy=False)


class Peaks:
    """Gathers the peaks of sound whose length is not known before its end.

    Stretches go into bins; when the bins are full, each pair becomes one. So the memory is
    the same for a second and for a day.
    """

    def __init__(self, channels: int) -> None:
        self._bins = np.zeros((_BINS, channels), np.float32)
        self._stretches = 0
        self._per_bin = 1

    def add(self, block: Samples | WholeSamples) -> None:
        """Take in what comes next of the sound."""
        loudest = _loudest(block)
        first = self._stretches
        self._stretches += len(loudest)
        while self._stretches > _BINS * self._per_bin:
            self._fold()
        begin, end = first // self._per_bin, -(-self._stretches // self._per_bin)
        starts = np.maximum(np.arange(begin, end) * self._per_bin - first, 0)
        bins = self._bins[begin:end]
        np.fmax(bins, np.fmax.reduceat(loudest, starts, axis=0), out=bins)

    def _fold(self) -> None:
        half = _BINS // 2
        self._bins[:half] = np.maximum(self._bins[0::2], self._bins[1::2])
        self._bins[half:] = 0
        self._per_bin *= 2

    def render(self) -> bytes:
        """Return the peaks as JSON: per channel at most 800 numbers from 0 to 1."""
        used = -(-self._stretches // self._per_bin)
        points = min(POINTS, used)
        edges = np.arange(points) * used // max(points, 1)
        loudest = (
            np.maximum.reduceat(self._bins[:used], edges, axis=0) if points else self._bins[:0]
        )
        rounded = np.round(np.minimum(loudest, 1).astype(np.float64), 3)
        data = {
            "channels": self._bins.shape[1],
            "points": points,
            "peaks": rounded.T.tolist(),
        }
        return msgspec.json.encode({"data": data})


def _loudest(block: Samples | WholeSamples) -> Samples:
    """Return the loudest of each stretch; whole samples are scaled only then, being many."""
    starts = np.arange(0, len(block), STRETCH)
    if block.dtype != np.int16:
        return scaled(np.fmax.reduceat(np.abs(block), starts, axis=0))
    # Of -32,768 there is no opposite: it stays as it is, which without a sign is the right one.
    level = np.abs(block).view(np.uint16)
    return np.maximum.reduceat(level, starts, axis=0) * _FULL_SCALE
