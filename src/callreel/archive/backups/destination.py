"""Where backups are kept: what a repository of backups asks of a folder or of a bucket."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from callreel.archive.backups import Item

MARKER: Final = "callreel-backups"
"""Stands where backups are kept: only where it does, anything is written or removed."""
MARKED: Final = b"Backups of one archive of Callreel.\n"
LOCK: Final = "lock"


@dataclass(frozen=True, slots=True)
class Kept:
    """A file that is kept.

    Attributes:
        path: Where, as `Item` has it.
        size: Tells its length in bytes.
    """

    path: str
    size: Callable[[], int]


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

    def writing(self) -> AbstractContextManager[None]:
        """Be the only one who writes, to a place that is new, empty or marked as one of backups.

        Raises:
            Misconfigured: another backup is being made, or the place is of something else.
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
