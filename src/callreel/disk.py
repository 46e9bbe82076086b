"""What is asked of the system in one way everywhere: a sync of the disk, a lock on a file."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


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
