from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from callreel.demo.sounds import RATE, Coding, Samples, conversation, write

AUDIBLE = 0.02  # root mean square; full scale is 1


def loudness(sound: Samples) -> list[float]:
    return [float(each) for each in np.sqrt((sound**2).mean(axis=0))]


def test_it_lasts_as_long_as_asked_for() -> None:
    assert conversation(seed=1, milliseconds=7_250).shape == (7_250 * RATE // 1000, 2)


def test_the_same_seed_sounds_the_same() -> None:
    first, second = (conversation(seed=5, milliseconds=3_000) for _ in range(2))

    assert np.array_equal(first, second)


def test_another_seed_sounds_different() -> None:
    first, second = (conversation(seed=seed, milliseconds=3_000) for seed in (1, 2))

    assert not np.array_equal(first, second)


@pytest.mark.parametrize("milliseconds", [1_200, 4_000, 20_000])
def test_both_parties_are_heard_without_clipping(milliseconds: int) -> None:
    sound = conversation(seed=2, milliseconds=milliseconds)

    assert min(loudness(sound[RATE // 2 :])) > AUDIBLE
    assert np.abs(sound).max() < 1


def test_it_rings_on_both_channels_first() -> None:
    ring = conversation(seed=3, milliseconds=10_000)[: RATE // 2]
    loudest = np.abs(np.fft.rfft(ring, axis=0)).argmax(axis=0)

    assert np.allclose(loudest * RATE / len(ring), 425, atol=3)


def test_the_parties_speak_in_turn() -> None:
    sound = conversation(seed=4, milliseconds=20_000)[RATE:]
    windows = np.abs(sound[: len(sound) // 800 * 800]).reshape(-1, 800, 2).mean(axis=1) > 0.01

    assert windows[:, 0].any()
    assert windows[:, 1].any()
    assert not (windows[:, 0] & windows[:, 1]).any()


@pytest.mark.parametrize("coding", Coding)
def test_every_format_can_be_read_and_heard(coding: Coding, tmp_path: Path) -> None:
    path = tmp_path / f"call{coding.suffix}"
    write(path, conversation(seed=6, milliseconds=4_000), coding)

    with soundfile.SoundFile(path) as file:
        assert (file.format, file.subtype) == coding.value[1:]
        assert file.channels == (1 if coding is Coding.GSM else 2)
        assert file.samplerate == RATE
    sound, _ = soundfile.read(path, always_2d=True)
    assert len(sound) == pytest.approx(4 * RATE, rel=0.05)
    assert min(loudness(sound)) > AUDIBLE
