"""Small disks of their own for a data folder, made and mounted by root."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fcntl import ioctl
from pathlib import Path
from typing import Final

import pytest

_SHUT_DOWN: Final = 0x8004_587D
"""The ioctl that ends ext4 and xfs at once; 2 says that not even the journal is written first."""
_NO_FLUSH: Final = struct.pack("=I", 2)
_TRIES: Final = 50


def needs(*programs: str) -> None:
    """Skip the test where nothing can be mounted, or a program for it is missing."""
    if os.geteuid() != 0:
        pytest.skip("only root mounts disks")
    for each in programs:
        if shutil.which(each) is None:
            pytest.skip(f"{each} is not installed")


class Loop:
    """A disk in a file, whose power can be cut.

    Attributes:
        root: Where it is mounted.
    """

    def __init__(self, kind: str, scratch: Path, mebibytes: int = 320) -> None:
        needs("mount", "losetup", f"mkfs.{kind}")
        self.root = scratch / kind
        self.root.mkdir()
        self._image = scratch / f"{kind}.image"
        with self._image.open("wb") as image:
            image.truncate(mebibytes << 20)
        subprocess.run([f"mkfs.{kind}", "-q", str(self._image)], check=True)
        if not self._mount():
            pytest.skip("this machine mounts no file as a disk")

    def cut(self) -> None:
        """Lose what is not on the disk, as if the power were gone."""
        descriptor = os.open(self.root, os.O_RDONLY)
        try:
            ioctl(descriptor, _SHUT_DOWN, _NO_FLUSH)
        finally:
            os.close(descriptor)

    def restart(self) -> None:
        """Mount it again after a cut; nobody has it open any more."""
        unmount(self.root)
        self._await_end()
        assert self._mount(), "the disk could not be mounted after the cut"

    def _await_end(self) -> None:
        """Wait until no other process keeps the dead disk alive, as a copy of all mounts does."""
        for _ in range(10 * _TRIES):
            if not subprocess.check_output(["losetup", "-j", str(self._image)]):
                return
            time.sleep(0.1)
        raise AssertionError("another process still has the disk mounted")

    def _mount(self) -> bool:
        mount = ["mount", "-o", "loop", str(self._image), str(self.root)]
        return subprocess.run(mount, check=False, stderr=subprocess.DEVNULL).returncode == 0


@contextmanager
def loop(kind: str, scratch: Path) -> Iterator[Loop]:
    """Lend a disk of this kind, `ext4` or `xfs`."""
    made = Loop(kind, scratch)
    try:
        yield made
    finally:
        unmount(made.root)


@contextmanager
def in_memory(scratch: Path, options: str) -> Iterator[Path]:
    """Lend a disk in memory, such as one with `size=12m`."""
    needs("mount")
    root = scratch / "small"
    root.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(root)]
    if subprocess.run(mount, check=False, stderr=subprocess.DEVNULL).returncode:
        pytest.skip("this machine mounts no disk in memory")
    try:
        yield root
    finally:
        unmount(root)


def unmount(root: Path) -> None:
    """Take a disk away once the last process of a server that was killed has let go of it."""
    for _ in range(_TRIES):
        if subprocess.run(["umount", str(root)], check=False, capture_output=True).returncode == 0:
            return
        time.sleep(0.1)  # the kernel tells nobody when a mount is no longer busy
    raise AssertionError("the disk is still in use")


def fill(path: Path) -> None:
    """Write until nothing more goes onto the disk."""
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(b"x" * 4096):
            pass
