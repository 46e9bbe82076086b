"""The backups of one archive: which there are, and which are thrown away."""

from __future__ import annotations

import heapq
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
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
    database_item,
    part_of,
)
from callreel.archive.backups.copying import batches
from callreel.archive.backups.destination import Destination
from callreel.archive.backups.files import (
    LostError,
    digest_of,
    explained,
    is_content,
    read_items,
)
from callreel.errors import Misconfigured, NotFound

_ID: Final = re.compile(r"\d{8}T\d{6}\.\d{3}Z")


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
    def writing(self) -> Iterator[None]:
        """Be the only one who writes to it, made as needed and rid of what a crash left.

        Raises:
            Misconfigured: another backup is being made there, or the place is of something else.
        """
        with self.destination.writing():
            with explained(self.destination.what):
                self._drop_halves()
            yield

    def ids(self) -> list[str]:
        """Return the ids of the backups, oldest first."""
        return [each for each in self._names() if _ID.fullmatch(each)]

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
            raise Misconfigured(f"The list of the backup {manifest.id} is damaged; take another.")
        database = database_item(manifest.id, "").path
        listed = read_items(self.destination.read(path))
        return (each for each in listed if each.path != database)

    def publish(self, manifest: Manifest) -> None:
        """Put a manifest in its place: from then on, the backup is one."""
        text = msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"
        with explained(self.destination.what):
            made = self.destination.scratch / MANIFEST
            with made.open("wb") as file:
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
            Misconfigured: a manifest or a list of those that stay is damaged, or a backup has
                another name than its own; then nothing goes.
        """
        self._require_names()
        found = self.ids()
        gone, kept = set(found[:-keep]), found[-keep:]
        lists = [self.items(self._manifest(each)) for each in kept]
        used = heapq.merge(*lists, key=lambda item: item.path)
        with explained(self.destination.what):
            # The manifests first: half a backup must not look whole.
            self.destination.remove([part_of(each, MANIFEST) for each in sorted(gone)])
            self._remove(path for path, name in self._parts() if name in gone)
            self._remove(self._unused(item.path for item in used))
        return len(gone)

    def _parts(self) -> Iterator[tuple[str, str]]:
        """Yield the path of each file of a backup, whole or not, and the name of its folder."""
        for each in self.destination.walk(BACKUPS):
            _, name, *rest = each.path.split("/")
            if rest:
                yield each.path, name

    def _names(self) -> list[str]:
        with explained(self.destination.what):
            return [name for path, name in self._parts() if path == part_of(name, MANIFEST)]

    def _require_names(self) -> None:
        """Raise Misconfigured where it is not known which files a backup needs.

        A folder with a manifest is a backup, also where somebody gave it another name.
        """
        for name in self._names():
            if not _ID.fullmatch(name):
                raise Misconfigured(
                    f"The backup in the folder {ascii(name)[1:-1]} has another name than that in "
                    "its manifest; name it so again, or move it away."
                )

    def _drop_halves(self) -> None:
        """Drop what a backup that was cut short left of itself; the files it brought stay."""
        whole = set(self._names())
        self._remove(
            path for path, name in self._parts() if _ID.fullmatch(name) and name not in whole
        )

    def _manifest(self, name: str) -> Manifest:
        try:
            with explained(self.destination.what):
                text = b"".join(self.destination.read(part_of(name, MANIFEST)))
            version = msgspec.json.decode(text)["version"]
            if version == VERSION:
                return msgspec.json.decode(text, type=Manifest)
        except (LostError, msgspec.MsgspecError, KeyError, TypeError) as error:
            raise Misconfigured(
                f"The manifest of the backup {name} cannot be read; take another, and remove it."
            ) from error
        raise Misconfigured(f"The backup {name} is of a newer version; use the one that made it.")

    def _unused(self, used: Iterator[str]) -> Iterator[str]:
        """Yield files of ours that are not used; both come in the order of their paths."""
        wanted = next(used, None)
        for each in chain(self.destination.walk(AUDIO), self.destination.walk(SPOOL)):
            while wanted is not None and wanted < each.path:
                wanted = next(used, None)
            if wanted != each.path and Item(each.path, "").place is not None:
                yield each.path

    def _remove(self, paths: Iterable[str]) -> None:
        for batch in batches(paths):
            self.destination.remove(batch)
