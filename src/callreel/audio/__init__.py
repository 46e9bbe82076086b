"""The audio: recorded sound as bytes, and what can be measured of it.

`AudioStore` is the seam. A folder stands behind it (`folder.py`); an S3-compatible store can.
Every implementation passes `tests/contracts/audio_contract.py`, which is this contract as tests.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Protocol, Self

from callreel.errors import StorageFull, Unavailable


@dataclass(frozen=True, slots=True)
class AudioKey:
    """Where audio lies: made of the tenant and the content alone, never of anything a client said.

    Attributes:
        tenant: The tenant's number.
        sha256: Hex digest of the bytes.
    """

    tenant: int
    sha256: str


class Part(Enum):
    """What a thing in the store is."""

    AUDIO = "audio"
    DERIVED = "derived"
    ON_ITS_WAY = "on_its_way"
    LINK = (
        "link"  # where a folder of audio should be, so that what is behind it is not gone through
    )
    FOREIGN = "foreign"  # the store did not put it there, or not so


@dataclass(frozen=True, slots=True)
class Stored:
    """A thing that lies in the store.

    Attributes:
        part: What it is.
        place: Where, below the store's root.
        key: Of what audio it is, where it is of any.
        size: Bytes.
        touched_at: When it was last written or put into place; seconds UTC.
    """

    part: Part
    place: str
    key: AudioKey | None
    size: int
    touched_at: float


class Staged(Protocol):
    """Audio on its way in: bytes in a local temporary file that nobody else sees.

    Use it as a context manager: leaving it without `AudioStore.keep` drops the file.
    """

    path: Path
    size: int

    def write(self, chunk: bytes) -> None:
        """Append bytes and hash them.

        Raises:
            StorageFull: there is no room.
        """
        ...

    def sync(self) -> None:
        """Bring what was written so far to stable storage; it blocks, so call it in a thread.

        As with `AudioStore.sync`, which waits for it in a thread of its own.
        """
        ...

    @property
    def sha256(self) -> str:
        """Hex digest of what was written so far."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc: object) -> None: ...


class AudioStore(Protocol):
    """Keeps audio by its digest, and beside it what was derived of it and can be made again.

    Raises (any method):
        Unavailable: the store is away, or a read or a write failed.
        StorageFull: a write found no room.
    """

    def stage(self) -> Staged:
        """Begin to take in audio.

        Raises:
            StorageFull: the free space is below the reserve.
        """
        ...

    async def sync(self, staged: Staged) -> None:
        """Bring what was written so far to stable storage, so that `keep` has less to wait for.

        Where this fails the audio is lost: it may not be kept any more.
        """
        ...

    async def keep(self, staged: Staged, key: AudioKey) -> None:
        """Put staged audio into its place; it is on stable storage when this returns.

        The bytes on disk are `staged.size` long, or this fails. Audio that is there already,
        whole, is left as it is; what has its place and is not the same, byte by byte, is replaced.
        """
        ...

    async def keep_all(
        self, arriving: Sequence[tuple[Staged, AudioKey]]
    ) -> list[StorageFull | Unavailable | None]:
        """Do as `keep` with each, which together costs less, and return why one was not kept.

        One that fails keeps no other from its place.
        """
        ...

    async def size(self, key: AudioKey) -> int | None:
        """Return the length in bytes, or None where there is no such audio."""
        ...

    async def sizes(self, keys: Sequence[AudioKey]) -> list[int | None]:
        """Return the length of each, as `size` does."""
        ...

    def walk(self) -> AsyncIterator[list[Stored]]:
        """Yield all that lies in the store, a few hundred at a time, in no order."""
        ...

    async def digests(
        self, keys: Sequence[AudioKey], read: Callable[[int], None]
    ) -> list[str | None]:
        """Read audio to its end and return the hex digest of each, or None where it cannot be read.

        Args:
            keys: Which, one after the other.
            read: Called with the number of bytes after each piece that was read, in another
                thread; it may take its time.
        """
        ...

    async def again(self, things: Sequence[Stored]) -> list[Stored]:
        """Return what of this is still there, as it is now."""
        ...

    async def drop(self, stored: Stored) -> None:
        """Remove a thing that is no audio; nothing happens where it is not there any more."""
        ...

    def read(self, key: AudioKey, start: int, end: int) -> AsyncIterator[bytes]:
        """Yield the bytes from start up to, not including, end, in chunks of at most 256 KiB.

        Raises:
            NotFound: there is no such audio.
            Unavailable: it ended before `end`.
        """
        ...

    def local(self, key: AudioKey) -> AbstractAsyncContextManager[Path]:
        """Lend a readable local file of the audio, for as long as the context lasts.

        Raises:
            NotFound: there is no such audio.
        """
        ...

    async def remove(self, key: AudioKey) -> None:
        """Remove the audio and all that was derived of it; nothing happens where there is none."""
        ...

    async def derived(self, key: AudioKey, name: str) -> Path | None:
        """Return a local file of what was derived under this name, or None."""
        ...

    def scratch(self, suffix: str) -> Path:
        """Return a fresh local path for a file on its way to `keep_derived`."""
        ...

    async def keep_derived(self, key: AudioKey, name: str, made: Path | bytes) -> Path:
        """Move a finished local file, or bytes, beside the audio and return their new place.

        It need not survive a crash, but is never seen in part.

        Raises:
            NotFound: the audio was removed meanwhile; the file is gone too.
        """
        ...

    async def keep_derived_all(self, made: Sequence[tuple[AudioKey, str, bytes]]) -> None:
        """Do as `keep_derived` with each, which together costs less, but pass over removed audio.

        After one that fails no other is kept.
        """
        ...

    def taking_in(self) -> AbstractAsyncContextManager[None]:
        """Hold this from before `keep` until the entry is cataloged; `removing` waits for it."""
        ...

    def removing(self) -> AbstractAsyncContextManager[None]:
        """Hold this while asking whether audio is still used and removing it.

        Without the two, audio could be removed as unused while the same bytes are taken in again.
        """
        ...

    async def check(self) -> None:
        """Return if audio can be written and there is room above the reserve.

        Raises:
            StorageFull: the free space is below the reserve.
        """
        ...


class Format(Enum):
    """What audio can be converted to, by the word that a client asks with."""

    OPUS = "opus"
    MP3 = "mp3"
    WAV = "wav"


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was measured of audio.

    Attributes:
        mime_type: Sniffed from the bytes.
        channels: Number of channels.
        duration_ms: Length in milliseconds.
        peaks: The waveform as the JSON text that `GET …/peaks` answers with.
    """

    mime_type: str
    channels: int
    duration_ms: int
    peaks: bytes


class SoundWorker(Protocol):
    """Reads and converts audio, which may be hostile, in child processes with limits."""

    async def inspect(self, path: Path) -> Inspection:
        """Measure audio.

        Raises:
            UnsupportedMedia: the bytes are no audio that the archive takes.
            BadRecording: the audio is empty, broken, or shorter than its header says.
            Unavailable: no worker could be had.
        """
        ...

    async def convert(self, source: Path, target: Path, to: Format, tenant: int = 0) -> None:
        """Write audio to target in another format, within the limits of time, memory and size.

        Where several wait, tenants take turns.

        Raises:
            BadRecording: the audio cannot be read to its end.
            Unavailable: the limits were reached, or no worker could be had.
        """
        ...

    async def close(self) -> None:
        """End the child processes."""
        ...
