"""A row of Asterisk's call records: one leg of a call.

A leg begins at `start` (or `calldate`), lasts `duration` seconds, and `billsec` seconds before
its end it was answered. The other clock times are not used where these lengths are there: lengths
know no change of the clock. Where they are used and come twice, they are read so that the answer
and the end do not lie before the start.

- `billsec` may be a second above `duration`, as each is rounded for itself; it then counts as
  `duration`. Further above, the row is refused.
- A leg never begins before its channel, so where a clock time comes twice, the reading within
  the hour after the seconds in the unique id is meant.
- A leg that was not answered has no talk, even if `billsec` says so, as some versions write for
  callers who waited in a queue. And who left a queue before anybody came was not answered, even
  if the row says so because Asterisk had answered to play music; nor is what the dialplan does
  after hanging up, in its extension `h`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from callreel.importers.asterisk.columns import RECORDING_COLUMNS
from callreel.importers.asterisk.ids import epoch_of
from callreel.importers.asterisk.words import ANSWERED, NO_ANSWER, disposition, is_local
from callreel.importers.audio_file import key_of, names_audio
from callreel.importers.freepbx.cdr import LONGEST_CALL, LONGEST_TEXT
from callreel.importers.items import plain_text
from callreel.importers.local_time import inside, note_of, readings, span, to_utc

AUDIO_MARK: Final = "audio:"
_YEARS: Final = range(2000, 2136)
_EPOCH: Final = re.compile(r"[0-9]{9,10}(\.[0-9]+)?")
_LENGTH: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
_CALLER: Final = re.compile(r"<([^<>]*)>\s*\Z")
_AFTERWARDS: Final = "h"
_WITHIN: Final = 1790  # seconds; half of the hour that comes twice, less what clocks may differ


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Leg:
    """What a row says of a leg; two rows that say the same are equal, wherever they stand.

    Attributes:
        where: The file and the line.
        started_at: Seconds UTC.
        duration_ms, talk_ms: From the start, and from the answer, to the end.
        disposition: What became of it: `ANSWERED`, `NO ANSWER`, …
        src, dst: Who called, and what was dialled.
        did: The number that was called from outside, or nothing.
        queue: The queue that the caller was in, or nothing.
        recording: The key of the file that the row names, or nothing.
        notes: What a person should know of its times.
    """

    where: str = field(compare=False)
    started_at: int
    duration_ms: int
    talk_ms: int
    disposition: str
    src: str
    dst: str
    did: str
    dcontext: str
    channel: str
    dstchannel: str
    queue: str
    uniqueid: str
    linkedid: str
    recording: str
    notes: tuple[str, ...]

    @property
    def is_answered(self) -> bool:
        return self.disposition == ANSWERED

    @property
    def talk(self) -> tuple[int, int]:
        """From when to when it was talked, in milliseconds UTC."""
        end = self.started_at * 1000 + self.duration_ms
        return end - self.talk_ms, end

    @property
    def rank(self) -> int:
        """How surely two people talked.

        3: a telephone answered. 2: a Local channel did. 1: the dialplan did (a conference,
        voice mail). 0: nobody.
        """
        if not self.is_answered:
            return 0
        if not self.dstchannel:
            return 1
        return 2 if is_local(self.dstchannel) else 3


def call_of(cells: Mapping[str, str]) -> str:
    """Return what the rows of one call have in common: the linked id, else the unique id."""
    return _identity(cells, "linkedid") or _identity(cells, "uniqueid") or recording(cells)


def recording(cells: Mapping[str, str]) -> str:
    """Return the key of the file that a row names, or nothing.

    The user field names one if it has an audio's ending, a path, or `audio:` before it; or if
    it is more than a number, as other things are written there too.
    """
    for column in RECORDING_COLUMNS:
        if cells.get(column):
            return key_of(cells[column].removeprefix(AUDIO_MARK))
    text = cells.get("userfield", "")
    name = text.removeprefix(AUDIO_MARK)
    is_bare_number = name == text and not names_audio(text) and text.isdigit()
    return "" if is_bare_number else key_of(name)


def surely_names_audio(cells: Mapping[str, str]) -> bool:
    """Say whether a row without doubt names a file of audio."""
    named = (cells.get(column) for column in (*RECORDING_COLUMNS, "userfield"))
    return any(text and (text.startswith(AUDIO_MARK) or names_audio(text)) for text in named)


def leg_of(where: str, cells: Mapping[str, str], zone: ZoneInfo) -> Leg:
    """Read a row.

    Args:
        where: The file and the line.
        zone: Where the clock stands that wrote it.

    Raises:
        ValueError: a cell cannot be meant; the message says which.
    """
    uniqueid = _identity(cells, "uniqueid")
    clock = cells.get("start") or cells.get("calldate", "")
    started_at, unclear = _moment(clock, "start", zone, uniqueid)
    duration, talk, notes = _lengths(cells, started_at, zone)
    if talk > duration + 1000:
        raise ValueError("The column billsec is more than duration")
    queue = _queue(cells)
    result = disposition(_text(cells, "disposition"))
    is_by_itself = queue != "" or cells.get("dst") == _AFTERWARDS
    if is_by_itself and result == ANSWERED and not cells.get("dstchannel"):
        result = NO_ANSWER
    return Leg(
        where=where,
        started_at=started_at,
        duration_ms=duration,
        talk_ms=min(talk, duration) if result == ANSWERED else 0,
        disposition=result,
        src=_text(cells, "src") or _caller(cells),
        dst=_text(cells, "dst"),
        did=_text(cells, "did"),
        dcontext=cells.get("dcontext", ""),
        channel=cells.get("channel", ""),
        dstchannel=cells.get("dstchannel", ""),
        queue=queue,
        uniqueid=uniqueid,
        linkedid=_identity(cells, "linkedid"),
        recording=recording(cells),
        notes=notes if unclear is None else (unclear, *notes),
    )


def _lengths(
    cells: Mapping[str, str], started_at: int, zone: ZoneInfo
) -> tuple[int, int, tuple[str, ...]]:
    """Return how long the leg and its talk were, in milliseconds, and notes on clock times."""
    notes: list[str | None] = []
    if "duration" in cells:
        duration = _milliseconds(cells, "duration")
    else:
        ended = _clock(cells["end"], "end")
        talk = _milliseconds(cells, "billsec") // 1000 if "billsec" in cells else None
        _, ended_at = span((started_at,), readings(ended, zone), talk)
        notes.append(note_of(ended, zone, ended_at))
        duration = (ended_at - started_at) * 1000
        if duration < 0:
            raise ValueError("The column end is before start")
    if "billsec" in cells:
        return duration, _milliseconds(cells, "billsec"), _said(notes)
    if not cells["answer"] or cells["answer"].startswith("0000"):
        return duration, 0, _said(notes)
    answered = _clock(cells["answer"], "answer")
    answered_at = inside(readings(answered, zone), started_at, started_at + duration // 1000)
    talk = started_at * 1000 + duration - answered_at * 1000
    if talk < 0:
        raise ValueError("The column answer is after the end")
    notes.append(note_of(answered, zone, answered_at))
    return duration, talk, _said(notes)


def _said(notes: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(note for note in notes if note is not None) if notes else ()


def _moment(text: str, column: str, zone: ZoneInfo, uniqueid: str) -> tuple[int, str | None]:
    epoch = epoch_of(uniqueid)
    clock = _clock(text, column)
    return to_utc(clock, zone, hint=None if epoch is None else epoch + _WITHIN)


def _clock(text: str, column: str) -> datetime:
    try:
        if _EPOCH.fullmatch(text):
            clock = datetime.fromtimestamp(float(text), UTC)
        else:
            clock = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(
            f"The column {column} is no date and time such as 2026-03-29 14:05:00"
        ) from error
    if clock.year not in _YEARS:
        raise ValueError(f"The column {column} is not in the years 2000 to 2135")
    return clock


def _milliseconds(cells: Mapping[str, str], column: str) -> int:
    text = cells[column]
    if not _LENGTH.fullmatch(text) or float(text) > LONGEST_CALL:
        raise ValueError(f"The column {column} is no number of seconds from 0 to {LONGEST_CALL}")
    return int(float(text) * 1000)


def _text(cells: Mapping[str, str], column: str) -> str:
    text = plain_text(cells.get(column, ""))
    if len(text) > LONGEST_TEXT:
        raise ValueError(f"The column {column} is longer than {LONGEST_TEXT} characters")
    return text


def _identity(cells: Mapping[str, str], column: str) -> str:
    """Return an id, of a long one its end, which tells it from others."""
    return plain_text(cells.get(column, ""))[-LONGEST_TEXT:]


def _caller(cells: Mapping[str, str]) -> str:
    """Return the number in `"Name" <number>`, or nothing."""
    found = _CALLER.search(plain_text(cells.get("clid", "")))
    return "" if found is None else found[1][:LONGEST_TEXT]


def _queue(cells: Mapping[str, str]) -> str:
    if cells.get("lastapp", "").lower() != "queue":
        return ""
    name = re.split(r"[,|]", cells.get("lastdata", ""))[0]
    return plain_text(name)
