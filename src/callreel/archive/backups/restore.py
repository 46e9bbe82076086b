"""Restore a backup into a data folder that is new or empty, whole or not at all."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from callreel.archive import BodyFormat
from callreel.archive.backups import DATABASE, Item, Manifest, audio_item, database_item
from callreel.archive.backups.copying import THREADS, batches
from callreel.archive.backups.files import Tree, copy, explained
from callreel.archive.backups.repository import Repository
from callreel.archive.facts import facts_reader
from callreel.catalog import Catalog
from callreel.catalog.migrate import migrations
from callreel.catalog.snapshot import Snapshot
from callreel.disk import sync_folder
from callreel.errors import Misconfigured
from callreel.model import Reach, State

RESTORING: Final = "restoring"
"""Stands in a data folder while a backup is restored into it, and after one that was cut short."""
WHAT: Final = "The data folder"


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup, and the repository that it is in."""

    repository: Repository
    manifest: Manifest


@dataclass(frozen=True, slots=True)
class Restored:
    """What became of a restore.

    Attributes:
        manifest: Of which backup.
        files: How many files were restored.
        missing: Paths of what the backup has no more, or not whole; where it is done, also of audio
            that the archive had lost when the backup was made.
        is_done: Whether the archive is there now.
        withdrawn: How many recordings are not available, as their audio is missing.
        marked: How many were not available in the archive, as their audio was missing there, and
            have it again; a repair lists them.
    """

    manifest: Manifest
    files: int
    missing: tuple[str, ...]
    is_done: bool
    withdrawn: int = 0
    marked: int = 0


@dataclass(frozen=True, slots=True)
class Means:
    """How a restore opens the catalog that it puts back, and reads what is in it."""

    open_catalog: Callable[[Path], Catalog]
    bodies: BodyFormat


def restore(
    backup: Backup, data: Path, means: Means, tell: Callable[[], None], *, partial: bool
) -> Restored:
    """Bring a backup into a data folder; the caller sees to it that nobody else uses the folder.

    Where something of the backup is missing, nothing is restored unless `partial` is asked for.
    Recordings without their audio, also those of which it was lost before, are then there, but not
    available.

    Not to be called within an event loop: an interruption has to end it at once.

    Args:
        backup: Which.
        data: The data folder; it is there.
        means: How to open the catalog.
        tell: Called for each file.
        partial: Whether to restore what is there.

    Raises:
        Misconfigured: the data folder has something in it, the backup is of a newer version or its
            database is damaged, or a folder cannot be used.
        StorageFull: there is no room.
        KeyboardInterrupt: it was interrupted, and nothing is restored.
    """
    manifest = backup.manifest
    newest = migrations()[-1].number
    if manifest.step > newest:
        raise Misconfigured(
            f"The backup is at step {manifest.step} and this version knows {newest}; use the "
            f"version that made it, {manifest.made_by}, or a newer one."
        )
    with explained(WHAT):
        draft = _begun(data)
        try:
            done = _Work(backup, draft, means).run(tell, partial=partial)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
        if done.is_done:
            _move(draft, data)
        shutil.rmtree(draft, ignore_errors=True)
        return done


