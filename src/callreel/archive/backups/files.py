"""Copying files of which the content is known by its digest."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from callreel.archive.backups import Item
from callreel.disk import (
    NEW,
    NO_ROOM,
    READ,
    closed_to_others,
    free_bytes,
    is_locked_by_us,
    sync_folder,
)
from callreel.errors import Misconfigured, StorageFull

CHUNK: Final = 1 << 20
MIB: Final = 1 << 20
_ON_ITS_WAY: Final = re.compile(
    r"first|[0-9a-f]{32}|callreel\.db(\.new(-journal)?)?|files\.sha256|manifest\.json"
    r"|earlier(\.new)?|unused|callreel-backups"
)
_LINE: Final = re.compile(r"([0-9a-f]{64})  (\S+)")
_NO_LIST: Final = "A list of files of the backups cannot be read."
_LOST: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EISDIR, errno.EIO})


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Say in our words why a folder cannot be used.

    Args:
        what: Which, such as "The folder of backups".

    Raises:
        StorageFull: there is no room.
        Misconfigured: anything else, also where a file of ours that was there is lost.
    """
    try:
        yield
    except LostError as error:
        raise Misconfigured(f"{what} cannot be used: a file in it is lost.") from error
    except OSError as error:
        if error.errno in NO_ROOM:
            raise StorageFull(f"{what} has no room; make some, and run it again.") from error
        why = (error.strerror or "it failed").lower()
        raise Misconfigured(f"{what} cannot be used: {why}.") from error


@contextmanager
def only_one(lock: Path, what: str) -> Iterator[None]:
    """Hold a lock that only one backup can have.

    Raises:
        Misconfigured: another has it, or the file cannot be made.
    """
    with explained(what):
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        with explained(what):
            if not is_locked_by_us(descriptor):
                raise Misconfigured("Another backup into this place is running; wait for it.")
        yield
    finally:
        os.close(descriptor)


def clear(scratch: Path) -> None:
    """Make a folder for what is on its way, and drop what a backup left there.

    Raises:
        OSError: it cannot be made or used.
    """
    scratch.mkdir(mode=0o700, exist_ok=True)
    for each in scratch.iterdir():
        if _ON_ITS_WAY.fullmatch(each.name):
            each.unlink()


def is_left(scratch: Path) -> bool:
    """Say whether there is something in such a folder that a backup left, or works on.

    Raises:
        OSError: it is not there, or cannot be used.
    """
    return any(_ON_ITS_WAY.fullmatch(each.name) for each in scratch.iterdir())


def require_room(size: int, scratch: Path, reserve: int) -> None:
    """Raise StorageFull where a copy of the database would take what is to stay free on its disk.

    Args:
        size: Bytes of the copy.
        scratch: The folder it comes into.
        reserve: Bytes that stay free; 0 where the disk may be filled.

    Raises:
        StorageFull: it would.
        OSError: the folder cannot be used.
    """
    missing = size + reserve - free_bytes(scratch)
    if reserve and missing > 0:
        raise StorageFull(
            f"The copy of the database, {size / MIB:,.1f} MiB, has no room beside "
            f"CALLREEL_FREE_SPACE_RESERVE on the disk of the data folder; free {missing / MIB:,.1f}"
            " MiB there, or lower that setting."
        )


class Tree:
    """A folder below which files are put, and which knows the folders that got new names."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._folders: set[Path] = set()

    def make(self, folder: Path) -> None:
        """Make a folder in which a file gets its name; may be called in several threads."""
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        while folder not in self._folders:
            self._folders.add(folder)
            if folder == self._root:
                break
            folder = folder.parent

    def sync(self) -> None:
        """Bring the names of all that was put to the disk.

        Raises:
            OSError: the disk failed.
        """
        for folder in sorted(self._folders, reverse=True):
            sync_folder(folder)
        self._folders.clear()  # some may be removed before there are names to be synced again


class LostError(Exception):
    """What is to be copied is not to be had."""


@contextmanager
def reading() -> Iterator[None]:
    """Say in our words why a file that is to be copied cannot be read.

    Raises:
        LostError: it is gone or unreadable.
        Misconfigured: it is there, and we are not let read it.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _LOST:
            raise LostError from error
        why = (error.strerror or "it failed").lower()
        raise Misconfigured(
            f"A file that is to be copied cannot be read: {why}; do it as the user whom it is of."
        ) from error


