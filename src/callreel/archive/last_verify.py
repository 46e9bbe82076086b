"""When everything was verified last: a small file in the data folder, which monitoring asks for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec


@dataclass(frozen=True, slots=True)
class LastVerify:
    """The last time that all audio and all records were looked at.

    Attributes:
        began_at: When that began; seconds UTC.
        damages: How much damage was found.
    """

    began_at: float
    damages: int


def note(path: Path, began_at: float, damages: int) -> None:
    """Keep that everything was verified.

    Raises:
        OSError: it cannot be written.
    """
    fresh = path.with_suffix(".new")
    fresh.write_bytes(msgspec.json.encode(LastVerify(began_at, damages)))
    fresh.replace(path)


def last(path: Path) -> LastVerify | None:
    """Return when everything was verified last, or None where it never was."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=LastVerify)
    except (OSError, msgspec.DecodeError):
        return None