class _Work:
    """One restore on its way."""

    def __init__(self, backup: Backup, draft: Path, means: Means) -> None:
        self._repository = backup.repository
        self._manifest = backup.manifest
        self._means = means
        self._draft = draft
        self._database = draft / DATABASE
        self._tree = Tree(draft)

    def run(self, tell: Callable[[], None], *, partial: bool) -> Restored:
        """Restore the backup into the draft."""
        self._bring_database()
        files, lost = self._bring_files(_told(self._repository.items(self._manifest), tell))
        if lost and not partial:
            return Restored(self._manifest, 0, tuple(sorted(lost)), is_done=False)
        self._tree.sync()
        missing = tuple(sorted(lost.union(self._manifest.without_audio)))
        keys = {each.audio for each in (Item(path, "") for path in missing)}
        with Snapshot(self._database) as snapshot:
            marked = sum(each not in keys and self._has(*each) for each in snapshot.marked())
        withdrawn = asyncio.run(self._withdraw(keys))
        return Restored(
            self._manifest, files, missing, is_done=True, withdrawn=withdrawn, marked=marked
        )

    def _bring_database(self) -> None:
        item = database_item(self._manifest.id, self._manifest.database_sha256)
        if not self._is_copied(item, self._database):
            raise Misconfigured(
                f"The database of the backup {self._manifest.id} is damaged; take another."
            )
        self._database.chmod(0o600)

    def _bring_files(self, items: Iterator[Item]) -> tuple[int, set[str]]:
        """Return how many files were brought, and the paths of those that are lost."""
        files, lost = 0, set()
        with ThreadPoolExecutor(THREADS, "restoring") as pool:
            for batch in batches(items):
                for each, is_there in zip(batch, pool.map(self._is_brought, batch), strict=True):
                    files += is_there
                    if not is_there:
                        lost.add(each.path)
        return files, lost

    def _is_brought(self, item: Item) -> bool:
        if item.place is None:
            raise Misconfigured("The backup holds a file that belongs nowhere; take another.")
        place = self._draft / item.place
        self._tree.make(place.parent)
        return self._is_copied(item, place)

    def _is_copied(self, item: Item, place: Path) -> bool:
        chunks = self._repository.destination.read(item.path)
        return copy(chunks, self._draft / "tmp", place, item.sha256)

    def _has(self, tenant: int, sha256: str) -> bool:
        """Say whether audio was brought; older versions left out what was known to be missing."""
        return (self._draft / audio_item(tenant, sha256).path).exists()

    async def _withdraw(self, keys: set[tuple[int, str] | None]) -> int:
        """Let no recording be available whose audio is missing, and return how many are not."""
        if not keys:
            return 0
        with Snapshot(self._database) as snapshot:
            found = [
                (tenant, recording_id)
                for tenant, recording_id, digest in snapshot.recordings()
                if (tenant, digest) in keys
            ]
        if found:
            catalog = self._means.open_catalog(self._database)
            read = facts_reader(self._means.bodies)
            try:
                for tenant, recording_id in found:
                    await catalog.withdraw(Reach(tenant), recording_id, State.MISSING_AUDIO, read)
            finally:
                await catalog.close()
        return len(found)


def _move(draft: Path, data: Path) -> None:
    """Put everything into its place: the database last, as without it there is no archive.

    Where this is cut short before that, the draft stays, so that nobody takes the rest for one.
    """
    try:
        for name in ("audio", "spool"):
            if (draft / name).is_dir():
                (draft / name).rename(data / name)
        sync_folder(data)
        (draft / DATABASE).rename(data / DATABASE)
        sync_folder(data)
    except KeyboardInterrupt:
        if not (data / DATABASE).exists():
            raise
        sync_folder(data)  # too late to be interrupted: the archive is there


def _begun(data: Path) -> Path:
    """Return a new folder in a data folder that has nothing else in it.

    Raises:
        Misconfigured: it has.
    """
    draft = data / RESTORING
    names = {each.name for each in data.iterdir()} - {"serve.lock", "lost+found"}
    if RESTORING in names and DATABASE not in names and names <= {RESTORING, "audio", "spool"}:
        for name in ("audio", "spool", RESTORING):  # of a restore that was cut short
            shutil.rmtree(data / name, ignore_errors=True)
        names.clear()
    if names:
        raise Misconfigured(
            "There is something in the data folder already; a backup is restored into a new or "
            "empty one."
        )
    draft.mkdir(mode=0o700)
    (draft / "tmp").mkdir(mode=0o700)
    (draft / "audio").mkdir(mode=0o750)
    return draft


def _told(items: Iterator[Item], tell: Callable[[], None]) -> Iterator[Item]:
    for item in items:
        yield item
        tell()
