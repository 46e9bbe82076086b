"""Back up an archive while it goes on taking in and deleting."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from callreel import __version__
from callreel.archive.backups import (
    AUDIO,
    DATABASE,
    LIST,
    SPOOL,
    VERSION,
    Item,
    Manifest,
    Parts,
    audio_item,
    database_item,
    part_of,
    spool_item,
)
from callreel.archive.backups.copying import Copying
from callreel.archive.backups.destination import Destination
from callreel.archive.backups.files import (
    LostError,
    chunks_of,
    explained,
    read_items,
    require_room,
    sha256_of,
    write_lines,
)
from callreel.archive.backups.repository import Repository
from callreel.archive.subset import Subset
from callreel.catalog.snapshot import Held, Snapshot, is_sound
from callreel.errors import Misconfigured, StorageFull, Unavailable

ROUNDS: Final = 20


@dataclass(frozen=True, slots=True)
class Made:
    """A backup that was made.

    Attributes:
        manifest: What it says of itself.
        copied, copied_bytes: How many files had to be copied for it, and their bytes.
        checked: How many files that were there already were read again.
        mended: How many of these were damaged, and were copied anew.
        removed: How many older ones were thrown away.
        not_pruned: Why the older ones that should have gone are still there; empty if none should.
    """

    manifest: Manifest
    copied: int
    copied_bytes: int
    checked: int
    mended: int
    removed: int = 0
    not_pruned: str = ""


def back_up(
    parts: Parts,
    repository: Repository,
    tell: Callable[[], None],
    *,
    keep: int | None = None,
    check: Subset | None = None,
) -> Made:
    """Make a backup: all that the archive had promised before this began, as of one moment.

    Args:
        parts: Of the data folder.
        repository: Where to.
        tell: Called for each recording's audio that was seen to.
        keep: How many of the newest backups stay, at least one; all if left out.
        check: Which of the files that are there already are read again; none if left out.

    Raises:
        Misconfigured: the place of the backups, or a part of the archive, cannot be used, or the
            place is of another archive.
        StorageFull: there is no room.
        Unavailable: the database cannot be read, its copy is damaged, or the place is away.
    """
    destination = repository.destination
    with Snapshot(parts.database) as snapshot:
        archive_id = snapshot.archive_id()
    with repository.writing(archive_id), explained(destination.what):
        work = _Work(parts, repository, check)
        with Copying(work.source_of, destination) as copying:
            made = work.run(copying, tell)
        return made if keep is None else _pruned(made, repository, keep)


def _pruned(made: Made, repository: Repository, keep: int) -> Made:
    """Throw older backups away; where that fails, the new one is made all the same."""
    try:
        return replace(made, removed=repository.prune(keep))
    except (Misconfigured, StorageFull, Unavailable) as error:
        return replace(made, not_pruned=error.message)


class _Work:
    """One backup on its way."""

    def __init__(self, parts: Parts, repository: Repository, check: Subset | None) -> None:
        self._parts = parts
        self._repository = repository
        self._is_checked = _chooser(check, repository.destination)
        self._id = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}"[:-3] + "Z"
        scratch = repository.destination.scratch
        self._first, self._list, self._database = (
            scratch / each for each in ("first", LIST, DATABASE)
        )

    def source_of(self, item: Item) -> Path:
        """Return where a file is in the data folder."""
        part, _, place = str(item.place).partition("/")
        return (self._parts.audio if part == "audio" else self._parts.spool) / place

    def run(self, copying: Copying, tell: Callable[[], None]) -> Made:
        """Make the backup."""
        seen_to = self._seen_to(tell)
        lost = copying.bring(seen_to, compare_sizes=True, is_checked=self._is_checked)
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
        with Snapshot(self._parts.database) as snapshot:
            self._require_room(snapshot)
            write_lines(self._first, (each.line for each in _audio_of(snapshot)))
        for item in read_items(chunks_of(self._first)):
            yield item
            tell()

    def _copy_database(self, snapshot: Snapshot, lost: set[str]) -> Held:
        kept = (each.line for each in _audio_of(snapshot) if each.path not in lost)
        write_lines(self._list, kept)
        self._require_room(snapshot)
        snapshot.copy_to(self._database)
        return snapshot.held()

    def _require_room(self, snapshot: Snapshot) -> None:
        destination = self._repository.destination
        require_room(snapshot.size(), destination.scratch, destination.reserve)

    def _finish(self, copying: Copying, held: Held, taken_at: int, lost: set[str]) -> Made:
        digest = sha256_of(self._database)
        if not is_sound(self._database):
            raise Unavailable("The copy of the database is damaged, and so may be the database.")
        records = sorted(self._records(), key=lambda each: each.path)
        # Somebody may have emptied the spool meanwhile.
        gone = copying.bring(records, SPOOL, is_checked=self._is_checked)
        kept = [each for each in records if each.path not in gone]
        database = database_item(self._id, digest)
        write_lines(self._list, (each.line for each in [database, *kept]), "a")
        manifest = Manifest(
            version=VERSION,
            id=self._id,
            taken_at=taken_at,
            made_by=__version__,
            step=held.step,
            tenants=held.tenants,
            recordings=held.recordings,
            files=sum(1 for _ in read_items(chunks_of(self._list))) - 1,  # the database
            list_sha256=sha256_of(self._list),
            database_bytes=self._database.stat().st_size,
            database_sha256=digest,
            without_audio=tuple(sorted(lost)),
        )
        destination = self._repository.destination
        destination.take(self._database, database)
        destination.take(self._list, Item(part_of(self._id, LIST), manifest.list_sha256))
        self._repository.publish(manifest)
        return Made(manifest, copying.files, copying.size, copying.checked, copying.mended)

    def _records(self) -> Iterator[Item]:
        """Yield the call records that wait for an import."""
        for path in self._parts.spool.glob("*/*/*"):
            form, tenant, name = path.relative_to(self._parts.spool).parts
            try:
                item = spool_item(form, tenant, name, sha256_of(path))
            except LostError:
                continue
            if item.place is not None:  # else it is nothing that we put there
                yield item


def _audio_of(snapshot: Snapshot) -> Iterator[Item]:
    return (audio_item(tenant, digest) for tenant, digest in snapshot.audio())


def _chooser(check: Subset | None, destination: Destination) -> Callable[[str], bool]:
    """Return what says of a digest whether its file is read again where it is there already."""
    if check is None:
        return lambda _sha256: False
    is_amount = check.amount is not None  # else it need not be known how much there is
    total = sum(each.size() for each in destination.walk(AUDIO)) if is_amount else 0
    return check.chooser(total)


def require_apart(data: Path, folder: Path) -> None:
    """Raise Misconfigured where a folder of backups and a data folder are one within the other."""
    one, other = data.resolve(), folder.resolve()
    if one.is_relative_to(other) or other.is_relative_to(one):
        raise Misconfigured(
            "The folder of backups and the data folder must not lie in one another; best, they are "
            "on two disks."
        )
