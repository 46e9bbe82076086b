from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from archive.backed_up import BackedUp, Quick
from archive.imports import Machine, fill
from callreel.archive.backups.bucket import BucketDestination
from callreel.archive.backups.folder import FolderDestination
from callreel.archive.backups.repository import Repository
from endpoints.s3 import S3Server, s3_server
from house import House


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with asyncio.Runner() as runner:
        made = House(runner, tmp_path)
        yield made
        runner.run(made.archive.close())


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with three recordings that a FreePBX left behind."""
    folder = tmp_path / "monitor"
    fill(folder, 3)
    return folder


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    """One that opens archives in any folder and imports into them."""
    with asyncio.Runner() as runner:
        made = Machine(runner)
        yield made
        made.close()


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with s3_server(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture
def in_folder(tmp_path: Path) -> Iterator[BackedUp]:
    """An archive in `data`, with its backups in a folder beside."""
    root = tmp_path / "backups"
    with _house(tmp_path / "data") as made:
        yield BackedUp(made, tmp_path / "data", Repository(FolderDestination(root)), root)


@pytest.fixture
def in_bucket(tmp_path: Path, s3: S3Server) -> Iterator[BackedUp]:
    """An archive in `data`, with its backups in a bucket."""
    name = f"bucket-{tmp_path.name.replace('_', '-')[-40:].strip('-').lower()}"
    root = s3.new_bucket(name)
    destination = BucketDestination(s3.bucket(name), tmp_path / "data" / "uploading")
    with _house(tmp_path / "data") as made:
        yield BackedUp(made, tmp_path / "data", Repository(destination), root)


@pytest.fixture(params=["in_folder", "in_bucket"])
def archive(request: pytest.FixtureRequest) -> BackedUp:
    """An archive in `data`, with its backups wherever these may be."""
    found: BackedUp = request.getfixturevalue(request.param)
    return found


@contextmanager
def _house(data: Path) -> Iterator[House]:
    data.mkdir()
    with asyncio.Runner() as runner:
        made = House(runner, data)
        made.archive = replace(made.archive, sound=Quick())
        yield made
        runner.run(made.archive.close())
