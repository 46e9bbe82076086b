"""The backups of one archive: which there are, and which are thrown away."""

from __future__ import annotations

import heapq
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from operator import attrgetter
from pathlib import Path
from typing import Final

import msgspec

from callreel.archive.backups import (
    AUDIO,
    BACKUPS,
    LIST,
    MANIFEST,
    SPOOL,
    VERSION,
    Item,
    Manifest,
    Placed,
    database_item,
    part_of,
)
from callreel.archive.backups.copying import batches, beside
from callreel.archive.backups.destination import Destination
from callreel.archive.backups.earlier import ID, Earlier
from callreel.archive.backups.files import (
    LostError,
    digest_of,
    explained,
    is_content,
    read_items,
    write_lines,
)
from callreel.disk import closed_to_others
from callreel.errors import Misconfigured, NotFound

UNUSED: Final = "unused"


class Repository:
    """The backups of one archive, wherever they are kept.

    Raises (any method):
        Misconfigured: the place cannot be used.
        StorageFull: it has no room.
        Unavailable: it is away.
    """

    def __init__(self, destination: Destination) -> None:
        self.destination = destination

    @contextmanager
    def writing(self, archive_id: str | None = None) -> Iterator[None]:
        """Be the only one who writes to it, made as needed and rid of what a crash left.

        Args:
            archive_id: Of the archive; None if it has none yet.

        Raises:
            Misconfigured: another backup is being made there, or the place is of something else or
                of another archive.
        """
        with self.destination.writing(archive_id):
            with explained(self.destination.what):
                self._drop_halves()
            yield

    def ids(self) -> list[str]:
        """Return the ids of the backups, oldest first."""
        return [each for each in self._names() if ID.fullmatch(each)]

    def find(self, backup_id: str | None = None) -> Manifest:
        """Return what the newest backup, or that with an id, says of itself; no other is asked.

        Raises:
            NotFound: there is none.
            Misconfigured: its manifest cannot be read, or is of a newer form.
        """
        found = self.ids()
        if not found:
            raise NotFound("There is no backup in this place; check its name.")
        if backup_id is not None and backup_id not in found:
            raise NotFound(
                f"There is no such backup; there are {len(found)}, from {found[0]} to {found[-1]}."
            )
        return self._manifest(backup_id or found[-1])

    def items(self, manifest: Manifest) -> Iterator[Item]:
        """Return the files of a backup in the order of their paths, the database left out.

        Raises:
            Misconfigured: its list is not what it was; told at once, before the first file.
        """
        path = part_of(manifest.id, LIST)
        with explained(self.destination.what):
            is_whole = is_content(self.destination.read(path), manifest.list_sha256)
        if not is_whole:
            raise _damaged(manifest)
        return self._listed(manifest, path)

    def _listed(self, manifest: Manifest, path: str) -> Iterator[Item]:
        database = database_item(manifest.id, "").path
        try:
            for each in read_items(self.destination.read(path)):
                if each.path != database:
                    yield each
        except LostError as error:
            raise _damaged(manifest) from error

    def publish(self, manifest: Manifest) -> None:
        """Put a manifest in its place: from then on, the backup is one."""
        text = msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"
        with explained(self.destination.what):
            made = self.destination.scratch / MANIFEST
            with open(made, "wb", opener=closed_to_others) as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            self.destination.settle()  # all but the manifest is there for sure
            self.destination.take(made, Item(part_of(manifest.id, MANIFEST), digest_of([text])))
            self.destination.settle()

    def prune(self, keep: int) -> int:
        """Throw all but the newest backups away, and the files that none of them has.

        The caller holds `writing`: files that another backup has just brought are in no list yet.

        Args:
            keep: How many stay, at least one.

        Returns:
            How many backups went.

        Raises:
            Misconfigured: the manifest or the list of one of those that stay is damaged, of which
                it has to be known what is in it, what is told of older ones is lost, or a backup
                has another name than its own; then nothing goes.
        """
        found = self._required_names()
        gone, kept = set(found[:-keep]), found[-keep:]
        if not kept:
            return 0
        earlier = Earlier(self.destination, lambda each: self.items(self._manifest(each)))
        with explained(self.destination.what):
            try:
                path = earlier.bring(found, kept)
                unused = self._foreseen(kept[-1], earlier.read(path))
            except LostError as error:
                raise Misconfigured(
                    "What is told of older backups is lost; the next backup makes it again."
                ) from error
            # The manifests first: half a backup must not look whole.
            self.destination.remove([part_of(each, MANIFEST) for each in sorted(gone)])
            self._remove(path for path, name in self._parts() if name in gone)
            with unused.open(encoding="ascii") as lines:
                self._remove(each.rstrip("\n") for each in lines)
            unused.unlink()
            self._remove(earlier.others(path))
        return len(gone)

    def _foreseen(self, newest: str, past: Iterator[Placed]) -> Path:
        """Write down which files none of the backups that stay has, before anything goes."""
        made = self.destination.scratch / UNUSED
        both: tuple[Iterator[Placed], ...] = self.items(self._manifest(newest)), past
        used = heapq.merge(*both, key=attrgetter("path"))
        write_lines(made, (f"{each}\n" for each in self._unused(used)))
        return made

    def _parts(self) -> Iterator[tuple[str, str]]:
        """Yield the path of each file of a backup, whole or not, and the name of its folder."""
        for each in self.destination.walk(BACKUPS):
            _, name, *rest = each.path.split("/")
            if rest:
                yield each.path, name

    def _names(self) -> list[str]:
        with explained(self.destination.what):
            return [name for path, name in self._parts() if path == part_of(name, MANIFEST)]

    def _required_names(self) -> list[str]:
        """Return the ids of the backups, oldest first.

        A folder with a manifest is a backup, also where somebody gave it another name.

        Raises:
            Misconfigured: somebody did, so it is not known which files that one needs.
        """
        found = self._names()
        for name in found:
            if not ID.fullmatch(name):
                raise Misconfigured(
                    f"The backup in the folder {ascii(name)[1:-1]} has another name than that in "
                    "its manifest; name it so again, or move it away."
                )
        return found

    def _drop_halves(self) -> None:
        """Drop what a backup that was cut short left of itself; the files it brought stay."""
        whole = set(self._names())
        self._remove(
            path for path, name in self._parts() if ID.fullmatch(name) and name not in whole
        )

    def _manifest(self, name: str) -> Manifest:
        try:
            text = self._text(part_of(name, MANIFEST))
            version = msgspec.json.decode(text)["version"]
            if version == VERSION:
                return msgspec.json.decode(text, type=Manifest)
        except (msgspec.MsgspecError, KeyError, TypeError) as error:
            raise Misconfigured(
                f"The manifest of the backup {name} cannot be read; take another, and remove it."
            ) from error
        raise Misconfigured(f"The backup {name} is of a newer version; use the one that made it.")

    def _text(self, path: str) -> bytes:
        with explained(self.destination.what):
            try:
                return b"".join(self.destination.read(path))
            except LostError:
                return b""

    def _unused(self, used: Iterator[Placed]) -> Iterator[str]:
        """Yield files of ours that are not used; both come in the order of their paths."""
        there = chain(self.destination.walk(AUDIO), self.destination.walk(SPOOL))
        for each, user in beside(there, used):
            if user is None and Item(each.path, "").place is not None:
                yield each.path

    def _remove(self, paths: Iterable[str]) -> None:
        for batch in batches(paths):
            self.destination.remove(batch)


def _damaged(manifest: Manifest) -> Misconfigured:
    return Misconfigured(f"The list of the backup {manifest.id} is damaged; take another.")
