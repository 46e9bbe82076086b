"""From settings to objects: the one place that knows which backend stands behind a seam."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from callreel.api.wire import Bodies
from callreel.archive import Archive
from callreel.archive.backups import Parts
from callreel.archive.backups.back_up import require_apart
from callreel.archive.backups.bucket import BucketDestination, clear_left_over
from callreel.archive.backups.folder import FolderDestination
from callreel.archive.backups.repository import Repository
from callreel.archive.backups.restore import RESTORING, Means
from callreel.archive.export_jobs.desk import ExportDesk
from callreel.archive.export_jobs.store import ExportStore
from callreel.archive.spool import Spool
from callreel.audio.folder import FolderStore
from callreel.audio.worker import ChildSoundWorker
from callreel.bucket import Access, Bucket
from callreel.catalog import Catalog
from callreel.catalog.condition import is_blank, is_outdated
from callreel.catalog.sqlite import SqliteCatalog
from callreel.disk import is_locked_by_us
from callreel.errors import Misconfigured
from callreel.settings import Settings

LOCK: Final = "serve.lock"
TELLER_LOCK: Final = "webhooks.lock"
DATABASE: Final = "callreel.db"
DATABASE_LOG: Final = f"{DATABASE}-wal"
AUDIO: Final = "audio"
SPOOL: Final = "spool"
EXPORTS: Final = "exports"
VERIFIED: Final = "verified.json"
LAST_BACKUP: Final = "last-backup.json"
FILES_FOR_WORK: Final = 128
"""Descriptors that a server process needs beside those of connections and uploads, and some."""
FILES_OF_UPLOAD: Final = 2
"""Descriptors of an upload at most: its file, and that again while it is brought to the disk."""
UPLOADING: Final = "uploading"
"""The folder for what is on its way to a bucket of backups."""
AUDIO_MADE: Final = "audio.made"
"""Stands beside the folder of audio once that was made, so that it is missed when it is away."""


_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]*://")
_REGION: Final = re.compile(r"[a-z0-9-]{1,40}")
_KEY: Final = ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY")


def open_catalog(settings: Settings) -> Catalog:
    """Return the catalog of the data folder, created where there is none; the caller closes it.

    Raises:
        Misconfigured: the data folder cannot be used.
    """
    path = _made(settings.data) / DATABASE
    _require_restored(settings.data)
    require_database(path, settings.data / AUDIO)
    return SqliteCatalog(path, query_seconds=settings.query_seconds)


def existing(settings: Settings) -> Settings:
    """Return the settings, of which the data folder is sure to hold an archive.

    What only works on an archive asks this first, so that a mistyped folder makes no empty one.

    Raises:
        Misconfigured: there is none.
    """
    if not _is_there(settings.data / DATABASE):
        raise Misconfigured(
            "There is no archive in the data folder; check CALLREEL_DATA, or make one with "
            "`callreel tenant create NAME`."
        )
    return settings


def require_no_older_server(data: Path) -> None:
    """Return if to open the catalog changes nothing under a server; servers do not ask.

    Raises:
        Misconfigured: a server runs that knows an older schema.
    """
    path = data / DATABASE
    if _is_there(path) and is_outdated(path) and is_served(data):
        raise Misconfigured(
            "A server of an older version runs on this data folder, and this command would change "
            "the database under it; restart the server with this version first."
        )


def look_at_catalog(settings: Settings) -> Catalog | None:
    """Return the catalog to be read only, or None where there is none; the caller closes it.

    Raises:
        Misconfigured: it cannot be read.
    """
    path = settings.data / DATABASE
    return SqliteCatalog(path, read_only=True) if _is_there(path) else None


def open_archive(settings: Settings) -> Archive:
    """Return the archive of the data folder, created where there is none; the caller closes it.

    Raises:
        Misconfigured: the data folder cannot be used, or a part of it is gone.
        Unavailable, StorageFull: the folder of audio cannot be made or written to.
    """
    require_audio(settings.data)
    catalog = open_catalog(settings)
    audio = FolderStore(settings.data / AUDIO, reserve_bytes=settings.free_space_reserve)
    with suppress(OSError):  # on a full disk it is made another time
        (settings.data / AUDIO_MADE).touch(mode=0o600)
    spool = Spool(settings.data / SPOOL, reserve_bytes=settings.free_space_reserve)
    spool.clear()
    exports = ExportStore(
        settings.data / EXPORTS,
        kept_seconds=settings.export_hours * 3600,
        reserve_bytes=settings.free_space_reserve,
    )
    return Archive(
        catalog=catalog,
        audio=audio,
        sound=ChildSoundWorker(convert_seconds=settings.convert_seconds),
        bodies=Bodies(),
        spool=spool,
        exports=ExportDesk(exports, settings.data),
    )


def require_use(settings: Settings) -> None:
    """Raise, in one sentence, what would keep a server from its work on the data folder.

    Asked once before several processes begin, each of which could only die of it. The schema is
    brought up to date here, so that none of them waits for another, and what a backup that was
    killed left is dropped.

    Raises:
        Misconfigured: the folder cannot be used, a part of it is gone, or the disk is smaller
            than what is to be left free on it.
        Unavailable, StorageFull: the folder of audio cannot be made or written to.
    """
    asyncio.run(open_archive(settings).close())
    clear_left_over(settings.data / UPLOADING)
    whole = shutil.disk_usage(settings.data).total
    if settings.free_space_reserve >= whole:
        raise Misconfigured(
            f"CALLREEL_FREE_SPACE_RESERVE is {settings.free_space_reserve} bytes, but the whole "
            f"disk of the data folder has {whole}; lower it."
        )


def files_wanted(settings: Settings) -> int:
    """Return how many files a server process should be able to open."""
    return settings.max_connections + FILES_OF_UPLOAD * settings.max_uploads + FILES_FOR_WORK


def most_connections(settings: Settings, files: int) -> int:
    """Return how many connections a server process takes at once.

    Args:
        settings: The settings.
        files: How many files it may open; half of them at most are kept for other things.
    """
    kept = min(FILES_OF_UPLOAD * settings.max_uploads + FILES_FOR_WORK, files // 2)
    return min(settings.max_connections, files - kept)


def parts_of(settings: Settings) -> Parts:
    """Return the parts of an archive that a backup is made of.

    Raises:
        Misconfigured: there is no archive, or a part of it is gone.
    """
    data = existing(settings).data
    require_audio(data)
    return Parts(data / DATABASE, data / AUDIO, data / SPOOL)


def repository_at(place: str, data: Path, settings: Settings) -> Repository:
    """Return the backups that are kept in a folder, or at an address such as s3://bucket/prefix.

    Args:
        place: The folder or the address.
        data: The data folder that is backed up, or restored into.
        settings: Where the S3 server is; its key comes from the environment.

    Raises:
        Misconfigured: it cannot be used: one folder is within the other, there is no key, or the
            package for S3 is not installed.
    """
    if place.startswith("s3://"):
        bucket = Bucket(place, _access(settings))
        reserve = settings.free_space_reserve
        return Repository(BucketDestination(bucket, data / UPLOADING, reserve))
    if _SCHEME.match(place):
        raise Misconfigured("Backups are kept in a folder, or at s3://bucket/prefix; name one.")
    require_apart(data, Path(place))
    return Repository(FolderDestination(Path(place)))


def _access(settings: Settings, environment: Mapping[str, str] = os.environ) -> Access:
    key_id, secret = (environment.get(f"AWS_{each}", "") for each in _KEY)
    if not key_id or not secret:
        raise Misconfigured(
            "The key to the S3 server is missing; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
        )
    region = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or "us-east-1"
    if not _REGION.fullmatch(region):
        raise Misconfigured("AWS_REGION must be the name of a region, such as eu-central-1.")
    return Access(
        endpoint=settings.s3_endpoint or f"https://s3.{region}.amazonaws.com",
        region=region,
        key_id=key_id,
        secret=secret,
        token=environment.get("AWS_SESSION_TOKEN") or None,
    )


def has_s3_key(environment: Mapping[str, str] = os.environ) -> bool:
    """Say whether there is a key to an S3 server, for us or for other programs."""
    return all(environment.get(f"AWS_{each}") for each in _KEY)


def means_of_restoring() -> Means:
    """Return how a restore opens the catalog that it puts back."""
    return Means(SqliteCatalog, Bodies())


def _require_restored(data: Path) -> None:
    """Raise Misconfigured rather than begin anew where a backup was to be put back."""
    if _is_there(data / RESTORING) and not _is_there(data / DATABASE):
        raise Misconfigured(
            "A backup was being restored into this data folder, and it was cut short; run "
            "`callreel restore` again."
        )


def require_database(path: Path, audio: Path) -> None:
    """Raise rather than begin anew beside what an older database knows.

    Raises:
        Misconfigured: there is no database, or an empty one, and recordings are left.
    """
    if _is_there(path) and not is_blank(path):
        return
    has_log = path.with_name(path.name + "-wal").exists() and not path.exists()
    has_audio = any(name.isdecimal() for name in _names_in(audio))
    if has_log or has_audio:
        raise Misconfigured(
            f"The database {path.name} is gone from the data folder, or nothing is in it, though "
            f"recordings are left there; put it back, with its log {path.name}-wal if it had one, "
            "or take another data folder to begin anew."
        )


def require_audio(data: Path) -> None:
    """Raise where a new folder of audio would hide the recordings of one that is away.

    Raises:
        Misconfigured: the folder of audio was there once, and is gone or empty.
    """
    audio = data / AUDIO
    if _is_there(data / AUDIO_MADE) and not _names_in(audio):
        raise Misconfigured(
            f"The folder {AUDIO} in the data folder is gone or empty; if it is a disk of its own, "
            f"mount it. To go on without the recordings in it, remove the file {AUDIO_MADE}."
        )


@contextmanager
def sole_server(data: Path) -> Iterator[None]:
    """Be the only server on a data folder for as long as the context lasts.

    Other commands work beside a server and do not ask. The kernel drops the lock with the
    process, so a server that was killed leaves nothing to clear away.

    Raises:
        Misconfigured: another server runs on it, or the folder cannot be used.
    """
    lock = _opened(_made(data) / LOCK)
    try:
        if not is_locked_by_us(lock):
            raise Misconfigured(
                "Another server runs on this data folder; stop it first or choose another folder."
            )
        yield
    finally:
        os.close(lock)


def is_served(data: Path) -> bool:
    """Say whether a server runs on a data folder, without taking its place."""
    path = data / LOCK
    if not _is_there(path):
        return False
    lock = _opened(path)
    try:
        return not is_locked_by_us(lock)
    finally:
        os.close(lock)


class TellerPost:
    """The post of the one process that tells webhooks; the kernel frees it with its holder."""

    def __init__(self, data: Path) -> None:
        self._lock = _opened(_made(data) / TELLER_LOCK)

    def is_ours(self) -> bool:
        """Take the post where nobody has it, and say whether it is ours."""
        return is_locked_by_us(self._lock)


def _made(data: Path) -> Path:
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _unusable(error) from error
    return data


def _opened(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise _unusable(error) from error


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:  # such as where the folder is another user's
        raise _unusable(error) from error


def _names_in(folder: Path) -> list[str]:
    try:
        return [each.name for each in folder.iterdir()] if folder.is_dir() else []
    except OSError as error:
        raise _unusable(error) from error


def _unusable(error: OSError) -> Misconfigured:
    why = (error.strerror or "it failed").lower()
    return Misconfigured(f"The data folder cannot be used: {why}; check it and its permissions.")
