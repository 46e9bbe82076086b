"""A worker with a file for it, and a folder."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from audio.sound_files import encoded
from callreel.audio.folder import FolderStore
from callreel.audio.worker import ChildSoundWorker


@pytest.fixture(scope="module")
def sound() -> Iterator[ChildSoundWorker]:
    """A worker that goes through all that follows."""
    made = ChildSoundWorker()
    yield made
    asyncio.run(made.close())


@pytest.fixture
def fresh() -> Iterator[ChildSoundWorker]:
    """A worker of which nothing was asked yet."""
    made = ChildSoundWorker(inspect_seconds=20)
    yield made
    asyncio.run(made.close())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "audio"
    made.write_bytes(encoded("wav-alaw"))
    return made


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "audio"


@pytest.fixture
def store(root: Path) -> FolderStore:
    return FolderStore(root, 0)
