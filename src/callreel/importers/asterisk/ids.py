"""Asterisk's ids of channels and calls, and where they stand in the names of files.

An id is `[system-]seconds.number`: the seconds UTC at which the channel was made and a running
number, after the system's name where asterisk.conf gives one. A program that makes a channel may
choose any other text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from callreel.importers.audio_file import key_of
from callreel.importers.items import printable
from callreel.model import EARLIEST_START

ANY_ID: Final = re.compile(r"(?:[A-Za-z0-9_.:-]{1,127}-)?[0-9]{9,10}\.[0-9]{1,10}")
_BARE: Final = re.compile(r"(?<![0-9])([0-9]{9,10})\.[0-9]{1,10}(?![0-9])")
_SIDE: Final = re.compile(r"(?P<base>.+)-(?P<side>in|out)", re.DOTALL)
_DATE: Final = re.compile(
    r"(20[0-9]{2})[-_.]?([01][0-9])[-_.]?([0-3][0-9])[-_.T ]?([0-2][0-9])[-_.:]?([0-5][0-9])"
)


def bare(identity: str) -> str:
    """Return what of an id stands in files' names: it without the system's name."""
    found = _BARE.search(identity)
    return found[0] if found else identity


def epoch_of(identity: str) -> int | None:
    """Return the moment at which the channel of an id was made, seconds UTC, or None."""
    found = _BARE.search(identity)
    moment = 0 if found is None else int(found[1])
    return moment if moment >= EARLIEST_START else None


@dataclass(frozen=True, slots=True)
class AudioName:
    """What the name of a file says.

    Attributes:
        key: What the call records may name it by: it without extension, and without the side.
        ids: The ids that stand in it, without a system's name.
        side: `in` or `out` where `Monitor` wrote only one side of the call into it.
        native_id, native_time: As of a `Candidate`: of the last id, else of the name itself and
            a date in it, read as UTC since it only has to last.
    """

    key: str
    ids: tuple[str, ...]
    side: str | None
    native_id: str
    native_time: int

    @classmethod
    def of(cls, name: str) -> AudioName:
        """Read a name."""
        key = key_of(name)
        half = _SIDE.fullmatch(key)
        if half is not None:
            key = half["base"]
        found = list(_ids(key))
        last = found[-1] if found else None
        return cls(
            key=key,
            ids=(*found, key) if key not in found else tuple(found),
            side=None if half is None else half["side"],
            native_id=last or printable(key),
            native_time=(epoch_of(last) if last else None) or _date_in(key),
        )


def _ids(text: str) -> Iterator[str]:
    return (found[0] for found in _BARE.finditer(text) if int(found[1]) >= EARLIEST_START)


def _date_in(text: str) -> int:
    found = _DATE.search(text)
    if found is None:
        return 0
    try:
        return int(datetime(*map(int, found.groups()), tzinfo=UTC).timestamp())  # type: ignore[arg-type,misc] # five numbers
    except ValueError:
        return 0
