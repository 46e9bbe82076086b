"""Backups: many in one place, each whole, which share the files that never change.

    <root>/audio/<tenant>/<ab>/<sha256>                    as in a data folder
    <root>/spool/<format>/<tenant>/<sha256>.<name>         call records that wait for an import
    <root>/backups/<id>/callreel.db                        the database as it stood at one moment
    <root>/backups/<id>/files.sha256                       what belongs to it, as sha256sum reads it
    <root>/backups/<id>/manifest.json                      put there last: without it, it is none
    <root>/earlier/<id>.<sha256>                           which files only backups before it have
    <root>/tmp/                                            what is on its way in
    <root>/callreel-backups                                says of which archive the backups are

The root is a folder, or a prefix in a bucket: see `destination`. A file gets its name when it is
whole; it was read back before a backup with it is one; and nothing changes it any more.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

VERSION: Final = 1
AUDIO: Final = "audio"
SPOOL: Final = "spool"
BACKUPS: Final = "backups"
EARLIER: Final = "earlier"
DATABASE: Final = "callreel.db"
LIST: Final = "files.sha256"
MANIFEST: Final = "manifest.json"
_AUDIO_PATH: Final = re.compile(rf"{AUDIO}/([0-9]+)/[0-9a-f]{{2}}/([0-9a-f]{{64}})")
_SPOOL_PATH: Final = re.compile(
    rf"{SPOOL}/([0-9a-z-]+)/([0-9]+)/([0-9a-f]{{64}})\.([0-9a-z][0-9a-z.-]*)"
)


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a data folder that a backup is made of."""

    database: Path
    audio: Path
    spool: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a backup says of itself.

    Attributes:
        version: Of this form.
        id: Its name: when it was begun, in UTC.
        taken_at: The moment that it shows, in seconds UTC.
        made_by: The version of Callreel.
        step: The last step of the schema.
        tenants, recordings: How many there were.
        files: How many files are in its list, beside the database.
        list_sha256: Hex digest of the list.
        database_bytes, database_sha256: Of the database.
        without_audio: Paths of audio that recordings had and that was not there, or not whole, when
            it was made.
    """

    version: int
    id: str
    taken_at: int
    made_by: str
    step: int
    tenants: int
    recordings: int
    files: int
    list_sha256: str
    database_bytes: int
    database_sha256: str
    without_audio: tuple[str, ...] = ()


class Placed(Protocol):
    """What has a path of a file of backups."""

    @property
    def path(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Item:
    """A file of a backup: where it lies in a folder of backups, and what is in it."""

    path: str
    sha256: str

    @property
    def line(self) -> str:
        """The line of the list, as `sha256sum` writes it."""
        return f"{self.sha256}  {self.path}\n"

    @property
    def audio(self) -> tuple[int, str] | None:
        """The tenant and the digest, where it is audio."""
        match = _AUDIO_PATH.fullmatch(self.path)
        return None if match is None else (int(match[1]), match[2])

    @property
    def place(self) -> str | None:
        """Where it lies in a data folder, or None where no such file belongs there."""
        if _AUDIO_PATH.fullmatch(self.path):
            return self.path
        match = _SPOOL_PATH.fullmatch(self.path)
        return None if match is None else f"{SPOOL}/{match[1]}/{match[2]}/{match[4]}"


def part_of(backup_id: str, name: str) -> str:
    """Return the path of the list, the manifest or the database of a backup."""
    return f"{BACKUPS}/{backup_id}/{name}"


def database_item(backup_id: str, sha256: str) -> Item:
    """Return the database of a backup: in its list for whoever checks that, and nowhere else."""
    return Item(part_of(backup_id, DATABASE), sha256)


def audio_item(tenant: int, sha256: str) -> Item:
    """Return the file of audio."""
    return Item(f"{AUDIO}/{tenant}/{sha256[:2]}/{sha256}", sha256)


def spool_item(format_name: str, tenant: str, name: str, sha256: str) -> Item:
    """Return the file of a call record."""
    return Item(f"{SPOOL}/{format_name}/{tenant}/{sha256}.{name}", sha256)
