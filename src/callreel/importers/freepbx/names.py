"""The file names of FreePBX recordings.

`{kind}-{to}-{from}-{YYYYMMDD}-{HHMMSS}-{uniqueid}.{ext}`, with the time of the system's own
zone. A name is read from its end, because `to` may hold dashes; a unique id may begin with the
system's name and a dash, and a conference's file may end in a dash and seconds UTC more.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from callreel.importers.audio_file import key_of, split_extension
from callreel.importers.items import plain_text
from callreel.importers.parties import known

CONFERENCE: Final = "conference"
QUEUE: Final = "q"
LONGEST_NUMBER: Final = 64

# What a conference's name has in a caller's place: the recording policy.
_POLICIES: Final = frozenset({"always", "force", "yes", "no", "never", "dontcare", "delayed"})

_PATTERN: Final = re.compile(
    r"(?P<kind>[A-Za-z0-9_]+)-(?P<to>.+)-(?P<caller>[^-]*)"
    r"-(?P<date>[0-9]{8})-(?P<time>[0-9]{6})"
    r"-(?P<uniqueid>(?:[A-Za-z0-9_.-]{1,40}-)?(?P<epoch>[0-9]{9,10})\.[0-9]{1,10})"
    r"(?:-[0-9]{9,10})?",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class RecordingName:
    """What a file name says.

    Attributes:
        key: What the call records name the file by: its name without extension.
        kind: In lower case: `in`, `out`, `internal`, `external`, `q`, …, or `conference`.
        to: The number that was called.
        caller: The number that called, or None where it is not known.
        clock: When the recording was set up, by the system's clock.
        uniqueid: The channel's unique id.
        epoch: The seconds UTC that it begins with.
    """

    key: str
    kind: str
    to: str
    caller: str | None
    clock: datetime
    uniqueid: str
    epoch: int


def parse(name: str) -> RecordingName | None:
    """Return what a file name says, or None where it does not follow the convention."""
    match = _PATTERN.fullmatch(split_extension(name)[0])
    if match is None:
        return None
    try:
        clock = _clock(match["date"], match["time"])
    except ValueError:
        return None
    kind = match["kind"].lower()
    is_conference = kind.isdigit()
    to, caller = plain_text(match["to"]), plain_text(match["caller"])
    if max(len(to), len(caller)) > LONGEST_NUMBER:
        return None
    return RecordingName(
        key=key_of(name),
        kind=CONFERENCE if is_conference else kind,
        to=to,
        caller=None if is_conference and caller in _POLICIES else known(caller),
        clock=clock,
        uniqueid=match["uniqueid"],
        epoch=int(match["epoch"]),
    )


def _clock(day: str, time: str) -> datetime:
    """Return the moment of a YYYYMMDD and an HHMMSS, much faster than `strptime` would."""
    return datetime(  # noqa: DTZ001 - the zone is the importer's to add
        *(int(day[:4]), int(day[4:6]), int(day[6:])),
        *(int(time[:2]), int(time[2:4]), int(time[4:])),
    )


def epoch_of(uniqueid: str) -> int | None:
    """Return the seconds UTC that a unique id begins with, or None where it is made otherwise."""
    match = re.fullmatch(r"(?:.*-)?([0-9]{9,10})\.[0-9]{1,10}", uniqueid)
    return None if match is None else int(match[1])
