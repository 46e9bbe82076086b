"""What is measured of audio, and what is refused."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from audio.sound_files import (
    FORMATS,
    RATE,
    channels_of,
    chunk,
    encoded,
    tone,
    wav,
    written,
)
from callreel.audio import Inspection
from callreel.audio.probe import inspect
from callreel.errors import BadRecording, CallreelError, Unavailable, UnsupportedMedia

SOUND = bytes(tone(RATE, 0.5, 1).tobytes()[:8000])
HTML = b"<!doctype html><script>alert(1)</script>" + bytes(2000)
MAGIC = (b"RIFF", b"OggS", b"fLaC", b"ID3", b"\xff")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "audio"


def inspected(path: Path, content: bytes) -> Inspection:
    path.write_bytes(content)
    return inspect(path)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("seconds", [0.7, 3.21])
def test_every_format_is_measured(path: Path, name: str, seconds: float) -> None:
    found = inspected(path, encoded(name, seconds=seconds))
    assert found.mime_type == FORMATS[name][2]
    assert found.channels == channels_of(name)
    block = 64 if name == "wav-ima" else 1  # libsndfile tells half of what two channels hold
    assert abs(found.duration_ms - 1000 * seconds) <= block


@pytest.mark.parametrize("name", FORMATS)
def test_the_peaks_of_every_format_are_its_loudness(path: Path, name: str) -> None:
    data = json.loads(inspected(path, encoded(name)).peaks)["data"]
    assert data["channels"] == channels_of(name)
    for channel, points in enumerate(data["peaks"]):
        assert len(points) == data["points"] <= 800
        inner = points[10:-10]
        assert abs(np.median(inner) - 0.5 / (1 << channel)) < 0.06


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 44100, 48000])
@pytest.mark.parametrize("name", ["wav-pcm16", "mp3", "vorbis", "flac"])
def test_durations_are_right_at_every_rate(path: Path, name: str, rate: int) -> None:
    assert abs(inspected(path, encoded(name, rate, 1.5)).duration_ms - 1500) <= 50


def test_channels_keep_their_sides(path: Path) -> None:
    sound = tone(RATE, 1, 2)
    sound[:, 0] = 0
    data = json.loads(inspected(path, written(sound, RATE, "wav-pcm16")).peaks)["data"]
    assert max(data["peaks"][0]) == 0
    assert max(data["peaks"][1]) == 0.25


def test_numbers_that_are_none_do_not_spoil_the_peaks(path: Path) -> None:
    sound = np.array([[np.nan], [np.inf], [-0.25], [np.nan]] * 50, np.float32)
    data = json.loads(inspected(path, written(sound, RATE, "wav-float")).peaks)["data"]
    assert set(data["peaks"][0]) == {1.0}


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("part", [0.3, 0.66, 0.97])
def test_audio_that_was_cut_is_refused(path: Path, name: str, part: float) -> None:
    whole = encoded(name)
    with pytest.raises(BadRecording):
        inspected(path, whole[: round(len(whole) * part)])


@pytest.mark.parametrize(
    "content",
    [
        HTML,
        b"#!/bin/sh\n",
        b"\x00" * 5000,
        b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
        b"RIFF" + bytes(4) + b"AVI LIST" + bytes(100),
        b"RF64" + bytes(4) + b"WAVE" + bytes(100),
        b"caff" + bytes(500),
        b".snd" + bytes(500),
        b"FORM" + bytes(4) + b"AIFF" + bytes(500),
        b"\xff\xfb\x90\x64" + HTML,
        b"ID3\x04\x00\x00\x00\x00\x00\x00" + wav(SOUND),
        b"OggS\x00\x02" + bytes(20) + b"\x01\x1eSpeex   " + bytes(22),
        bytes.fromhex("d0") + bytes(32),
        wav(SOUND, codec=0x55),
        wav(SOUND, codec=0x64),
    ],
)
def test_what_is_no_audio_that_is_taken_is_unsupported(path: Path, content: bytes) -> None:
    with pytest.raises(UnsupportedMedia):
        inspected(path, content)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (wav(b""), "no sound"),
        (wav(b"")[:44], "no sound"),
        (wav(SOUND, says=0), "not finished"),
        (wav(SOUND, says=0xFFFF_FFFF), "not finished"),
        (wav(SOUND, says=0x7FFF_FFFF), "not finished"),
        (wav(SOUND, says=len(SOUND) + 2), "shorter than its header"),
        (wav(SOUND, says=1000), "longer than its header"),
        (wav(SOUND, channels=0), "no channels"),
        (wav(SOUND, rate=0), "no rate|no channels"),
        (wav(SOUND, channels=9), "more than 8"),
        (wav(SOUND, channels=60_000), "channels|damaged"),
        (wav(SOUND, rate=192_001), "192 kHz"),
        (wav(SOUND, rate=999), "192 kHz"),
        (chunk(b"RIFF", b"WAVE" + chunk(b"data", SOUND)), "before its sound"),
        (chunk(b"RIFF", b"WAVE" + chunk(b"fmt ", bytes(8))), "cut short"),
        (chunk(b"RIFF", b"WAVE" + chunk(b"junk", b"") * 5000), "before its sound"),
        (encoded("mp3") * 2, "not as long"),
        (encoded("opus") * 2, "more than one stream"),
        (encoded("opus") + b"more", "damaged"),
        (encoded("mp3") + b"more", "damaged"),
        (encoded("mp3") + encoded("mp3", 16_000), "midway"),
        (encoded("flac")[:60], "damaged"),
    ],
)
def test_audio_that_is_empty_or_lies_is_refused(path: Path, content: bytes, says: str) -> None:
    with pytest.raises(BadRecording, match=says):
        inspected(path, content)


@pytest.mark.parametrize("seconds", [2, 3.21, 4.02])
def test_a_gsm_file_of_odd_length_does_not_end_in_a_bang(path: Path, seconds: float) -> None:
    quiet = written(tone(RATE, seconds, 1, level=0.1), RATE, "wav-gsm")
    found = inspected(path, quiet)
    assert found.duration_ms == round(1000 * seconds)
    assert max(json.loads(found.peaks)["data"]["peaks"][0]) < 0.2


def test_a_gsm_file_that_tells_nothing_has_whole_blocks(path: Path) -> None:
    whole = written(tone(RATE, 3.21, 1), RATE, "wav-gsm")
    at = whole.index(b"fact") + 8
    assert inspected(path, whole[:at] + bytes(4) + whole[at + 4 :]).duration_ms == 3240


def test_chunks_around_the_sound_do_no_harm(path: Path) -> None:
    odd = chunk(b"LIST", b"odd") + b"\0"
    found = inspected(path, wav(SOUND, before=odd, behind=odd + chunk(b"bext", bytes(4000))))
    assert found.duration_ms == 500


def test_a_little_junk_behind_the_sound_does_no_harm(path: Path) -> None:
    assert inspected(path, wav(SOUND, behind=bytes(100))).duration_ms == 500


@pytest.mark.parametrize(
    ("before", "behind"),
    [
        (b"", b"TAG" + bytes(125)),
        (b"ID3\x04\x00\x00\x00\x00\x01\x00" + bytes(128), b""),
        (b"", b"APETAGEX" + bytes(60)),
    ],
)
def test_tags_around_mp3_do_no_harm(path: Path, before: bytes, behind: bytes) -> None:
    found = inspected(path, before + encoded("mp3") + behind)
    assert (found.mime_type, found.duration_ms) == ("audio/mpeg", 2000)


def frames_behind_the_tag(mp3: bytes) -> bytes:
    return mp3[mp3.index(mp3[:2], 4) :]


def test_mp3_of_one_bit_rate_needs_no_tag(path: Path) -> None:
    out = io.BytesIO()
    sound = tone(RATE, 3, 1)
    soundfile.write(out, sound, RATE, format="MP3", bitrate_mode="CONSTANT", compression_level=0.5)
    found = inspected(path, frames_behind_the_tag(out.getvalue()))
    assert abs(found.duration_ms - 3000) < 200  # an encoder's silence at both ends


def test_mp3_of_many_bit_rates_needs_a_tag(path: Path) -> None:
    sound = np.concatenate([tone(RATE, 1, 2), np.zeros((RATE, 2), np.float32)])
    with pytest.raises(UnsupportedMedia, match="bit rate"):
        inspected(path, frames_behind_the_tag(written(sound, RATE, "mp3")))


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=3000).filter(lambda each: not each.startswith(MAGIC)))
def test_random_bytes_are_unsupported(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    with pytest.raises(UnsupportedMedia):
        inspected(tmp_path_factory.getbasetemp() / "random", content)


@settings(deadline=None)
@given(st.sampled_from(MAGIC), st.binary(max_size=3000))
def test_random_bytes_behind_a_known_beginning_are_refused(
    tmp_path_factory: pytest.TempPathFactory, magic: bytes, content: bytes
) -> None:
    with pytest.raises((UnsupportedMedia, BadRecording)):
        inspected(tmp_path_factory.getbasetemp() / "random", magic + content)


def test_a_link_is_not_followed(path: Path, tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(wav(SOUND))
    path.symlink_to(tmp_path / "real")
    with pytest.raises(Unavailable):
        inspect(path)


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_what_is_no_file_is_unavailable_at_once(path: Path, make: object) -> None:
    assert callable(make)
    make(path)
    with pytest.raises(Unavailable):
        inspect(path)


def test_a_message_names_no_path(path: Path) -> None:
    for content in (b"", HTML, wav(b"")):
        with pytest.raises(CallreelError) as raised:
            inspected(path, content)
        assert str(path) not in raised.value.message
