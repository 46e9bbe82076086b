"""A worker and a file for it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from audio.sound_files import encoded
from callreel.audio.worker import ChildSoundWorker


@pytest.fixture(scope="module")
def sound() -> Iterator[ChildSoundWorker]:
    """A worker that goes through all that follows."""
    made = ChildSoundWorker()
    yield made
    asyncio.run(made.close())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "audio"
    made.write_bytes(encoded("wav-alaw"))
    return made
