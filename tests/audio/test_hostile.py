"""Audio made to break its reader: it is measured or refused, and harms nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from audio.hostile_files import hostile
from audio.sound_files import encoded
from callreel.audio.worker import ChildSoundWorker
from callreel.errors import BadRecording, UnsupportedMedia


@pytest.mark.parametrize("part", range(4))
def test_hostile_audio_is_measured_or_refused_and_harms_nothing(
    sound: ChildSoundWorker, path: Path, part: int
) -> None:
    outcomes: list[bool] = []
    for seed in range(part * 100, part * 100 + 100):
        path.write_bytes(hostile(seed))
        try:
            outcomes.append(asyncio.run(sound.inspect(path)).channels > 0)
        except (BadRecording, UnsupportedMedia):
            outcomes.append(False)
    assert set(outcomes) == {True, False}
    path.write_bytes(encoded("wav-gsm"))
    assert asyncio.run(sound.inspect(path)).duration_ms == 2000
