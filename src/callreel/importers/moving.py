"""Move a file that was taken in out of its folder, so that the folder holds what is still to do."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

from callreel.errors import Unavailable
from callreel.importers.tree import Found

_HALF: Final = ".part"


def move(root: Path, found: Found, target: Path) -> Path | None:
    """Move a file to its place below another folder, and return that, or None where it stays.

    It stays where it has been changed since it was found, or is gone. Nothing is ever replaced:
    where its place is taken, a number is put before the name's ending.

    Args:
        root: The folder that it was found in.
        found: The file.
        target: The other folder; made as needed.

    Raises:
        Unavailable: it cannot be moved.
    """
    path = root.joinpath(*found.parts)
    try:
        info = path.lstat()
        if (info.st_size, info.st_mtime) != (found.size, found.modified_at):
            return None
        place = target.joinpath(*found.parts)
        place.parent.mkdir(parents=True, exist_ok=True)
        return _moved(path, place)
    except FileNotFoundError:
        return None
    except OSError as error:
        says = (error.strerror or "it failed").lower()
        raise Unavailable(f"{found.where} was taken in but cannot be moved: {says}.") from error


def _moved(path: Path, place: Path) -> Path:
    for number in range(1_000):
        free = place if number == 0 else place.with_stem(f"{place.stem}.{number}")
        try:
            _link(path, free)
        except FileExistsError:
            continue
        path.unlink()
        return free
    raise FileExistsError(0, "a thousand files have its name")


def _link(path: Path, place: Path) -> None:
    """Give a file another name, on another disk by way of a copy; never in place of a file."""
    try:
        os.link(path, place, follow_symlinks=False)
    except FileExistsError:
        raise
    except OSError:  # another disk, or one without links
        half = place.with_name(place.name + _HALF)
        shutil.copy2(path, half, follow_symlinks=False)
        with half.open("rb") as copied:
            os.fsync(copied.fileno())
        try:
            os.link(half, place)
        finally:
            half.unlink()
