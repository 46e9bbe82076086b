"""A folder where call records wait for an import: each on stable storage before it is promised.

    <root>/<format>/<tenant>/<name>    whole, and never changed
    <root>/tmp/                        what is on its way in

Names are made here of what was checked before; nothing that a client says is a path.
"""

from __future__ import annotations

import os
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from callreel.disk import NEW, NO_ROOM, READ, free_bytes, sync_folder
from callreel.errors import Conflict, StorageFull, Unavailable

STALE_SECONDS: Final = 3600
_NAME: Final = re.compile(r"[0-9a-z][0-9a-z-]{0,63}(?:\.[a-z]{1,8}){0,2}")


@dataclass(frozen=True, slots=True)
class Spool:
    """Such a folder; several processes may share it.

    Attributes:
        root: The folder, made as needed.
        reserve_bytes: Free bytes of the file system below which nothing is taken in.
    """

    root: Path
    reserve_bytes: int

    def keep(self, format_name: str, tenant: int, name: str, content: bytes) -> bool:
        """Keep a record and return whether it is new; the same again changes nothing.

        When this returns, the record is on stable storage.

        Raises:
            Conflict: the name has other content, which stays.
            StorageFull: there is no room.
            Unavailable: the folder cannot be written to.
        """
        if not (_NAME.fullmatch(name) and _NAME.fullmatch(format_name)) or tenant < 0:
            raise ValueError("not a place in the spool")
        folder = self.root / format_name / f"{tenant:d}"
        with _translated():
            folder.mkdir(mode=0o750, parents=True, exist_ok=True)
            is_new = not _has(folder / name, content) and self._put(folder / name, content)
            # Who put it or made a folder before may have died before its name was on the disk.
            for each in (folder, folder.parent, self.root, self.root.parent):
                sync_folder(each)
        return is_new

    def clear(self) -> None:
        """Drop what a crash left on its way in."""
        oldest = time.time() - STALE_SECONDS
        with suppress(OSError):  # there is none yet, or another start clears it
            for path in self._tmp.iterdir():
                if path.lstat().st_mtime < oldest:
                    path.unlink(missing_ok=True)

    @property
    def _tmp(self) -> Path:
        return self.root / "tmp"

    def _put(self, place: Path, content: bytes) -> bool:
        """Put a record into its place, whole or not at all and in place of nothing."""
        self._tmp.mkdir(mode=0o750, exist_ok=True)
        if free_bytes(self._tmp) < self.reserve_bytes:
            raise StorageFull("There is no room for more call records; tell the operator.")
        half = self._tmp / secrets.token_hex(16)
        try:
            _write(half, content)
            os.link(half, place)
        except FileExistsError:
            return not _has(place, content)
        finally:
            half.unlink(missing_ok=True)
        return True


def _write(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, NEW, 0o440), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _has(place: Path, content: bytes) -> bool:
    """Return whether this content has its place already.

    Raises:
        Conflict: other content has.
    """
    try:
        descriptor = os.open(place, READ)
    except FileNotFoundError:
        return False
    with os.fdopen(descriptor, "rb") as file:
        if file.read(len(content) + 1) != content:
            raise Conflict("There is another call record of this channel, which is kept.")
    return True


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in NO_ROOM:
            raise StorageFull("There is no room for the call record; tell the operator.") from error
        raise Unavailable("The folder of call records failed; tell the operator.") from error
