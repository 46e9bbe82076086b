"""The audio of recordings for exports: looked at as a whole before a byte of it is written."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import BinaryIO

from callreel.archive import Archive
from callreel.archive.exporting.members import PIECE
from callreel.archive.find import entry_for
from callreel.audio import AudioKey
from callreel.errors import NotFound, Unavailable
from callreel.model import Access, Recording, Scope


class UnreadableError(Exception):
    """The audio of one recording cannot be had; the export goes on without it.

    Attributes:
        reason: One sentence.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Lent:
    """Audio that is open and was found to be whole.

    Attributes:
        recording: Whose it is.
        original_name: The file's name where it came from, or None.
        crc: CRC-32 of the bytes.
        file: The bytes.
    """

    recording: Recording
    original_name: str | None
    crc: int
    file: BinaryIO

    def pieces(self, size: int = PIECE) -> Iterator[bytes]:
        """Yield the bytes, in pieces of this size, the last one shorter.

        Raises:
            Unavailable: they are no longer as many as they were a moment ago.
        """
        left = self.recording.audio.size
        for piece in _pieces(self.file, size):
            left -= len(piece)
            yield piece
        if left:
            raise Unavailable("Audio changed while it was exported; begin the export again.")


class Sounds:
    """The audio of the recordings that an access may hear.

    Args:
        archive: The archive.
        access: Who asks.
        opening: What comes before each body in a record.
    """

    def __init__(self, archive: Archive, access: Access, opening: bytes) -> None:
        """Begin.

        Raises:
            NotAllowed: the key may not listen.
        """
        access.require(Scope.LISTEN)
        self._archive = archive
        self._access = access
        self._opening = len(opening)

    @asynccontextmanager
    async def lend(self, record: bytes) -> AsyncIterator[Lent]:
        """Lend the audio of a record, open, so that it stays readable if it is deleted meanwhile.

        Raises:
            UnreadableError: it is gone, cannot be read, or is not what was taken in.
            Unavailable: the catalog cannot be asked.
        """
        try:
            entry = await entry_for(self._archive, self._access, self.recording_of(record).id)
        except NotFound as error:
            raise UnreadableError("The recording was deleted meanwhile.") from error
        recording = self._archive.bodies.parse(entry.body)
        with await self._opened(recording) as file:
            crc = _crc_of_whole(file, recording)
            yield Lent(recording, entry.original_name, crc, file)

    def recording_of(self, record: bytes) -> Recording:
        """Return the recording that a record tells of."""
        return self._archive.bodies.parse(record[self._opening :])

    async def _opened(self, recording: Recording) -> BinaryIO:
        key = AudioKey(self._access.reach.tenant, recording.audio.sha256)
        try:
            async with self._archive.audio.local(key) as path:
                return path.open("rb", buffering=0)
        except (NotFound, FileNotFoundError) as error:
            raise UnreadableError("The audio is missing.") from error
        except (Unavailable, OSError) as error:
            raise UnreadableError("The audio cannot be read.") from error


def _crc_of_whole(file: BinaryIO, recording: Recording) -> int:
    size = crc = 0
    digest = hashlib.sha256()
    try:
        for piece in _pieces(file, PIECE):
            size += len(piece)
            crc = zlib.crc32(piece, crc)
            digest.update(piece)
    except Unavailable as error:
        raise UnreadableError("The audio cannot be read.") from error
    if (size, digest.hexdigest()) != (recording.audio.size, recording.audio.sha256):
        raise UnreadableError("The audio is not what was taken in.")
    return crc


def _pieces(file: BinaryIO, size: int) -> Iterable[bytes]:
    try:
        file.seek(0)
        while piece := _filled(file, size):
            yield piece
    except OSError as error:
        raise Unavailable("The audio cannot be read.") from error


def _filled(file: BinaryIO, size: int) -> bytes:
    """Return so many bytes, or what is left."""
    piece = file.read(size)
    while 0 < len(piece) < size and (more := file.read(size - len(piece))):
        piece += more
    return piece
