"""Change the rate of sound, block by block, with a windowed sinc filter."""

from __future__ import annotations

from math import gcd
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from callreel.audio.peaks import Samples

_REACH: Final = 16
"""Zero crossings of the sinc on either side; enough for speech and for for music."""
_CUTOFF: Final = 0.95
"""Of the lower rate's half: leaves the filter room to fall before what would alias."""
_STEP: Final = 16_384


class Resampler:
    """Turns blocks of one rate into blocks of another, without a seam between them.

    A sample of the outcome stands at a time that is a fraction of the source's samples, with
    the denominator `up`; for each numerator there is one row of filter taps.
    """

    def __init__(self, source: int, target: int, channels: int) -> None:
        """Prepare the filter.

        Args:
            source: Rate of what comes in.
            target: Rate of what is wanted.
            channels: Number of channels.
        """
        common = gcd(source, target)
        self._up, self._down = target // common, source // common
        self._side = -(-_REACH * max(self._up, self._down) // self._up)
        self._taps = _taps(self._up, self._side, min(1.0, target / source) * _CUTOFF)
        # Silence before the beginning, so that the first samples have a past.
        self._held: Samples = np.zeros((self._side - 1, channels), np.float32)
        self._held_from = 1 - self._side
        self._taken = 0
        self._made = 0

    def add(self, block: Samples) -> Samples:
        """Take in a block and return what can be made so far."""
        self._taken += len(block)
        self._held = np.concatenate((self._held, block))
        return self._make(self._count_before(self._taken - self._side))

    def finish(self) -> Samples:
        """Return what is left at the end of the sound."""
        silence = np.zeros((self._side + 1, self._held.shape[1]), np.float32)
        self._held = np.concatenate((self._held, silence))
        return self._make(self._count_before(self._taken))

    def _count_before(self, time: int) -> int:
        """Return how many samples of the outcome stand before a sample of the source."""
        return max(self._made, -(-time * self._up // self._down))

    def _make(self, count: int) -> Samples:
        steps = range(self._made, count, _STEP)
        made = [self._filtered(np.arange(start, min(start + _STEP, count))) for start in steps]
        self._made = count
        self._forget()
        return np.concatenate(made) if made else self._held[:0]

    def _filtered(self, numbers: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Samples:
        at, part = np.divmod(numbers * self._down, self._up)
        windows = sliding_window_view(self._held, 2 * self._side, axis=0)
        near = windows[at - self._side + 1 - self._held_from]
        made: Samples = np.einsum("nct,nt->nc", near, self._taps[part])
        return made

    def _forget(self) -> None:
        """Drop what lies before the reach of the next sample."""
        needed = self._made * self._down // self._up - self._side + 1
        drop = min(max(needed - self._held_from, 0), len(self._held))
        self._held = self._held[drop:].copy()
        self._held_from += drop


def _taps(up: int, side: int, cutoff: float) -> Samples:
    """Return a row of 2 x side taps for each fraction of a sample; each row sums to 1."""
    offsets = np.arange(1 - side, side + 1)
    distance = offsets[None, :] - np.arange(up)[:, None] / up
    window = np.cos(np.pi / 2 * np.clip(distance / side, -1, 1)) ** 2
    taps = np.sinc(distance * cutoff) * window
    rows: Samples = (taps / taps.sum(axis=1, keepdims=True)).astype(np.float32)
    return rows
