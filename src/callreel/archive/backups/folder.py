"""A folder of backups: what is in it, who may write to it, and what is thrown away."""

from __future__ import annotations

import heapq
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from callreel.archive.backups import AUDIO, DATABASE, LIST, MANIFEST, SPOOL, VERSION, Item, Manifest
from callreel.archive.backups.files import explained, sha256_of
from callreel.disk import is_locked_by_us, sync_folder
from callreel.errors import Misconfigured, NotFound

LOCK: Final = "lock"
MARKER: Final = "callreel-backups"
"""Stands in a folder of backups: only where it does, anything is removed."""
WHAT: Final = "The folder of backups"
_ID: Final = re.compile(r"\d{8}T\d{6}\.\d{3}Z")
_ON_ITS_WAY: Final = re.compile(r"first|[0-9a-f]{32}")
_LINE: Final = re.compile(r"([0-9a-f]{64})  (\S+)\n")


class BackupFolder:
    """A folder of backups of one archive.

    Raises (any method):
        Misconfigured: the folder cannot be used.
        StorageFull: it has no room.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.tmp = root / "tmp"

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Be the only one who writes to the folder, made as needed and rid of what a crash left.

        Raises:
            Misconfigured: another backup is being made there, or the folder is of something else.
        """
        with explained(WHAT):
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._mark()
            self._backups.mkdir(mode=0o700, exist_ok=True)
            lock = os.open(self.root / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            with explained(WHAT):
                if not is_locked_by_us(lock):
                    raise Misconfigured("Another backup into this folder is running; wait for it.")
                self._clear()
            yield
        finally:
            os.close(lock)

    def ids(self) -> list[str]:
        """Return the ids of the backups, oldest first."""
        with explained(WHAT):
            if not self._backups.is_dir():
                return []
            return sorted(each.name for each in self._ours() if (each / MANIFEST).exists())

    def find(self, backup_id: str | None = None) -> Manifest:
        """Return what the newest backup, or that with an id, says of itself; no other is asked.

        Raises:
            NotFound: there is none.
            Misconfigured: its manifest cannot be read, or is of a newer form.
        """
        found = self.ids()
        if not found:
            raise NotFound("There is no backup in this folder; check its name.")
        if backup_id is not None and backup_id not in found:
            raise NotFound(
                f"There is no such backup; there are {len(found)}, from {found[0]} to {found[-1]}."
            )
        return self._manifest(backup_id or found[-1])

    def of(self, backup_id: str) -> Path:
        """Return the folder of one backup."""
        return self._backups / backup_id

    def items(self, manifest: Manifest) -> Iterator[Item]:
        """Return the files of a backup in the order of their paths, the database left out.

        Raises:
            Misconfigured: its list is not what it was; told at once, before the first file.
        """
        path = self.of(manifest.id) / LIST
        with explained(WHAT):
            is_whole = path.is_file() and sha256_of(path) == manifest.list_sha256
        if not is_whole:
            raise Misconfigured(f"The list of the backup {manifest.id} is damaged; take another.")
        database = self.of(manifest.id) / DATABASE
        return (each for each in read_items(path) if self.root / each.path != database)

    def publish(self, manifest: Manifest) -> None:
        """Put a manifest in its place: from then on, the backup is one."""
        folder = self.of(manifest.id)
        with explained(WHAT):
            half = folder / f"{MANIFEST}.new"
            with half.open("wb") as file:
                file.write(msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n")
                file.flush()
                os.fsync(file.fileno())
            for each in (folder, self._backups, self.root):  # all but the manifest is on the disk
                sync_folder(each)
            half.rename(folder / MANIFEST)
            sync_folder(folder)

    def prune(self, keep: int) -> int:
        """Throw all but the newest backups away, and the files that none of them has.

        The caller holds `writing`: files that another backup has just brought are in no list yet.

        Args:
            keep: How many stay, at least one.

        Returns:
            How many backups went.

        Raises:
            Misconfigured: a manifest or a list of those that stay is damaged; then nothing goes.
        """
        found = self.ids()
        gone, kept = found[:-keep], found[-keep:]
        lists = [self.items(self._manifest(each)) for each in kept]
        with explained(WHAT):
            for each in map(self.of, gone):
                (each / MANIFEST).unlink()  # first: half a backup must not look whole
                sync_folder(each)
                shutil.rmtree(each)
            self._sweep(item.path for item in heapq.merge(*lists, key=lambda item: item.path))
        return len(gone)

    @property
    def _backups(self) -> Path:
        return self.root / "backups"

    def _mark(self) -> None:
        """Make a new or empty folder one of backups.

        Raises:
            Misconfigured: there is something in it that we did not put there.
        """
        names = {each.name for each in self.root.iterdir()}
        if MARKER in names:
            return
        if names - {"lost+found"}:
            raise Misconfigured(
                f"There is something in the folder already, and no file {MARKER} that says that it "
                "is for backups; take a new or empty folder."
            )
        (self.root / MARKER).write_text("Backups of one archive of Callreel.\n", encoding="ascii")
        sync_folder(self.root)

    def _ours(self) -> Iterator[Path]:
        """Yield the folders of backups, whole or not, and nothing that we did not make."""
        return (each for each in self._backups.iterdir() if _ID.fullmatch(each.name))

    def _clear(self) -> None:
        """Drop what a backup that was cut short left of itself; the files it brought stay."""
        self.tmp.mkdir(mode=0o700, exist_ok=True)
        for each in self.tmp.iterdir():
            if _ON_ITS_WAY.fullmatch(each.name):
                each.unlink()
        for each in self._ours():
            if not (each / MANIFEST).exists():
                shutil.rmtree(each)

    def _manifest(self, name: str) -> Manifest:
        with explained(WHAT):
            text = (self.of(name) / MANIFEST).read_bytes()
        try:
            version = msgspec.json.decode(text)["version"]
            if version == VERSION:
                return msgspec.json.decode(text, type=Manifest)
        except (msgspec.MsgspecError, KeyError, TypeError) as error:
            raise Misconfigured(
                f"The manifest of the backup {name} cannot be read; take another, and remove it."
            ) from error
        raise Misconfigured(f"The backup {name} is of a newer version; use the one that made it.")

    def _sweep(self, used: Iterator[str]) -> None:
        """Remove files of ours that are not used; both come in the order of their paths."""
        wanted = next(used, None)
        for path in _walk(self.root, (AUDIO, SPOOL)):
            while wanted is not None and wanted < path:
                wanted = next(used, None)
            if wanted != path and Item(path, "").place is not None:
                (self.root / path).unlink(missing_ok=True)


def read_items(path: Path) -> Iterator[Item]:
    """Yield what is in a list of files.

    Raises:
        Misconfigured: it is no such list.
    """
    with explained(WHAT), path.open(encoding="ascii", errors="replace") as lines:
        for line in lines:
            match = _LINE.fullmatch(line)
            if match is None:
                raise Misconfigured("A list of the folder of backups cannot be read.")
            yield Item(match[2], match[1])


def _walk(root: Path, names: tuple[str, ...] | None = None, before: str = "") -> Iterator[str]:
    """Yield the paths of all files below a folder in their order as text."""
    try:
        found = {each.name: each.is_dir(follow_symlinks=False) for each in os.scandir(root)}
    except FileNotFoundError:
        return
    for name in sorted(found, key=lambda name: f"{name}/" if found[name] else name):
        if names is not None and name not in names:
            continue
        if found[name]:
            yield from _walk(root / name, None, f"{before}{name}/")
        else:
            yield f"{before}{name}"
