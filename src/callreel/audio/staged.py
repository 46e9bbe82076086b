"""Audio on its way into a folder: written, hashed, made durable and put into its place."""

from __future__ import annotations

import hashlib
import io
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from callreel.audio.folder_walk import digest_of
from callreel.disk import NEW, NO_ROOM, sync_folder
from callreel.errors import StorageFull, Unavailable


@contextmanager
def translated() -> Iterator[None]:
    """Turn what the system says of a disk into the archive's own errors.

    Raises:
        StorageFull: the disk, or the share of it, is full.
        Unavailable: anything else went wrong.
    """
    try:
        yield
    except OSError as error:
        if error.errno in NO_ROOM:
            raise StorageFull("There is no room for the audio; tell the operator.") from error
        raise Unavailable("The audio storage failed; tell the operator.") from error


def fault_of(act: Callable[[], object]) -> StorageFull | Unavailable | None:
    """Do something with the disk and return what went wrong, in the archive's own errors."""
    try:
        with translated():
            act()
    except (StorageFull, Unavailable) as fault:
        return fault
    return None


class StagedFile:
    """A temporary file that its writer hashes; see `callreel.audio.Staged`.

    Attributes:
        path: Where it lies for now.
        size: Bytes written so far.
        synced: How many of them are known to be on the disk.
    """

    def __init__(self, path: Path) -> None:
        """Make the file; it must not exist.

        Raises:
            OSError: it cannot be made.
        """
        self.path = path
        self.size = 0
        self.synced = 0
        self._hash = hashlib.sha256()
        # Read-only from birth: the descriptor writes on, and nothing is left to change later.
        self._file: io.FileIO | None = io.FileIO(
            path, "w", opener=lambda name, _: os.open(name, NEW, 0o440)
        )

    def write(self, chunk: bytes) -> None:
        if self._file is None:
            raise ValueError("staged audio was written to after it was kept or dropped")
        rest = memoryview(chunk)
        with translated():
            while rest:
                rest = rest[self._file.write(rest) or 0 :]
        self._hash.update(chunk)
        self.size += len(chunk)

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        file, self._file = self._file, None
        # Dropping is all that is left to do, and a later start retries.
        with suppress(OSError):
            if file is not None:
                file.close()
        with suppress(OSError):
            self.path.unlink(missing_ok=True)

    def sync(self) -> None:
        if self._file is None:
            raise ValueError("staged audio was synced after it was kept or dropped")
        with translated():
            os.fsync(self._file.fileno())
        self.synced = self.size

    def duplicate(self) -> int:
        """Return another descriptor of the file, which lives on when this one is dropped."""
        if self._file is None:
            raise ValueError("staged audio was synced after it was kept or dropped")
        with translated():
            return os.dup(self._file.fileno())

    def hand_over(self) -> Written:
        """Return what was written, for another thread to settle; nothing more can be written.

        Leaving the context no longer closes the file, which the other thread works with.
        """
        file, self._file = self._file, None
        if file is None:
            raise ValueError("staged audio was kept after it was kept or dropped")
        is_synced = self.synced == self.size
        return Written(file, self.path, self.size, self.sha256, is_synced)


@dataclass(frozen=True, slots=True)
class Written:
    """A temporary file that was written to its end.

    Attributes:
        is_synced: Whether it is on the disk already; a second sync would be another flush of it.
    """

    file: io.FileIO
    path: Path
    size: int
    sha256: str
    is_synced: bool

    def settle(self, place: Path) -> None:
        """Put the audio on stable storage, in its place, or leave there the same that is there.

        A file of that name and length is read: one that was damaged since is replaced. Its name is
        on stable storage only once its folder was synced, which one sync does for many.

        Where this fails nothing may be tried again with this file: after a failed fsync the
        system may have dropped the bytes, and would call a second one a success.

        Args:
            place: Where the audio belongs; its folder is there, and that one's name on the disk.

        Raises:
            StorageFull: there is no room.
            Unavailable: the disk failed, or the bytes on it are not as many as were written.
        """
        with translated():
            if not self._is_there(place):
                self._sync()
                self._move(place)

    def _sync(self) -> None:
        if os.fstat(self.file.fileno()).st_size != self.size:
            raise Unavailable("The audio was not written whole; hand it in again.")
        if not self.is_synced:
            os.fsync(self.file.fileno())
        self.file.close()

    def _is_there(self, place: Path) -> bool:
        try:
            found = place.lstat()
        except FileNotFoundError:
            return False
        if not stat.S_ISREG(found.st_mode) or found.st_size != self.size:
            return False
        return digest_of(place, lambda _count: None) == self.sha256

    def _move(self, place: Path) -> None:
        try:
            self.path.rename(place)
        except FileNotFoundError:
            self.path.lstat()  # or all of the store is away: no part of it may be made in its place
            place.parent.mkdir(parents=True, exist_ok=True)
            self.path.rename(place)
            sync_folder(place.parent.parent)


def sync_and_close(descriptor: int) -> None:
    """Bring a file to the disk and close this descriptor of it."""
    with translated():
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
