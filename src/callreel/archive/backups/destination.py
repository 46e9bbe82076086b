"""Where backups are kept: what a repository of backups asks of a folder or of a bucket."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from callreel.archive.backups import Item
from callreel.errors import Misconfigured

MARKER: Final = "callreel-backups"
"""Stands where backups are kept: only where it does, anything is written or removed."""
MARKED: Final = b"Backups of one archive of Callreel.\n"
"""What the marker says first, and says alone where the archive has no id yet."""
LOCK: Final = "lock"
_OF_ARCHIVE: Final = re.compile(rb"^archive ([0-9a-f]{32})$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Kept:
    """A file that is kept.

    Attributes:
        path: Where, as `Item` has it.
        size: Tells its length in bytes.
    """

    path: str
    size: Callable[[], int]


def claimed(marker: bytes, archive_id: str | None) -> bytes | None:
    """Return what the marker is to say from now on, or None where it stays as it is.

    A place that is of no archive yet is of the first that comes.

    Args:
        marker: What it says.
        archive_id: Of the archive that is backed up, or None if it has none yet.

    Raises:
        Misconfigured: the place is of another archive.
    """
    match = _OF_ARCHIVE.search(marker)
    if match is None:
        return None if archive_id is None else MARKED + f"archive {archive_id}\n".encode("ascii")
    if match[1].decode("ascii") != archive_id:
        raise Misconfigured(
            "The backups in this place are of another archive; take another place, or, to go on "
            f"here with this one all the same, empty the file {MARKER} there."
        )
    return None


class Destination(Protocol):
    """Where files of backups are kept: each is whole or not there, and never changes.

    Raises (any method):
        Misconfigured: it cannot be used.
        StorageFull: it has no room.
        Unavailable: it is away.
        OSError: a folder of this machine cannot be used; `what` says which.
    """

    @property
    def what(self) -> str:
        """What an OSError is about, such as "The folder of backups"."""

    @property
    def scratch(self) -> Path:
        """A folder of this machine for what is on its way; there while `writing` lasts."""

    @property
    def reserve(self) -> int:
        """Bytes of the disk of `scratch` that stay free; 0 where it may be filled."""

    def writing(self, archive_id: str | None = None) -> AbstractContextManager[None]:
        """Be the only one who writes, to a place that is new, empty or marked as one of backups.

        Args:
            archive_id: Of the archive, which the place is marked with; None if it has none yet.

        Raises:
            Misconfigured: another backup is being made, or the place is of something else or of
                another archive.
        """

    def walk(self, under: str) -> Iterator[Kept]:
        """Yield the files below a folder in the order of their paths as text."""

    def read(self, path: str) -> Iterator[bytes]:
        """Yield the bytes of a file in chunks.

        Raises:
            LostError: it is gone or cannot be read.
        """

    def coming(self, items: Sequence[Item]) -> None:
        """Note which files are put next, where a name could be there before its file is proven."""

    def put(self, source: Path, item: Item) -> int | None:
        """Copy a file, read it back and return its length, or None where the source is lost."""

    def take(self, made: Path, item: Item) -> None:
        """Bring a file of `scratch`, which was synced and hashed, to its place; it leaves scratch.

        A file of that name is replaced.
        """

    def settle(self) -> None:
        """See to it that all that was put or taken, or was removed, is so after a crash too."""

    def remove(self, paths: Sequence[str]) -> None:
        """Remove files; those that are gone are no error."""
