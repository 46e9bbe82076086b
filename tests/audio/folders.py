"""What tests of the folder look at: where audio lies, and what is brought to the disk."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from contracts.audio_case import TENANT, key_of


def place_of(root: Path, content: bytes) -> Path:
    digest = key_of(content).sha256
    return root / str(TENANT) / digest[:2] / digest


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and path.suffix == ""]


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


class FailingSync:
    """os.fsync that fails for one kind of file, and counts."""

    def __init__(self, code: int, *, of_folders: bool) -> None:
        self.failures = 0
        self._code = code
        self._of_folders = of_folders
        self._fsync = os.fsync

    def __call__(self, descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode) == self._of_folders:
            self.failures += 1
            raise OSError(self._code, os.strerror(self._code))
        self._fsync(descriptor)


class NotedSync:
    """os.fsync that notes of what."""

    def __init__(self) -> None:
        self.paths: list[Path] = []
        self._fsync = os.fsync

    def __call__(self, descriptor: int) -> None:
        self.paths.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        self._fsync(descriptor)


def note_syncs(monkeypatch: pytest.MonkeyPatch) -> NotedSync:
    """Note from now on what is brought to the disk."""
    noted = NotedSync()
    monkeypatch.setattr(os, "fsync", noted)
    return noted
