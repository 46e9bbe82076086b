"""The change of rate: the same tone, as long as before, without a seam."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audio.sound_files import tone
from callreel.audio.peaks import Samples
from callreel.audio.resample import Resampler


def resampled(sound: Samples, source: int, target: int, block: int = 65_536) -> Samples:
    resampler = Resampler(source, target, sound.shape[1])
    made = [resampler.add(sound[at : at + block]) for at in range(0, len(sound), block)]
    return np.concatenate([*made, resampler.finish()])


RATES = [
    (11025, 12000),
    (22050, 24000),
    (44100, 48000),
    (96000, 48000),
    (8001, 12000),
    (6000, 8000),
]


@pytest.mark.parametrize(("source", "target"), RATES)
def test_a_tone_stays_the_same_tone(source: int, target: int) -> None:
    made = resampled(tone(source, 1, 2), source, target)
    expected = tone(target, 1, 2)
    assert len(made) == len(expected)
    inner = slice(target // 20, -target // 20)
    assert np.abs(made[inner] - expected[inner]).max() < 0.002


def test_what_the_lower_rate_cannot_hold_is_filtered_away() -> None:
    time = np.arange(96_000) / 96_000
    high = np.sin(2 * np.pi * 40_000 * time).astype(np.float32)[:, None]
    assert np.abs(resampled(high, 96_000, 48_000)[2000:-2000]).max() < 0.01


@settings(max_examples=40, deadline=None)
@given(
    frames=st.integers(1, 3000),
    block=st.integers(1, 1000),
    rates=st.sampled_from([*RATES, (44100, 8000), (192_000, 48_000)]),
)
def test_blocks_leave_no_seam(frames: int, block: int, rates: tuple[int, int]) -> None:
    sound = np.random.default_rng(frames).uniform(-1, 1, (frames, 1)).astype(np.float32)
    source, target = rates
    whole = resampled(sound, source, target)
    assert len(whole) == -(-frames * target // source)
    assert np.abs(resampled(sound, source, target, block) - whole).max() < 1e-5
