"""What is asked of the system in one way everywhere: opening, syncing and locking files."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path
from typing import Final

NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""What the system says where a disk, or the share of it, is full."""
NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
"""Opens a file that is to be made, and fails where anything has its name."""
READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
"""Opens a file that is there, and fails where the name is a link."""


def closed_to_others(name: str, flags: int) -> int:
    """Open a file; one that is made so, its user may write and its group read, and nobody else.

    Given to `open` as the opener, for folders that every user of the machine may look into.

    Raises:
        OSError: it cannot be opened.
    """
    return os.open(name, flags | os.O_CLOEXEC, 0o640)


def sync_file(path: Path) -> None:
    """Bring a file that was written and closed to the disk.

    Raises:
        OSError: it cannot be opened, or the disk failed.
    """
    _sync(path, os.O_RDONLY)


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk.

    Raises:
        OSError: it cannot be opened, or the disk failed.
    """
    _sync(folder, os.O_RDONLY | os.O_DIRECTORY)


def free_bytes(folder: Path) -> int:
    """Return how many bytes there is room for on the file system of a folder, for this user.

    Raises:
        OSError: it cannot be asked.
    """
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize


def is_locked_by_us(descriptor: int) -> bool:
    """Take the lock of an open file where nobody has it, and say whether it is ours.

    The kernel frees it when the descriptor is closed, however its process ends.

    Raises:
        OSError: the file system has no locks.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
