"""Bringing many files from one tree to another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Final, Self, TypeVar

from callreel.archive.backups import Item
from callreel.archive.backups.files import copy, sha256_of
from callreel.disk import sync_folder

THREADS: Final = 4
AT_ONCE: Final = 256
T = TypeVar("T")
WhereOf = Callable[[Item], Path]


class Copying:
    """Copies files and remembers what it did; use it as a context manager.

    Attributes:
        files, size: How many files were copied, and their bytes.
    """

    def __init__(self, source_of: WhereOf, target_of: WhereOf, root: Path, scratch: Path) -> None:
        """Prepare.

        Args:
            source_of: Where a file is.
            target_of: Where it is to be.
            root: The folder that all of these are below.
            scratch: A folder for what is on its way, on the same file system.
        """
        self.files = 0
        self.size = 0
        self._source_of = source_of
        self._target_of = target_of
        self._root = root
        self._scratch = scratch
        self._pool = ThreadPoolExecutor(THREADS, "copying")
        self._folders: set[Path] = set()
        self._lost: set[str] = set()  # of which what lies at the target is no good either
        self._listed: tuple[Path, set[str]] = (root, set())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._pool.shutdown()

    def bring(self, items: Iterable[Item], *, compare_sizes: bool = False) -> set[str]:
        """Copy what is not there yet, and return the paths of what is lost.

        Args:
            items: Files in the order of their paths.
            compare_sizes: Whether to copy also what is there with another length.

        Raises:
            OSError: nothing can be written, or the system lets us read nothing.
        """
        lost: set[str] = set()
        self._listed = self._root, set()  # of an earlier call: more is there by now
        wanted = (each for each in items if not self._is_there(each, compare_sizes=compare_sizes))
        for batch in _batches(wanted):
            for folder in {self._target_of(each).parent for each in batch}:
                self._make(folder)
            for each, size in zip(batch, self._pool.map(self._copy, batch), strict=True):
                if size is not None:
                    self.files += 1
                    self.size += size
                elif not self._is_whole(each):
                    lost.add(each.path)
        self._lost |= lost
        return lost

    def sync(self) -> None:
        """Bring the names of all that was copied to the disk.

        Raises:
            OSError: the disk failed.
        """
        for folder in sorted(self._folders, reverse=True):
            sync_folder(folder)

    def _make(self, folder: Path) -> None:
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        while folder not in self._folders:
            self._folders.add(folder)
            if folder == self._root:
                break
            folder = folder.parent

    def _copy(self, item: Item) -> int | None:
        """Copy a file and return its length, or None where it is lost."""
        target = self._target_of(item)
        is_copied = copy(self._source_of(item), self._scratch, target, item.sha256)
        return target.stat().st_size if is_copied else None

    def _is_whole(self, item: Item) -> bool:
        """Say whether what is lost at its source is there from an earlier time."""
        try:
            return sha256_of(self._target_of(item)) == item.sha256
        except FileNotFoundError:
            return False

    def _is_there(self, item: Item, *, compare_sizes: bool) -> bool:
        target = self._target_of(item)
        if self._listed[0] != target.parent:
            self._listed = target.parent, _names_in(target.parent)
        if target.name not in self._listed[1] or item.path in self._lost:
            return False
        if not compare_sizes:
            return True
        try:
            return target.stat().st_size == self._source_of(item).stat().st_size
        except FileNotFoundError:  # the source was deleted since, or lost
            return self._is_whole(item)


def _names_in(folder: Path) -> set[str]:
    try:
        return {each.name for each in folder.iterdir()}
    except FileNotFoundError:
        return set()


def _batches(items: Iterable[T]) -> Iterator[list[T]]:
    waiting = iter(items)
    while batch := list(islice(waiting, AT_ONCE)):
        yield batch
