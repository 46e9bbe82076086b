"""The waveform against the plainest way to make one."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callreel.audio.peaks import POINTS, STRETCH, Peaks, Samples, WholeSamples, scaled


def noise(frames: int, channels: int, seed: int = 1) -> Samples:
    made = np.random.default_rng(seed).uniform(-1, 1, (frames, channels))
    return made.astype(np.float32)


def rendered(sound: Samples | WholeSamples, block: int) -> list[list[float]]:
    peaks = Peaks(sound.shape[1])
    for start in range(0, len(sound), block):
        peaks.add(sound[start : start + block])
    data = json.loads(peaks.render())["data"]
    assert data["channels"] == sound.shape[1]
    assert all(len(points) == data["points"] for points in data["peaks"])
    made: list[list[float]] = data["peaks"]
    return made


@settings(deadline=None)
@given(frames=st.integers(1, 40_000), channels=st.integers(1, 3), blocks=st.integers(1, 50))
def test_points_are_few_and_hold_the_loudest_sample(
    frames: int, channels: int, blocks: int
) -> None:
    sound = noise(frames, channels, frames)
    for channel, points in enumerate(rendered(sound, blocks * STRETCH)):
        assert 1 <= len(points) <= POINTS
        assert all(0 <= point <= 1 for point in points)
        assert max(points) == pytest.approx(np.abs(sound[:, channel]).max(), abs=0.00051)


@settings(deadline=None)
@given(frames=st.integers(1, POINTS * STRETCH))
def test_a_short_sound_has_a_point_a_stretch(frames: int) -> None:
    sound = noise(frames, 1, frames)
    expected = [np.abs(sound[at : at + STRETCH]).max() for at in range(0, frames, STRETCH)]
    assert rendered(sound, 65_536)[0] == pytest.approx(expected, abs=0.00051)


def test_a_long_sound_shows_where_it_was_loud() -> None:
    sound = np.zeros((3_000_000, 1), np.float32)
    sound[1_500_000:1_800_000] = 0.5
    points = np.array(rendered(sound, 65_536)[0])
    assert len(points) > POINTS / 2
    loud = np.flatnonzero(points) / len(points)
    assert loud.min() == pytest.approx(0.5, abs=0.005)
    assert loud.max() == pytest.approx(0.6, abs=0.005)


def test_no_sound_has_no_points() -> None:
    assert json.loads(Peaks(2).render())["data"] == {"channels": 2, "points": 0, "peaks": [[], []]}


@settings(deadline=None)
@given(
    frames=st.integers(1, 3 * 8192 * STRETCH),
    channels=st.integers(1, 3),
    blocks=st.integers(1, 3000),
    level=st.sampled_from([1, 100, 32_767]),
)
def test_whole_samples_have_the_peaks_of_the_same_sound_in_fractions(
    frames: int, channels: int, blocks: int, level: int
) -> None:
    random = np.random.default_rng(frames)
    sound = random.integers(-level - 1, level + 1, (frames, channels), np.int16)
    fractions = (sound / 32_768).astype(np.float32)
    assert np.array_equal(scaled(sound), fractions)
    assert rendered(sound, blocks * STRETCH) == rendered(fractions, frames + STRETCH)


def test_the_lowest_whole_sample_is_full_scale() -> None:
    sound = np.zeros((3 * STRETCH, 1), np.int16)
    sound[STRETCH] = -32_768
    assert rendered(sound, 65_536) == [[0, 1, 0]]


def test_what_is_no_number_is_passed_over() -> None:
    sound = noise(2 * STRETCH, 1)
    sound[3] = np.nan
    expected = [np.nanmax(np.abs(sound[:STRETCH])), np.abs(sound[STRETCH:]).max()]
    assert rendered(sound, 65_536)[0] == pytest.approx(expected, abs=0.00051)
