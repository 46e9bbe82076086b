"""Back up an archive while it goes on taking in and deleting."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from callreel import __version__
from callreel.archive.backups import (
    DATABASE,
    LIST,
    VERSION,
    Item,
    Manifest,
    Parts,
    audio_item,
    database_item,
    spool_item,
)
from callreel.archive.backups.copying import Copying
from callreel.archive.backups.files import explained, sha256_of
from callreel.archive.backups.folder import WHAT, BackupFolder, read_items
from callreel.catalog.snapshot import Held, Snapshot, is_sound
from callreel.errors import Misconfigured, StorageFull, Unavailable

ROUNDS: Final = 20


@dataclass(frozen=True, slots=True)
class Made:
    """A backup that was made.

    Attributes:
        manifest: What it says of itself.
        copied, copied_bytes: How many files had to be copied for it, and their bytes.
        removed: How many older ones were thrown away.
        not_pruned: Why the older ones that should have gone are still there; empty if none should.
    """

    manifest: Manifest
    copied: int
    copied_bytes: int
    removed: int = 0
    not_pruned: str = ""


def back_up(
    parts: Parts, folder: BackupFolder, tell: Callable[[], None], *, keep: int | None = None
) -> Made:
    """Make a backup: all that the archive had promised before this began, as of one moment.

    Args:
        parts: Of the data folder.
        folder: Where to.
        tell: Called for each recording's audio that was seen to.
        keep: How many of the newest backups stay, at least one; all if left out.

    Raises:
        Misconfigured: the folder of backups, or a part of the archive, cannot be used.
        StorageFull: there is no room.
        Unavailable: the database cannot be read, or its copy is damaged.
    """
    with folder.writing(), explained(WHAT):
        work = _Work(parts, folder)
        with Copying(work.source_of, work.target_of, folder.root, folder.tmp) as copying:
            made = work.run(copying, tell)
        return made if keep is None else _pruned(made, folder, keep)


def _pruned(made: Made, folder: BackupFolder, keep: int) -> Made:
    """Throw older backups away; where that fails, the new one is made all the same."""
    try:
        return replace(made, removed=folder.prune(keep))
    except (Misconfigured, StorageFull) as error:
        return replace(made, not_pruned=error.message)


class _Work:
    """One backup on its way."""

    def __init__(self, parts: Parts, folder: BackupFolder) -> None:
        self._parts = parts
        self._folder = folder
        self._id = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}"[:-3] + "Z"
        self._draft = folder.of(self._id)

    def source_of(self, item: Item) -> Path:
        """Return where a file is in the data folder."""
        part, _, place = str(item.place).partition("/")
        return (self._parts.audio if part == "audio" else self._parts.spool) / place

    def target_of(self, item: Item) -> Path:
        """Return where a file is in the folder of backups."""
        return self._folder.root / item.path

    def run(self, copying: Copying, tell: Callable[[], None]) -> Made:
        """Make the backup."""
        self._draft.mkdir(mode=0o700)
        lost = copying.bring(self._seen_to(tell), compare_sizes=True)
        for _ in range(ROUNDS):
            taken_at = int(time.time())
            with Snapshot(self._parts.database) as snapshot:
                still_lost = copying.bring(_audio_of(snapshot))
                # What a recording had and was gone when this moment began, is lost. What went later
                # may belong to a recording that was deleted meanwhile: a later moment will tell.
                if still_lost <= lost:
                    held = self._copy_database(snapshot, still_lost)
                    return self._finish(copying, held, taken_at, still_lost)
                lost = still_lost
        raise Unavailable("Recordings are deleted faster than they can be copied; try again later.")

    def _seen_to(self, tell: Callable[[], None]) -> Iterator[Item]:
        """Yield the audio of this moment, and let go of the moment before copying for long."""
        path = self._folder.tmp / "first"
        with Snapshot(self._parts.database) as snapshot:
            _write_list(path, _audio_of(snapshot))
        for item in read_items(path):
            yield item
            tell()

    def _copy_database(self, snapshot: Snapshot, lost: set[str]) -> Held:
        _write_list(
            self._draft / LIST, (each for each in _audio_of(snapshot) if each.path not in lost)
        )
        snapshot.copy_to(self._draft / DATABASE)
        return snapshot.held()

    def _finish(self, copying: Copying, held: Held, taken_at: int, lost: set[str]) -> Made:
        database = self._draft / DATABASE
        digest = sha256_of(database)
        if not is_sound(database):
            raise Unavailable("The copy of the database is damaged, and so may be the database.")
        records = sorted(self._records(), key=lambda each: each.path)
        gone = copying.bring(records)  # somebody emptied the spool meanwhile
        kept = [each for each in records if each.path not in gone]
        _write_list(self._draft / LIST, [database_item(self._id, digest), *kept], "a")
        copying.sync()
        manifest = Manifest(
            version=VERSION,
            id=self._id,
            taken_at=taken_at,
            made_by=__version__,
            step=held.step,
            tenants=held.tenants,
            recordings=held.recordings,
            files=sum(1 for _ in read_items(self._draft / LIST)) - 1,  # the database
            list_sha256=sha256_of(self._draft / LIST),
            database_bytes=database.stat().st_size,
            database_sha256=digest,
            without_audio=tuple(sorted(lost)),
        )
        self._folder.publish(manifest)
        return Made(manifest, copying.files, copying.size)

    def _records(self) -> Iterator[Item]:
        """Yield the call records that wait for an import."""
        for path in self._parts.spool.glob("*/*/*"):
            form, tenant, name = path.relative_to(self._parts.spool).parts
            try:
                item = spool_item(form, tenant, name, sha256_of(path))
            except (FileNotFoundError, IsADirectoryError):
                continue
            if item.place is not None:  # else it is nothing that we put there
                yield item


def _audio_of(snapshot: Snapshot) -> Iterator[Item]:
    return (audio_item(tenant, digest) for tenant, digest in snapshot.audio())


def _write_list(path: Path, items: Iterable[Item], mode: str = "w") -> None:
    with path.open(mode, encoding="ascii") as file:
        file.writelines(each.line for each in items)
        file.flush()
        os.fsync(file.fileno())


def require_apart(data: Path, folder: Path) -> None:
    """Raise Misconfigured where a folder of backups and a data folder are one within the other."""
    one, other = data.resolve(), folder.resolve()
    if one.is_relative_to(other) or other.is_relative_to(one):
        raise Misconfigured(
            "The folder of backups and the data folder must not lie in one another; best, they are "
            "on two disks."
        )
