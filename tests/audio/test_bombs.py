from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from audio.hostile_files import bomb, hostile, read_all
from audio.sound_files import chunk, wav
from callreel.audio import Format

PLAYLISTS = (
    b"#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:1.0,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
    b"ffconcat version 1.0\nfile '/etc/passwd'\n",
    b"[playlist]\nFile1=http://127.0.0.1:1/\nNumberOfEntries=1\n",
    b"RIFF\x24\x00\x00\x00WAVE#EXTM3U\nfile:///etc/passwd\n",
)
LIES = (
    wav(bytes(400), says=0xFFFF_FFF0),
    wav(bytes(400), channels=65_535),
    wav(bytes(400), rate=0),
    wav(bytes(400), rate=0xFFFF_FFFF),
    chunk(b"RIFF", b"WAVE" + chunk(b"fmt ", bytes(40)) * 1_000),
    b"fLaC\x00\x00\x00\x22" + b"\xff" * 34,
    b"OggS\x00\x02" + b"\xff" * 300,
    b"\xff\xfb\x90\x64" * 3_000,
    b"ID3\x04\x00\x00\x7f\x7f\x7f\x7f" + bytes(400),
)


def test_hostile_audio_is_measured_and_converted_or_refused(tmp_path: Path) -> None:
    outcomes = asyncio.run(read_all(map(hostile, range(1_000, 1_080)), tmp_path))
    assert outcomes.counts["done"]
    assert outcomes.counts["BadRecording"]
    assert outcomes.too_large == 0
    assert outcomes.counts.keys() <= {"done", "BadRecording", "UnsupportedMedia", "lost"}


def test_playlists_and_headers_that_lie_are_refused_by_every_reader(tmp_path: Path) -> None:
    files = (*PLAYLISTS, *LIES)
    outcomes = asyncio.run(read_all(files, tmp_path))
    assert outcomes.counts.keys() == {"BadRecording", "UnsupportedMedia"}
    assert sum(outcomes.counts.values()) == 4 * len(files)


@pytest.mark.parametrize(
    ("name", "times"),
    [("flac", 100), ("opus", 70), ("vorbis", 70), ("mp3", 8), ("wav-gsm", 9), ("wav-ima", 3)],
)
def test_silence_in_a_few_bytes_is_measured_and_writes_no_more_than_it_may(
    tmp_path: Path, name: str, times: int
) -> None:
    packed = bomb(name, 600)
    assert len(packed) * times < 600 * 8_000 * 2
    outcomes = asyncio.run(read_all([packed], tmp_path, [Format.WAV]))
    assert outcomes.counts == {"done": 1, "lost": 1}  # as WAV it would be 9.6 MB, and 8 are allowed
    assert outcomes.too_large == 0
