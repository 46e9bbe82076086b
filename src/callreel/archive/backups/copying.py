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
        checked: How many that were there already were read again.
        mended: How many of these were damaged, and were copied anew.
    """

    def __init__(self, source_of: WhereOf, destination: Destination) -> None:
        """Prepare.

        Args:
            source_of: Where a file is.
            destination: Where it is to be.
        """
        self.files = 0
        self.size = 0
        self.checked = 0
        self.mended = 0
        self._source_of = source_of
        self._destination = destination
        self._pool = ThreadPoolExecutor(THREADS, "copying")
        self._damaged: set[str] = set()
        self._lost: set[str] = set()  # of which what lies at the destination is no good either

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._pool.shutdown()

    def bring(
        self,
        items: Iterable[Item],
        part: str = AUDIO,
        *,
        compare_sizes: bool = False,
        is_checked: Callable[[str], bool] = lambda _sha256: False,
    ) -> set[str]:
        """Copy what is not there yet, and return the paths of what is lost.

        Args:
            items: Files in the order of their paths.
            part: The folder that all of them are in.
            compare_sizes: Whether to copy also what is there with another length.
            is_checked: Says of a digest whether to read also what is there, and to copy it anew
                where it is damaged.

        Raises:
            OSError: nothing can be written, or the system lets us read nothing.
        """
        lost: set[str] = set()
        there = self._with_damage(beside(items, self._destination.walk(part)), is_checked)
        wanted = (
            item
            for item, kept in there
            if kept is None or not self._is_there(item, kept, compare_sizes=compare_sizes)
        )
        for batch in batches(wanted):
            self._destination.coming(batch)
            for each, size in zip(batch, self._pool.map(self._copy, batch), strict=True):
                if size is not None:
                    self.files += 1
                    self.size += size
                    self.mended += each.path in self._damaged
                elif not self._is_whole(each):
                    lost.add(each.path)
        self._lost |= lost
        return lost

    def _with_damage(
        self, pairs: Iterable[tuple[Item, Kept | None]], is_checked: Callable[[str], bool]
    ) -> Iterator[tuple[Item, Kept | None]]:
        """Yield them as they are, but what is there and is found damaged as if it were not."""
        for batch in batches(pairs):
            chosen = [item for item, kept in batch if kept and is_checked(item.sha256)]
            are_whole = self._pool.map(self._is_whole, chosen)
            found = {
                each.path for each, is_whole in zip(chosen, are_whole, strict=True) if not is_whole
            }
            self.checked += len(chosen)
            self._damaged |= found
            yield from ((item, None if item.path in found else kept) for item, kept in batch)

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
