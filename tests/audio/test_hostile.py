"""Audio made to break its reader: it is measured or refused, and harms nothing."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from audio.sound_files import FORMATS, encoded
from callreel.audio.worker import ChildSoundWorker
from callreel.errors import BadRecording, UnsupportedMedia


def hostile(seed: int) -> bytes:
    """Return a file of some format with a part missing, changed, doubled or moved."""
    chance = random.Random(seed)
    content = bytearray(encoded(chance.choice(list(FORMATS)), seconds=0.5))
    for _ in range(chance.choice([1, 1, 3, 20])):
        at = chance.randrange(min(len(content), chance.choice([64, 10_000])))
        match chance.randrange(5):
            case 0:
                content[at] ^= 1 << chance.randrange(8)
            case 1:
                content[at : at + 4] = chance.choice([b"\0" * 4, b"\xff" * 4, b"\x7f\xff\xff\xff"])
            case 2:
                del content[at : at + chance.randrange(1, 200)]
            case 3:
                content[at:at] = chance.randbytes(chance.randrange(1, 200))
            case _:
                content[at:at] = content[: chance.randrange(200)]
        if not content:
            break
    return bytes(content)


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
