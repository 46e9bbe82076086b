"""From settings to objects: the one place that knows which backend stands behind a seam."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from callreel.api.wire import Bodies
from callreel.archive import Archive
from callreel.audio.folder import FolderStore
from callreel.audio.worker import ChildSoundWorker
from callreel.catalog import Catalog
from callreel.catalog.sqlite import SqliteCatalog
from callreel.errors import Misconfigured
from callreel.settings import Settings

LOCK: Final = "serve.lock"
DATABASE: Final = "callreel.db"


def open_catalog(settings: Settings) -> Catalog:
    """Return the catalog of the data folder, created where there is none; the caller closes it.

    Raises:
        Misconfigured: the data folder cannot be used.
    """
    return SqliteCatalog(_made(settings.data) / DATABASE, query_seconds=settings.query_seconds)


def existing(settings: Settings) -> Settings:
    """Return the settings, of which the data folder is sure to hold an archive.

    What only works on an archive asks this first, so that a mistyped folder makes no empty one.

    Raises:
        Misconfigured: there is none.
    """
    if not (settings.data / DATABASE).exists():
        raise Misconfigured(
            "There is no archive in the data folder; check CALLREEL_DATA, or make one with "
            "`callreel tenant create NAME`."
        )
    return settings


def look_at_catalog(settings: Settings) -> Catalog | None:
    """Return the catalog to be read only, or None where there is none; the caller closes it.

    Raises:
        Misconfigured: it cannot be read.
    """
    path = settings.data / DATABASE
    return SqliteCatalog(path, read_only=True) if path.exists() else None


def open_archive(settings: Settings) -> Archive:
    """Return the archive of the data folder, created where there is none; the caller closes it.

    Raises:
        Misconfigured: the data folder cannot be used.
    """
    catalog = open_catalog(settings)
    return Archive(
        catalog=catalog,
        audio=FolderStore(settings.data / "audio", reserve_bytes=settings.free_space_reserve),
        sound=ChildSoundWorker(convert_seconds=settings.convert_seconds),
        bodies=Bodies(),
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
        _hold(lock)
        yield
    finally:
        os.close(lock)


def _hold(lock: int) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise Misconfigured(
            "Another server runs on this data folder; stop it first or choose another folder."
        ) from error


def _made(data: Path) -> Path:
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _unusable(error) from error
    return data


def _opened(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _unusable(error) from error


def _unusable(error: OSError) -> Misconfigured:
    why = (error.strerror or "it failed").lower()
    return Misconfigured(f"The data folder cannot be used: {why}; check it and its permissions.")