def chunks_of(path: Path) -> Iterator[bytes]:
    """Yield the bytes of a file in chunks; where the system lets us, as they are on the disk.

    Raises:
        LostError: it is gone or unreadable.
        Misconfigured: it is there, and we are not let read it.
    """
    with reading():
        descriptor = os.open(path, READ)
    try:
        # What was synced need not be kept in memory: without it, the disk itself is read.
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        while chunk := _chunk(descriptor):
            yield chunk
    finally:
        os.close(descriptor)


def sha256_of(path: Path) -> str:
    """Return the hex digest of a file; raises as `chunks_of` does."""
    return digest_of(chunks_of(path))


def digest_of(chunks: Iterable[bytes]) -> str:
    """Return the hex digest of what comes in chunks."""
    digest = hashlib.sha256()
    for each in chunks:
        digest.update(each)
    return digest.hexdigest()


def write_lines(path: Path, lines: Iterable[str], mode: str = "w") -> None:
    """Write lines that end as such into a file, and bring it to the disk.

    Raises:
        OSError: it cannot be written.
    """
    with open(path, mode, encoding="ascii", opener=closed_to_others) as file:
        file.writelines(lines)
        file.flush()
        os.fsync(file.fileno())


def is_content(chunks: Iterable[bytes], sha256: str) -> bool:
    """Say whether a file is there and has a digest."""
    try:
        return digest_of(chunks) == sha256
    except LostError:
        return False


def content_of(path: Path, sha256: str, *, at_most: int) -> tuple[int, bytes | Path]:
    """Return the length of a file that has a digest, and its bytes, or its path if they are many.

    Raises:
        LostError: it is gone, unreadable or another.
        Misconfigured: it is there, and we are not let read it.
    """
    digest, kept, size = hashlib.sha256(), bytearray(), 0
    for each in chunks_of(path):
        digest.update(each)
        size += len(each)
        if size <= at_most:
            kept += each
    if digest.hexdigest() != sha256:
        raise LostError
    return size, bytes(kept) if size <= at_most else path


def copy(chunks: Iterable[bytes], scratch: Path, place: Path, sha256: str) -> bool:
    """Make a file of chunks, unless it is lost: gone, unreadable, or other than it should be.

    It is on the disk when this returns, but its name may not be: sync the folder.

    Args:
        chunks: What to copy.
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
        if _written(chunks, half) != sha256:
            return False
        if sha256_of(half) != sha256:
            raise OSError(errno.EIO, "What was written is not what is on the disk")
        half.rename(place)
    except LostError:
        return False
    finally:
        with suppress(OSError):
            half.unlink(missing_ok=True)
    return True


def read_items(chunks: Iterable[bytes]) -> Iterator[Item]:
    """Yield what is in a list of files.

    Raises:
        Misconfigured: it is no such list.
        LostError: it is gone.
    """
    for each in lines_of(chunks):
        match = _LINE.fullmatch(each)
        if match is None:
            raise Misconfigured(_NO_LIST)
        yield Item(match[2], match[1])


def lines_of(chunks: Iterable[bytes]) -> Iterator[str]:
    """Yield the lines of a list, without their ends; what is no ASCII becomes a mark.

    Raises:
        Misconfigured: the last one has no end.
        LostError: it is gone.
    """
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        yield from (each.decode("ascii", "replace") for each in lines)
    if rest:
        raise Misconfigured(_NO_LIST)


def _written(chunks: Iterable[bytes], target: Path) -> str:
    digest = hashlib.sha256()
    with os.fdopen(os.open(target, NEW, 0o440), "wb", buffering=0) as file:
        for chunk in chunks:
            digest.update(chunk)
            _write_all(file.fileno(), chunk)
        os.fsync(file.fileno())
    return digest.hexdigest()


def _chunk(descriptor: int) -> bytes:
    with reading():
        return os.read(descriptor, CHUNK)


def _write_all(descriptor: int, chunk: bytes) -> None:
    rest = memoryview(chunk)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
