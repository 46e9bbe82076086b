from __future__ import annotations

import errno
import os
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock, patch

import pytest

from callreel.doctor import Diagnosis, Level, disk
from callreel.doctor.disk import look_at_disk, look_at_folder, look_at_room

MIB = 1 << 20


def levels(diagnoses: object) -> dict[str, Level]:
    assert isinstance(diagnoses, list)
    return {each.what: each.level for each in diagnoses}


@pytest.mark.parametrize(
    ("kind", "level", "says"),
    [
        ("ext4", Level.OK, "ext4"),
        ("xfs", Level.OK, "xfs"),
        ("nfs4", Level.WARNING, "local disk"),
        ("cifs", Level.WARNING, "local disk"),
        ("smb3", Level.WARNING, "local disk"),
        ("9p", Level.WARNING, "local disk"),
        ("fuse.sshfs", Level.WARNING, "local disk"),
        ("fuseblk", Level.WARNING, "local disk"),
        ("tmpfs", Level.WARNING, "memory"),
        ("ramfs", Level.WARNING, "memory"),
        ("overlay", Level.WARNING, "container"),
    ],
)
def test_file_systems_that_do_not_keep_what_was_promised_are_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, level: Level, says: str
) -> None:
    (tmp_path / "table").write_text(f"27 1 254:0 / / rw - {kind} some rw\n")
    monkeypatch.setattr(disk, "MOUNTS", tmp_path / "table")
    found = look_at_disk("data folder", tmp_path)
    assert (found.what, found.level) == ("data folder", level)
    assert says in found.says


def test_a_file_system_that_is_read_only_is_bad(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "table").write_text("27 1 254:0 / / ro - ext4 /dev/vda rw\n")
    monkeypatch.setattr(disk, "MOUNTS", tmp_path / "table")
    assert look_at_disk("data folder", tmp_path).level is Level.BAD


@pytest.mark.parametrize("table", ["", None])
def test_a_file_system_that_cannot_be_told_is_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: str | None
) -> None:
    if table is not None:
        (tmp_path / "table").write_text(table)
    monkeypatch.setattr(disk, "MOUNTS", tmp_path / "table")
    assert look_at_disk("data folder", tmp_path).level is Level.WARNING


def test_this_machines_own_table_is_understood(tmp_path: Path) -> None:
    assert "cannot be told" not in look_at_disk("data folder", tmp_path).says


@pytest.mark.parametrize(
    ("mode", "level"),
    [(0o700, Level.OK), (0o750, Level.OK), (0o755, Level.WARNING), (0o701, Level.WARNING)],
)
def test_a_folder_that_everybody_can_look_into_is_warned_of(
    tmp_path: Path, mode: int, level: Level
) -> None:
    tmp_path.chmod(mode)
    assert levels([*look_at_folder(tmp_path)]) == {
        "owner": Level.OK,
        "permissions": level,
        "writing": Level.OK,
    }
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_another_user_is_warned_of(tmp_path: Path) -> None:
    with patch("os.geteuid", return_value=os.geteuid() + 1):
        assert levels([*look_at_folder(tmp_path)])["owner"] is Level.WARNING


def test_a_disk_that_cannot_be_synced_is_bad(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = OSError(errno.EIO, os.strerror(errno.EIO))
    monkeypatch.setattr(os, "fsync", Mock(side_effect=failed))
    (writing,) = (each for each in look_at_folder(tmp_path) if each.what == "writing")
    assert writing == Diagnosis(
        "writing",
        Level.BAD,
        "The data folder cannot be written to: input/output error; mend it.",
    )


@pytest.mark.parametrize(
    ("free", "level"),
    [(99, Level.BAD), (100, Level.WARNING), (199, Level.WARNING), (200, Level.OK)],
)
def test_free_space_is_compared_with_the_reserve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, level: Level
) -> None:
    made = SimpleNamespace(f_bavail=free, f_frsize=MIB, f_files=0, f_favail=0)
    monkeypatch.setattr(os, "statvfs", Mock(return_value=made))
    assert levels([*look_at_room(tmp_path, 100 * MIB)]) == {
        "free space": level,
        "free inodes": Level.OK,
    }


@pytest.mark.parametrize(
    ("free", "level"),
    [(0, Level.BAD), (15, Level.BAD), (16, Level.WARNING), (31, Level.WARNING), (32, Level.OK)],
)
def test_a_full_disk_is_bad_also_without_a_reserve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, level: Level
) -> None:
    made = SimpleNamespace(f_bavail=free, f_frsize=MIB, f_files=0, f_favail=0)
    monkeypatch.setattr(os, "statvfs", Mock(return_value=made))
    assert levels([*look_at_room(tmp_path, 0)])["free space"] is level


@pytest.mark.parametrize(("left", "level"), [(9_999, Level.WARNING), (10_000, Level.OK)])
def test_few_inodes_are_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: int, level: Level
) -> None:
    made = SimpleNamespace(f_bavail=1000, f_frsize=MIB, f_files=50_000, f_favail=left)
    monkeypatch.setattr(os, "statvfs", Mock(return_value=made))
    assert levels([*look_at_room(tmp_path, 0)])["free inodes"] is level
