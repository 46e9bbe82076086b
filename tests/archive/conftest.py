from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from archive.backed_up import BackedUp, Quick
from callreel.archive.backups.folder import BackupFolder
from house import House


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with asyncio.Runner() as runner:
        made = House(runner, tmp_path)
        yield made
        runner.run(made.archive.close())


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[BackedUp]:
    """An archive in `data`, with its backups beside."""
    (tmp_path / "data").mkdir()
    with asyncio.Runner() as runner:
        made = House(runner, tmp_path / "data")
        made.archive = replace(made.archive, sound=Quick())
        yield BackedUp(made, tmp_path / "data", BackupFolder(tmp_path / "backups"))
        runner.run(made.archive.close())
