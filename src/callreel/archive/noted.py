"""When something was done last: a small file in the data folder for each, which is asked for later.

Such a file may be lost; what it tells of is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from callreel.disk import closed_to_others


@dataclass(frozen=True, slots=True)
class LastVerify:
    """The last time that all audio and all records were looked at.

    Attributes:
        began_at: When that began; seconds UTC.
        damages: How much damage was found.
    """

    began_at: float
    damages: int


@dataclass(frozen=True, slots=True)
class LastBackup:
    """The last backup of a data folder.

    Attributes:
        id: Its id.
        taken_at: The moment that it shows; seconds UTC.
    """

    id: str
    taken_at: int


Done = TypeVar("Done", LastVerify, LastBackup)


def note(path: Path, done: LastVerify | LastBackup) -> None:
    """Keep what was done.

    Raises:
        OSError: it cannot be written.
    """
    fresh = path.with_suffix(".new")
    with open(fresh, "wb", opener=closed_to_others) as file:
        file.write(msgspec.json.encode(done))
    fresh.replace(path)


def last(path: Path, kind: type[Done]) -> Done | None:
    """Return what was done last, or None where nothing is known of it."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.DecodeError):
        return None
