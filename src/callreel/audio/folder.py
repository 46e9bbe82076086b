"""Audio in a folder: one file a digest, put into place whole or not at all.

    <root>/<tenant>/<ab>/<sha256>                   audio, read-only
    <root>/derived/<tenant>/<ab>/<sha256>.<name>    what can be made of it again
    <root>/tmp/                                     what is on its way in

<ab> is the beginning of the digest: 256 folders keep each one small, and are soon all there, so
that taking in seldom has to bring a new folder to the disk.

Nothing that a client says becomes part of a path. Temporary files lie on the same file system
as their places, so that a rename puts them there at once.
"""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import stat
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    asynccontextmanager,
    contextmanager,
    suppress,
)
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Final, TypeVar

from callreel.audio import AudioKey, Part, Staged, Stored
from callreel.audio.folder_walk import BATCH, digest_of, still_there, things_in
from callreel.audio.locks import SharedLock
from callreel.audio.staged import StagedFile, Written, fault_of, sync_and_close, translated
from callreel.disk import READ, free_bytes, sync_folder
from callreel.errors import NotFound, StorageFull, Unavailable
from callreel.waiting import to_its_end

CHUNK: Final = 256 * 1024
STALE_SECONDS: Final = 3600
T = TypeVar("T")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_NAME: Final = re.compile(r"[a-z0-9]+(\.[a-z0-9]+)*")
_SUFFIX: Final = re.compile(r"(\.[a-z0-9]+)*")


