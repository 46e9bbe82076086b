"""The whole examination, in the order in which one would ask."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from callreel import __version__
from callreel.archive.noted import LastBackup, LastVerify, last
from callreel.audio.worker import ChildSoundWorker
from callreel.catalog.condition import SAFE_SQLITE, Condition, condition_of, sqlite_version
from callreel.catalog.migrate import BEFORE
from callreel.doctor import Diagnosis, bad, ok, warning
from callreel.doctor.disk import look_at_disk, look_at_folder, look_at_room
from callreel.doctor.machine import look_at_child, look_at_clock, look_at_limits, look_at_sound
from callreel.errors import Misconfigured
from callreel.settings import Settings
from callreel.wiring import (
    AUDIO,
    DATABASE,
    LAST_BACKUP,
    VERIFIED,
    has_s3_key,
    is_served,
    require_audio,
    require_database,
)

OLD_BACKUP_SECONDS: Final = 8 * 86_400


async def examine(settings: Settings) -> AsyncIterator[Diagnosis]:
    """Yield what was found of everything, a thing at a time."""
    yield ok("version", f"Callreel {__version__} on Python {sys.version.split()[0]}.")
    yield _sqlite()
    data, path = settings.data, settings.data / DATABASE
    written_at = 0.0
    try:
        if data.is_dir():
            for diagnosis in _data(settings):
                yield diagnosis
            written_at = max(_written_at(path), _written_at(path.with_name(f"{path.name}-wal")))
            for diagnosis in _database(path):
                yield diagnosis
        else:
            yield bad("data folder", "There is none; check CALLREEL_DATA, or begin an archive.")
    except OSError as error:
        why = (error.strerror or "it failed").lower()
        yield bad("data folder", f"It cannot be used: {why}; check it and its permissions.")
    if settings.s3_endpoint is not None:
        yield _s3(settings.s3_endpoint)
    elif has_s3_key():
        yield _amazon()
    yield look_at_clock(time.time(), written_at)
    for diagnosis in look_at_limits(settings):
        yield diagnosis
    sound = ChildSoundWorker(convert_seconds=settings.convert_seconds)
    try:
        yield await look_at_sound(sound)
        yield await look_at_child(sound)
    finally:
        await sound.close()


def _sqlite() -> Diagnosis:
    found, told = sqlite_version(), ".".join(map(str, sqlite_version()))
    if found < SAFE_SQLITE:
        needed = ".".join(map(str, SAFE_SQLITE))
        return warning(
            "SQLite",
            f"Version {told} can damage a database that several connections write to; install "
            f"apsw with SQLite {needed} or newer.",
        )
    return ok("SQLite", f"Version {told}.")


def _data(settings: Settings) -> Iterator[Diagnosis]:
    yield from look_at_folder(settings.data)
    yield look_at_disk("data folder", settings.data)
    audio = settings.data / AUDIO
    if audio.is_dir() and audio.stat().st_dev != settings.data.stat().st_dev:
        yield look_at_disk("folder of audio", audio)
    try:
        require_audio(settings.data)
    except Misconfigured as error:
        yield bad("folder of audio", error.message)
    yield from look_at_room(audio if audio.is_dir() else settings.data, settings.free_space_reserve)
    is_busy = is_served(settings.data)
    yield ok("server", "One runs on this data folder." if is_busy else "None runs on this folder.")


def _database(path: Path) -> Iterator[Diagnosis]:
    if not path.exists():
        yield bad(
            "database",
            "There is no archive in the data folder; check CALLREEL_DATA, or begin one with "
            "`callreel tenant create NAME`.",
        )
        return
    try:
        require_database(path, path.with_name(AUDIO))
        found = condition_of(path)
    except Misconfigured as error:
        yield bad("database", error.message)
        return
    if not os.access(path, os.W_OK):
        yield bad("database", "It cannot be written to; check it and its permissions.")
    if found.has_log:
        yield ok("durability", "journal_mode=wal: what was answered with success is on the disk.")
    elif found.step is not None:
        yield bad(
            "durability",
            "journal_mode is not wal: recordings can be lost; use a file system with locks.",
        )
    yield _schema(found)
    if found.has_recordings:
        yield _backup(path.with_name(LAST_BACKUP))
        yield _verify(path.with_name(VERIFIED))
    for kept in sorted(path.parent.glob(f"{path.name}{BEFORE}*")):
        yield ok(
            "copy",
            f"{kept.name} is the database before its schema changed; remove it once all is well "
            "since, as it still holds what was deleted since.",
        )


def _backup(path: Path) -> Diagnosis:
    found = last(path, LastBackup)
    if found is None:
        return warning(
            "backup",
            "None is known of; make one with `callreel backup`, every night and onto another disk.",
        )
    told = f"The last one, {found.id}, shows {_moment(found.taken_at)}"
    if time.time() - found.taken_at > OLD_BACKUP_SECONDS:
        return warning("backup", f"{told}, which is long ago; see why none was made since.")
    return ok("backup", f"{told}.")


def _s3(endpoint: str) -> Diagnosis:
    if find_spec("obstore") is None:
        return bad(
            "S3",
            "CALLREEL_S3_ENDPOINT is set, but backups there need pip install 'callreel[s3]'.",
        )
    if endpoint.startswith("http:"):
        return warning(
            "S3",
            "CALLREEL_S3_ENDPOINT is without TLS: whoever is between can read the backups; use "
            "https.",
        )
    return ok("S3", "Backups there are sent by TLS.")


def _amazon() -> Diagnosis:
    """Say where a backup would go, and no more: the key may be there for other programs."""
    needs = " once pip install 'callreel[s3]' was run" if find_spec("obstore") is None else ""
    would = "With the key that is set, `callreel backup s3://…` sends to Amazon's server by TLS"
    return ok("S3", f"{would}{needs}.")


def _verify(path: Path) -> Diagnosis:
    found = last(path, LastVerify)
    if found is None:
        return ok("verify", "All audio was never read again; `callreel verify` does that.")
    told = f"All audio was read again last at {_moment(found.began_at)}"
    if found.damages:
        return warning(
            "verify", f"{told}, and was damaged: {found.damages}; see `callreel verify`."
        )
    return ok("verify", f"{told}, and was whole.")


def _moment(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _schema(found: Condition) -> Diagnosis:
    step, newest = found.step, found.newest_step
    if step is None:
        return bad("schema", "The database is not of this program; check CALLREEL_DATA.")
    if step > newest:
        return bad(
            "schema",
            f"It is at step {step} and this version knows {newest}; use the newer version that "
            "wrote it.",
        )
    if found.lacks:
        return bad(
            "schema",
            f"It is at step {step} and lacks {', '.join(found.lacks)}; restore the database from "
            "a backup.",
        )
    if step < newest:
        return ok("schema", f"It is at step {step}; the next start brings it to {newest}.")
    return ok("schema", f"It is at step {step}, the newest.")


def _written_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
