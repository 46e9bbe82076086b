"""Files inside of an export, and the forms that hold them: a ZIP, a tar, a folder."""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final, Protocol

from callreel.archive.exporting import Draft

PIECE: Final = 1 << 18
_BLOCK: Final = 512
_TAR_RECORD: Final = 20 * _BLOCK


@dataclass(frozen=True, slots=True)
class Member:
    """A file on its way into an export.

    Attributes:
        name: Its path inside, safe on every system.
        size: Its length in bytes.
        crc: Its CRC-32.
        modified_at: Seconds UTC.
        pieces: Yields its bytes.
    """

    name: str
    size: int
    crc: int
    modified_at: int
    pieces: Callable[[], Iterable[bytes]]


class Container(Protocol):
    """Holds members."""

    def add(self, member: Member) -> None:
        """Write a member; raises as `Output.write` and as its pieces do."""
        ...

    def finish(self) -> None:
        """Write what belongs at the end."""
        ...


def pieces_of(file: BinaryIO) -> Iterator[bytes]:
    """Yield the bytes of a file from its beginning."""
    file.seek(0)
    while piece := file.read(PIECE):
        yield piece


def member_of(file: BinaryIO, name: str, modified_at: int) -> Member:
    """Return an open file as a member; it is read now, and once more when it is added."""
    size = crc = 0
    for piece in pieces_of(file):
        size += len(piece)
        crc = zlib.crc32(piece, crc)
    return Member(name, size, crc, modified_at, lambda: pieces_of(file))


class TarContainer:
    """A tar in the POSIX form (pax, IEEE 1003.1-2001)."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft

    def add(self, member: Member) -> None:
        header = tarfile.TarInfo(member.name)
        header.size, header.mtime, header.mode = member.size, member.modified_at, 0o644
        out = self._draft.main
        out.write(header.tobuf(tarfile.PAX_FORMAT, "utf-8"))
        for piece in member.pieces():
            out.write(piece)
        out.write(bytes(-member.size % _BLOCK))

    def finish(self) -> None:
        out = self._draft.main
        out.write(bytes(2 * _BLOCK))
        out.write(bytes(-out.size % _TAR_RECORD))


class FolderContainer:
    """A folder of files."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft

    def add(self, member: Member) -> None:
        out = self._draft.add_file(member.name)
        for piece in member.pieces():
            out.write(piece)

    def finish(self) -> None:
        """Leave it as it is: a folder has no end."""