class FolderStore:
    """An `AudioStore` in a folder of the machine; several processes may share it."""

    def __init__(self, root: Path, reserve_bytes: int) -> None:
        """Make the folder where there is none, and drop what a crash left on its way in.

        Args:
            root: The folder.
            reserve_bytes: Free bytes of the file system below which nothing is taken in.

        Raises:
            Unavailable: the folder cannot be made or written to.
            StorageFull: there is no room for it.
        """
        self._root = root
        self._tmp = root / "tmp"
        self._reserve = reserve_bytes
        self._prepared: set[Path] = set()
        with translated():
            root.mkdir(mode=0o750, parents=True, exist_ok=True)
            sync_folder(root.parent)
            self._tmp.mkdir(exist_ok=True)
            _drop_stale(self._tmp)
            self._erasing = SharedLock(root / "erase.lock", root / "erase.turn")

    def stage(self) -> Staged:
        with translated():
            self._require_room()
            return StagedFile(self.scratch(""))

    async def sync(self, staged: Staged) -> None:
        file = _own(staged)
        written = file.size
        await _in_a_thread(partial(sync_and_close, file.duplicate()))
        file.synced = written

    async def keep(self, staged: Staged, key: AudioKey) -> None:
        (fault,) = await self.keep_all([(staged, key)])
        if fault is not None:
            raise fault

    async def keep_all(
        self, arriving: Sequence[tuple[Staged, AudioKey]]
    ) -> list[StorageFull | Unavailable | None]:
        written = [(_own(staged).hand_over(), self._place(key)) for staged, key in arriving]
        return await _in_a_thread(partial(self._keep_all, written))

    def _keep_all(
        self, arriving: Sequence[tuple[Written, Path]]
    ) -> list[StorageFull | Unavailable | None]:
        faults = [fault_of(partial(self._settle, *each)) for each in arriving]
        # Also of what was there: who put it there may have died before its name was on the disk.
        parents = [place.parent for _, place in arriving]
        folders = {each for each, fault in zip(parents, faults, strict=True) if fault is None}
        unsynced = {each: fault_of(partial(sync_folder, each)) for each in folders}
        return [fault or unsynced[each] for each, fault in zip(parents, faults, strict=True)]

    def _settle(self, written: Written, place: Path) -> None:
        with written.file:
            self._prepare(place.parent.parent)
            written.settle(place)

    def _prepare(self, folder: Path) -> None:
        """Make all folders of a tenant at once: one of its own would cost nearly every upload.

        That they are there does not say that their names are on the disk: who made them may not
        have come to that yet. So each process sees to it once.
        """
        if folder in self._prepared:
            return
        with translated():
            for parent in (folder, self._root / "derived" / folder.name):
                for number in range(256):
                    (parent / f"{number:02x}").mkdir(parents=True, exist_ok=True)
            sync_folder(folder)
            sync_folder(self._root)
        self._prepared.add(folder)

    async def size(self, key: AudioKey) -> int | None:
        return await asyncio.to_thread(_size, self._place(key))

    async def sizes(self, keys: Sequence[AudioKey]) -> list[int | None]:
        places = [self._place(key) for key in keys]
        return await asyncio.to_thread(lambda: [_size(place) for place in places])

    async def walk(self) -> AsyncIterator[list[Stored]]:
        things = things_in(self._root)
        with translated():
            while batch := await asyncio.to_thread(lambda: list(islice(things, BATCH))):
                yield batch

    async def digests(
        self, keys: Sequence[AudioKey], read: Callable[[int], None]
    ) -> list[str | None]:
        places = [self._place(key) for key in keys]
        return await asyncio.to_thread(lambda: [digest_of(place, read) for place in places])

    async def again(self, things: Sequence[Stored]) -> list[Stored]:
        with translated():
            return await asyncio.to_thread(still_there, self._root, things)

    async def drop(self, stored: Stored) -> None:
        if stored.part not in {Part.DERIVED, Part.ON_ITS_WAY}:
            raise ValueError("only what is no audio is dropped by its place")
        with translated():
            await asyncio.to_thread((self._root / stored.place).unlink, missing_ok=True)

    async def read(self, key: AudioKey, start: int, end: int) -> AsyncIterator[bytes]:
        place = self._place(key)
        while start < end:
            chunk = await asyncio.to_thread(_read_at, place, start, min(end - start, CHUNK))
            start += len(chunk)
            yield chunk

    def local(self, key: AudioKey) -> AbstractAsyncContextManager[Path]:
        return self._lent(key)

    @asynccontextmanager
    async def _lent(self, key: AudioKey) -> AsyncIterator[Path]:
        if await self.size(key) is None:
            raise _not_found()
        yield self._place(key)

    async def remove(self, key: AudioKey) -> None:
        await asyncio.to_thread(_remove, self._place(key), self._derived_folder(key))

    async def derived(self, key: AudioKey, name: str) -> Path | None:
        place = self._derived_place(key, name)
        # A power cut can leave the name without its bytes: what is empty was never finished.
        return place if await asyncio.to_thread(_size, place) else None

    def scratch(self, suffix: str) -> Path:
        if not _SUFFIX.fullmatch(suffix):
            raise ValueError(f"not a suffix: {suffix!r}")
        return self._tmp / (secrets.token_hex(16) + suffix)

    async def keep_derived(self, key: AudioKey, name: str, made: Path | bytes) -> Path:
        place = self._derived_place(key, name)
        await asyncio.to_thread(self._keep_derived, made, place, self._place(key))
        return place

    async def keep_derived_all(self, made: Sequence[tuple[AudioKey, str, bytes]]) -> None:
        jobs = [
            (content, self._derived_place(key, name), self._place(key))
            for key, name, content in made
        ]
        await asyncio.to_thread(self._keep_derived_all, jobs)

    def _keep_derived_all(self, jobs: Sequence[tuple[bytes, Path, Path]]) -> None:
        for job in jobs:
            with suppress(NotFound):
                self._keep_derived(*job)

    def _keep_derived(self, made: Path | bytes, place: Path, audio: Path) -> None:
        path = made if isinstance(made, Path) else self.scratch("")
        with translated(), _dropped_on_failure(path):
            if isinstance(made, bytes):
                path.write_bytes(made)
            _move_derived(path, place, audio)

    def taking_in(self) -> AbstractAsyncContextManager[None]:
        return self._erasing.shared()

    def removing(self) -> AbstractAsyncContextManager[None]:
        return self._erasing.alone()

    async def check(self) -> None:
        await asyncio.to_thread(self._check)

    def _check(self) -> None:
        with translated():
            self._require_room()
            with StagedFile(self.scratch("")) as staged:
                staged.write(b"ready")

    def _require_room(self) -> None:
        if free_bytes(self._tmp) < self._reserve:
            raise StorageFull("There is no room for more audio; tell the operator to make some.")

    def _place(self, key: AudioKey) -> Path:
        return self._root / f"{_folder(key)}/{key.sha256}"

    def _derived_folder(self, key: AudioKey) -> Path:
        return self._root / f"derived/{_folder(key)}"

    def _derived_place(self, key: AudioKey, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise ValueError(f"not a name: {name!r}")
        return self._root / f"derived/{_folder(key)}/{key.sha256}.{name}"


def _folder(key: AudioKey) -> str:
    """Return the folder of a key below that of all audio, or of all that was derived."""
    if key.tenant < 0 or not _DIGEST.fullmatch(key.sha256):
        raise ValueError("not a key of audio")
    return f"{key.tenant:d}/{key.sha256[:2]}"


async def _in_a_thread(act: Callable[[], T]) -> T:
    """Do something in another thread; who gives up waiting for it leaves no file of it open."""
    return await to_its_end(asyncio.get_running_loop().run_in_executor(None, act))


def _own(staged: Staged) -> StagedFile:
    if not isinstance(staged, StagedFile):
        raise TypeError("a folder keeps what it staged itself")
    return staged


def _not_found() -> NotFound:
    return NotFound("There is no such audio.")


def _drop_stale(folder: Path) -> None:
    """Remove temporary files that nobody has written to for long: their process is gone."""
    oldest = time.time() - STALE_SECONDS
    for path in folder.iterdir():
        try:
            if path.lstat().st_mtime < oldest:
                path.unlink()
        except FileNotFoundError:  # another process, starting too, was first
            continue


def _size(place: Path) -> int | None:
    with translated():
        try:
            found = place.lstat()
        except FileNotFoundError:
            return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None


def _read_at(place: Path, start: int, length: int) -> bytes:
    """Return exactly so many bytes.

    The file is opened for each chunk, so that a slow listener holds no descriptor.
    """
    with translated():
        try:
            descriptor = os.open(place, READ)
        except FileNotFoundError as error:
            raise _not_found() from error
        try:
            chunk = os.pread(descriptor, length, start)
        finally:
            os.close(descriptor)
    if len(chunk) != length:
        raise Unavailable("The audio is shorter than it was; tell the operator.")
    return chunk


def _remove(place: Path, derived: Path) -> None:
    with translated():
        _remove_derived(place.name, derived)  # first: a crash must leave no copy without its audio
        try:
            place.unlink()
        except FileNotFoundError:
            return
        _remove_derived(place.name, derived)  # again: some may have been kept meanwhile
        sync_folder(place.parent)


def _remove_derived(digest: str, folder: Path) -> None:
    try:
        beside = [each for each in folder.iterdir() if each.name.startswith(f"{digest}.")]
    except FileNotFoundError:
        return
    for each in beside:
        each.unlink(missing_ok=True)


def _move_derived(made: Path, place: Path, audio: Path) -> None:
    """Move what was made to its place, and take it back where its audio is gone by then.

    Who removes the audio looks for what is derived of it afterwards, so nothing stays.
    """
    made.chmod(0o440)
    try:
        made.rename(place)
    except FileNotFoundError:
        made.lstat()  # or all of the store is away: no part of it may be made in its place
        place.parent.mkdir(parents=True, exist_ok=True)
        made.rename(place)
    if _size(audio) is None:
        place.unlink(missing_ok=True)
        raise _not_found()


@contextmanager
def _dropped_on_failure(path: Path) -> Iterator[None]:
    """Leave nothing where it fails: a full disk must not be kept full by what is of no use."""
    try:
        yield
    except OSError:
        with suppress(OSError):  # a later start drops it
            path.unlink(missing_ok=True)
        raise
