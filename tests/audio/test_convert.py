"""Conversions: heard again, they are what went in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from audio.sound_files import FORMATS, RATE, channels_of, encoded, tone, wav, written
from callreel.audio import Format
from callreel.audio.convert import convert
from callreel.audio.peaks import Samples
from callreel.audio.probe import inspect
from callreel.errors import BadRecording, Unavailable, UnsupportedMedia

MIME_TYPES = {Format.OPUS: "audio/ogg", Format.MP3: "audio/mpeg", Format.WAV: "audio/wav"}
CODINGS = {Format.OPUS: "OPUS", Format.MP3: "MPEG_LAYER_III", Format.WAV: "PCM_16"}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return tmp_path / "source"


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "target"


def heard(path: Path) -> tuple[Samples, int]:
    sound, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return sound, rate


def loudness(sound: Samples) -> list[float]:
    inner = sound[len(sound) // 4 : -len(sound) // 4].astype(np.float64)
    return [float(each) for each in np.sqrt((inner**2).mean(axis=0))]


@pytest.mark.parametrize("to", Format)
@pytest.mark.parametrize("name", FORMATS)
def test_every_format_becomes_every_other(
    source: Path, target: Path, name: str, to: Format
) -> None:
    source.write_bytes(encoded(name))
    convert(source, target, to)
    sound, rate = heard(target)
    assert soundfile.info(target).subtype == CODINGS[to]
    assert rate == RATE
    assert sound.shape[1] == channels_of(name)
    assert abs(len(sound) / rate - 2) < 0.065
    expected = [0.5 / 2**channel / 2**0.5 for channel in range(sound.shape[1])]
    assert loudness(sound) == pytest.approx(expected, rel=0.1)
    found = inspect(target)
    assert (found.mime_type, found.channels) == (MIME_TYPES[to], channels_of(name))


@pytest.mark.parametrize(
    ("rate", "opus", "mp3"),
    [
        (6000, 8000, 8000),
        (11025, 12000, 11025),
        (22050, 24000, 22050),
        (32000, 48000, 32000),
        (44100, 48000, 44100),
        (96000, 48000, 48000),
    ],
)
def test_a_rate_that_the_format_lacks_becomes_the_next(
    source: Path, target: Path, rate: int, opus: int, mp3: int
) -> None:
    source.write_bytes(encoded("wav-pcm16", rate))
    for to, expected in ((Format.OPUS, opus), (Format.MP3, mp3), (Format.WAV, rate)):
        convert(source, target, to)
        sound, found = heard(target)
        assert found == expected
        assert abs(len(sound) / found - 2) < 0.01
        assert loudness(sound) == pytest.approx([0.5 / 2**0.5, 0.25 / 2**0.5], rel=0.1)


def test_many_channels_become_two(source: Path, target: Path) -> None:
    sound = tone(RATE, 1, 4, level=0.8)  # 0.8 0.4 0.2 0.1
    source.write_bytes(written(sound, RATE, "wav-pcm16"))
    convert(source, target, Format.WAV)
    made, _ = heard(target)
    assert loudness(made) == pytest.approx([0.5 / 2**0.5, 0.25 / 2**0.5], rel=0.01)


def test_what_is_too_loud_or_no_number_does_not_turn_over(source: Path, target: Path) -> None:
    sound = np.array([[1.5], [-1.5], [np.nan], [np.inf]] * 500, np.float32)
    source.write_bytes(written(sound, RATE, "wav-float"))
    convert(source, target, Format.WAV)
    made, _ = heard(target)
    assert made[:4, 0] == pytest.approx([1, -1, 0, 1], abs=0.001)


@pytest.mark.parametrize("to", Format)
def test_the_same_sound_comes_out_whatever_stood_there_before(
    source: Path, target: Path, to: Format
) -> None:
    target.write_bytes(bytes(5_000_000))
    source.write_bytes(encoded("wav-alaw"))
    convert(source, target, to)
    assert abs(inspect(target).duration_ms - 2000) < 50
    assert target.stat().st_size < 5_000_000


@pytest.mark.parametrize("to", Format)
def test_what_cannot_be_read_is_not_converted(source: Path, target: Path, to: Format) -> None:
    for content, error in ((wav(b""), BadRecording), (b"<html>", UnsupportedMedia)):
        source.write_bytes(content)
        with pytest.raises(error):
            convert(source, target, to)


@pytest.mark.parametrize("to", Format)
def test_a_full_disk_makes_no_conversion(source: Path, to: Format) -> None:
    source.write_bytes(encoded("wav-pcm16"))
    with pytest.raises(Unavailable):
        convert(source, Path("/dev/full"), to)


def test_a_link_in_the_place_of_the_target_is_not_followed(
    source: Path, target: Path, tmp_path: Path
) -> None:
    source.write_bytes(encoded("wav-pcm16"))
    (tmp_path / "precious").write_bytes(b"precious")
    target.symlink_to(tmp_path / "precious")
    with pytest.raises(Unavailable):
        convert(source, target, Format.WAV)
    assert (tmp_path / "precious").read_bytes() == b"precious"
