"""Copying files of which the content is known by its digest."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from callreel.disk import NEW, NO_ROOM, READ
from callreel.errors import Misconfigured, StorageFull

CHUNK: Final = 1 << 20
_LOST: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EISDIR, errno.EIO})


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Say in our words why a folder cannot be used.

    Args:
        what: Which, such as "The folder of backups".

    Raises:
        StorageFull: there is no room.
        Misconfigured: anything else.
    """
    try:
        yield
    except OSError as error:
        if error.errno in NO_ROOM:
            raise StorageFull(f"{what} has no room; make some, and run it again.") from error
        why = (error.strerror or "it failed").lower()
        raise Misconfigured(f"{what} cannot be used: {why}.") from error


def sha256_of(path: Path) -> str:
    """Return the hex digest of a file; where the system lets us, as it is on the disk."""
    digest = hashlib.sha256()
    descriptor = os.open(path, READ)
    try:
        # What was synced need not be kept in memory: without it, the disk itself is read.
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        while chunk := os.read(descriptor, CHUNK):
            digest.update(chunk)
    finally:
        os.close(descriptor)
    return digest.hexdigest()


def copy(source: Path, scratch: Path, place: Path, sha256: str) -> bool:
    """Copy a file, unless it is lost: gone, unreadable, or other than it should be.

    It is on the disk when this returns, but its name may not be: sync the folder.

    Args:
        source: What to copy.
        scratch: A folder on the file system of `place`, for what is on its way.
        place: What to make, in a folder that is there.
        sha256: Hex digest that the content should have, and the copy too when it is read back.

    Returns:
        Whether it was copied.

    Raises:
        OSError: nothing can be written.
        Misconfigured: it is there, and we are not let read it.
    """
    half = scratch / secrets.token_hex(16)
    try:
        with _reading():
            reading = os.open(source, READ)
        try:
            if _written(reading, half) != sha256:
                return False
        finally:
            os.close(reading)
        if sha256_of(half) != sha256:
            raise OSError(errno.EIO, "What was written is not what is on the disk")
        half.rename(place)
    except _LostError:
        return False
    finally:
        with suppress(OSError):
            half.unlink(missing_ok=True)
    return True


class _LostError(Exception):
    """What is to be copied is not to be had."""


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _LOST:
            raise _LostError from error
        why = (error.strerror or "it failed").lower()
        raise Misconfigured(
            f"A file that is to be copied cannot be read: {why}; do it as the user whom it is of."
        ) from error


def _written(reading: int, target: Path) -> str:
    digest = hashlib.sha256()
    with os.fdopen(os.open(target, NEW, 0o440), "wb", buffering=0) as file:
        while chunk := _chunk(reading):
            digest.update(chunk)
            _write_all(file.fileno(), chunk)
        os.fsync(file.fileno())
    return digest.hexdigest()


def _chunk(reading: int) -> bytes:
    with _reading():
        return os.read(reading, CHUNK)


def _write_all(descriptor: int, chunk: bytes) -> None:
    rest = memoryview(chunk)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
