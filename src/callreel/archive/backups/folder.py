"""A folder that backups are kept in."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from callreel.archive.backups import Item
from callreel.archive.backups.destination import LOCK, MARKED, MARKER, Kept, claimed
from callreel.archive.backups.files import Tree, chunks_of, clear, copy, explained, only_one
from callreel.disk import closed_to_others, sync_file, sync_folder
from callreel.errors import Misconfigured

WHAT: Final = "The folder of backups"


class FolderDestination:
    """A folder that backups are kept in, as `Destination` has it."""

    what = WHAT
    reserve = 0

    def __init__(self, root: Path) -> None:
        self._root = root
        self._tree = Tree(root)
        self.scratch = root / "tmp"

    @contextmanager
    def writing(self, archive_id: str | None = None) -> Iterator[None]:
        """Make the folder as needed, lock it, and rid it of what a crash left."""
        with explained(WHAT):
            self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._mark()
            (self._root / "backups").mkdir(mode=0o700, exist_ok=True)
        with only_one(self._root / LOCK, WHAT):
            with explained(WHAT):
                clear(self.scratch)
                self._claim(archive_id)
            yield

    def walk(self, under: str) -> Iterator[Kept]:
        """Yield the files below a folder; links are files, too."""
        with explained(WHAT):
            yield from _walk(self._root / under, f"{under}/" if under else "")

    def read(self, path: str) -> Iterator[bytes]:
        """Read from the disk itself, where the system lets us."""
        return chunks_of(self._root / path)

    def coming(self, items: Sequence[Item]) -> None:
        """Do nothing: a file gets its name when it was read back."""

    def put(self, source: Path, item: Item) -> int | None:
        """Copy a file by way of the scratch folder."""
        place = self._root / item.path
        self._tree.make(place.parent)
        is_copied = copy(chunks_of(source), self.scratch, place, item.sha256)
        return place.stat().st_size if is_copied else None

    def take(self, made: Path, item: Item) -> None:
        """Rename it: it lies on the same disk."""
        place = self._root / item.path
        self._tree.make(place.parent)
        made.rename(place)

    def settle(self) -> None:
        """Sync the folders that got names."""
        self._tree.sync()

    def remove(self, paths: Sequence[str]) -> None:
        """Remove files, and their folders where these are empty then."""
        folders = {(self._root / each).parent for each in paths}
        for each in paths:
            (self._root / each).unlink(missing_ok=True)
        for folder in folders:
            with suppress(FileNotFoundError):
                sync_folder(folder)
            with suppress(OSError):
                folder.rmdir()

    def _mark(self) -> None:
        """Make a new or empty folder one of backups.

        Raises:
            Misconfigured: there is something in it that we did not put there.
        """
        names = {each.name for each in self._root.iterdir()}
        if MARKER in names:
            return
        if names - {"lost+found"}:
            raise Misconfigured(
                f"There is something in the folder already, and no file {MARKER} that says that it "
                "is for backups; take a new or empty folder."
            )
        with open(self._root / MARKER, "wb", opener=closed_to_others) as file:
            file.write(MARKED)
        sync_folder(self._root)

    def _claim(self, archive_id: str | None) -> None:
        """Mark the folder as that of an archive, or raise Misconfigured if it is of another."""
        marker = self._root / MARKER
        said = claimed(marker.read_bytes(), archive_id)
        if said is not None:
            made = self.scratch / MARKER
            with open(made, "wb", opener=closed_to_others) as file:
                file.write(said)
            sync_file(made)
            made.replace(marker)
            sync_folder(self._root)


def _walk(root: Path, before: str) -> Iterator[Kept]:
    try:
        found = {each.name: each for each in os.scandir(root)}
    except (FileNotFoundError, NotADirectoryError):
        return
    is_folder = {name: each.is_dir(follow_symlinks=False) for name, each in found.items()}
    for name in sorted(found, key=lambda name: f"{name}/" if is_folder[name] else name):
        if is_folder[name]:
            yield from _walk(root / name, f"{before}{name}/")
        else:
            yield Kept(f"{before}{name}", _size_of(found[name]))


def _size_of(entry: os.DirEntry[str]) -> Callable[[], int]:
    return lambda: entry.stat(follow_symlinks=False).st_size
