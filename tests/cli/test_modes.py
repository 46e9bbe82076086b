"""What is kept is nobody else's, also in a folder that was there and that others may look into."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli_runs import Command
from support import a_sound, ended_export, serve


@pytest.fixture
def usual_umask() -> Iterator[None]:
    kept = os.umask(0o022)
    yield
    os.umask(kept)


def open_to_others(folder: Path) -> list[str]:
    """Return the files below a folder that every user of the machine can read or write."""
    found = []
    for at, folders, files in os.walk(folder):
        folders[:] = [each for each in folders if (Path(at) / each).stat().st_mode & 0o001]
        found += [each for each in files if (Path(at) / each).stat().st_mode & 0o006]
    return found


def test_no_file_of_an_archive_or_a_backup_is_open_to_others(
    data: Path, tmp_path: Path, usual_umask: None, callreel: Command
) -> None:
    backup = tmp_path / "backup"
    for folder in (data, backup):
        folder.mkdir()
        folder.chmod(0o755)
    with serve(data) as server:
        server.add(a_sound(tmp_path))
        order = server.ask("POST", "/export", json={"format": "jsonl"}).json()["data"]["id"]
        ended_export(server, order)
        assert open_to_others(data) == []
        assert callreel("backup", str(backup)).code == 0
    assert callreel("verify").code == 0
    assert open_to_others(data) == []
    assert open_to_others(backup) == []
