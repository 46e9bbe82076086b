"""Bringing the many files of an archive to where its backups are kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Final, Self, TypeVar

from callreel.archive.backups import AUDIO, Item, Placed
from callreel.archive.backups.destination import Destination, Kept
from callreel.archive.backups.files import is_content

THREADS: Final = 4
AT_ONCE: Final = 256
T = TypeVar("T")
P = TypeVar("P", bound=Placed)
Q = TypeVar("Q", bound=Placed)
WhereOf = Callable[[Item], Path]


class Copying:
    """Copies files and remembers what it did; use it as a context manager.

    Attributes:
        files, size: How many files were copied, and their bytes.
    """

    def __init__(self, source_of: WhereOf, destination: Destination) -> None:
        """Prepare.

        Args:
            source_of: Where a file is.
            destination: Where it is to be.
        """
        self.files = 0
        self.size = 0
        self._source_of = source_of
        self._destination = destination
        self._pool = ThreadPoolExecutor(THREADS, "copying")
        self._lost: set[str] = set()  # of which what lies at the destination is no good either

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._pool.shutdown()

    def bring(
        self, items: Iterable[Item], part: str = AUDIO, *, compare_sizes: bool = False
    ) -> set[str]:
        """Copy what is not there yet, and return the paths of what is lost.

        Args:
            items: Files in the order of their paths.
            part: The folder that all of them are in.
            compare_sizes: Whether to copy also what is there with another length.

        Raises:
            OSError: nothing can be written, or the system lets us read nothing.
        """
        lost: set[str] = set()
        wanted = (
            item
            for item, kept in beside(items, self._destination.walk(part))
            if kept is None or not self._is_there(item, kept, compare_sizes=compare_sizes)
        )
        for batch in batches(wanted):
            self._destination.coming(batch)
            for each, size in zip(batch, self._pool.map(self._copy, batch), strict=True):
                if size is not None:
                    self.files += 1
                    self.size += size
                elif not self._is_whole(each):
                    lost.add(each.path)
        self._lost |= lost
        return lost

    def _copy(self, item: Item) -> int | None:
        return self._destination.put(self._source_of(item), item)

    def _is_whole(self, item: Item) -> bool:
        """Say whether what is lost at its source is there from an earlier time."""
        return is_content(self._destination.read(item.path), item.sha256)

    def _is_there(self, item: Item, kept: Kept, *, compare_sizes: bool) -> bool:
        if item.path in self._lost:
            return False
        if not compare_sizes:
            return True
        try:
            return kept.size() == self._source_of(item).stat().st_size
        except FileNotFoundError:  # the source was deleted since, or lost
            return self._is_whole(item)


def beside(items: Iterable[P], there: Iterator[Q]) -> Iterator[tuple[P, Q | None]]:
    """Yield each item with what is there at its path; both come in the order of their paths."""
    other = next(there, None)
    for item in items:
        while other is not None and other.path < item.path:
            other = next(there, None)
        yield item, other if other is not None and other.path == item.path else None


def batches(things: Iterable[T]) -> Iterator[list[T]]:
    """Yield things, so many at once."""
    waiting = iter(things)
    while batch := list(islice(waiting, AT_ONCE)):
        yield batch
