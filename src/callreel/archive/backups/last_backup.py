"""When the last backup was made: a small file in the data folder, which the doctor asks for."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec


@dataclass(frozen=True, slots=True)
class LastBackup:
    """The last backup of a data folder.

    Attributes:
        id: Its id.
        taken_at: The moment that it shows; seconds UTC.
    """

    id: str
    taken_at: int


def note(path: Path, made: LastBackup) -> None:
    """Keep which backup was made; where the disk has no room for it, it is not kept."""
    fresh = path.with_suffix(".new")
    with suppress(OSError):  # the backup is there, and that is what counts
        fresh.write_bytes(msgspec.json.encode(made))
        fresh.replace(path)


def last(path: Path) -> LastBackup | None:
    """Return the last backup, or None where none is known."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=LastBackup)
    except (OSError, msgspec.DecodeError):
        return None
