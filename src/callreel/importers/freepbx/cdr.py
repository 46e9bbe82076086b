"""Rows of the table `asteriskcdrdb.cdr`, found again by the recordings that they are of.

The table has no column of the call's end: it lies `duration` seconds after `calldate`, and the
answer lies `billsec` seconds before the end. A call may have several rows, one a leg.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from callreel.importers.audio_file import key_of, missing
from callreel.importers.freepbx.names import RecordingName, epoch_of
from callreel.importers.items import Fault, Item, Refusal, Row, RowUse, plain_text
from callreel.importers.local_time import clock_of, to_utc
from callreel.importers.open_calls import OpenCalls
from callreel.importers.table import TableRow

COLUMNS: Final = frozenset(
    {"calldate", "src", "dst", "duration", "billsec", "disposition", "uniqueid", "recordingfile"}
)
MORE_COLUMNS: Final = frozenset(
    {
        "did", "cnum", "outbound_cnum", "dcontext", "linkedid", "channel", "dstchannel",
        "lastapp", "lastdata",
    }
)  # fmt: skip
LONGEST_CALL: Final = 31 * 86_400
LONGEST_TEXT: Final = 64
_LATELY: Final = timedelta(days=2)  # more than the patience and what clocks of two zones differ by
_YEARS: Final = range(2000, 2136)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """What a row says of a leg of a call.

    Attributes:
        where: The file and the line.
        clock: When the leg began, by the system's clock.
        duration: Seconds from its beginning to its end.
        billsec: Seconds from its answer to its end.
        did: The number that was called from outside, or nothing.
        has_recording: Whether the row names one.
    """

    where: str
    clock: datetime
    duration: int
    billsec: int
    is_answered: bool
    src: str
    dst: str
    cnum: str
    outbound_cnum: str
    did: str
    dcontext: str
    uniqueid: str
    linkedid: str
    channel: str = ""
    dstchannel: str = ""
    lastapp: str = ""
    lastdata: str = ""
    has_recording: bool = False

    @property
    def call_key(self) -> str:
        """What the legs of a call have in common."""
        return self.linkedid or self.uniqueid

    @property
    def has_talk(self) -> bool:
        """Whether its answer is that of a person: a queue and a menu answer by themselves."""
        by_itself = self.lastapp.lower() == "queue" or self.dcontext.startswith("ivr-")
        return self.is_answered and self.billsec > 0 and not by_itself


@dataclass(frozen=True, slots=True)
class Waiting:
    """What tells how long the caller waited.

    Attributes:
        since: When the first leg of the call began, by the system's clock.
        talked: The leg with the talk, whose answer ended it.
    """

    since: datetime
    talked: Leg


@dataclass(slots=True)
class Wanted:
    """By what the recordings at hand can be named in a row.

    Attributes:
        first: When the earliest of them was set up, by the system's clock.
    """

    keys: set[str] = field(default_factory=set)
    uniqueids: set[str] = field(default_factory=set)
    first: datetime | None = None

    def want(self, name: RecordingName | None) -> None:
        """Add a recording."""
        if name is not None:
            self.keys.add(name.key)
            self.uniqueids.add(name.uniqueid)
            self.first = name.clock if self.first is None else min(self.first, name.clock)


class Legs:
    """The legs of the recordings at hand."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._lately = clock_of(time.time(), zone) - _LATELY
        self._by_key: dict[str, list[Leg | Refusal]] = defaultdict(list)
        self._by_uniqueid: dict[str, list[Leg | Refusal]] = defaultdict(list)
        self._by_linkedid: dict[str, list[Leg | Refusal]] = defaultdict(list)

    def read(
        self,
        name: str,
        rows: Iterable[TableRow],
        wanted: Wanted,
        calls: OpenCalls[Leg],
    ) -> Iterator[Item]:
        """Keep the rows that are wanted; yield what became of each row.

        Args:
            name: The name of the table.
            rows: Its rows.
            wanted: Which of them to keep.
            calls: Puts the legs of calls without recording together.
        """
        for row in rows:
            leg = _leg(name, row)
            is_kept = bool(row.cells) and self._keep(row.cells, leg, wanted)
            if isinstance(leg, Refusal):
                yield leg
            elif is_kept:
                yield from calls.note_recorded(leg.call_key) if leg.call_key else ()
                yield Row(leg.where, RowUse.JOINED)
            elif leg.call_key:
                yield from calls.take(leg.call_key, leg, self._without_audio(leg))
            else:
                yield self._without_audio(leg)
        yield from calls.rest()

    def of(self, name: RecordingName) -> Leg | Refusal | None:
        """Return the leg of a recording, the reason why its row is of no use, or None.

        Looked for by the file's name, then by its unique id, then by its linked id; the first
        that gives an answered leg decides, and of several legs the one that was talked longest.
        """
        found = (
            self._by_key.get(name.key, ()),
            self._by_uniqueid.get(name.uniqueid, ()),
            self._by_linkedid.get(name.uniqueid, ()),
        )
        best = [_best(legs) for legs in found]
        answered = [leg for leg in best if isinstance(leg, Leg) and leg.is_answered]
        sound = [leg for leg in best if isinstance(leg, Leg)]
        unsound = [leg for leg in best if isinstance(leg, Refusal)]
        choice: list[Leg | Refusal] = [*answered, *sound, *unsound]
        return choice[0] if choice else None

    def waiting(self, leg: Leg) -> Waiting | None:
        """Return how long the caller of a leg's call waited, or None where the legs do not tell.

        They do where the first of them, whose unique id is the linked id, is among them.
        """
        of_call = self._by_linkedid.get(leg.linkedid, ())
        legs = [each for each in of_call if isinstance(each, Leg)]
        talked = [each for each in legs if each.has_talk]
        if not talked or not any(each.uniqueid == leg.linkedid for each in legs):
            return None
        first = min(legs, key=lambda each: start_of(each, self._zone))
        longest = max(talked, key=lambda each: each.billsec)
        return Waiting(first.clock, leg if leg.has_talk else longest)

    def _keep(self, cells: dict[str, str], leg: Leg | Refusal, wanted: Wanted) -> bool:
        key, uniqueid = key_of(cells["recordingfile"]), cells["uniqueid"]
        linkedid = cells.get("linkedid", "")
        places = [
            place[name]
            for place, name, names in (
                (self._by_key, key, wanted.keys),
                (self._by_uniqueid, uniqueid, wanted.uniqueids),
                (self._by_linkedid, linkedid, wanted.uniqueids),
            )
            if name in names
        ]
        for place in places:
            place.append(leg)
        return bool(places)

    def _without_audio(self, leg: Leg) -> Row | Refusal:
        """Say what the row of a leg is that no recording at hand is of."""
        if leg.billsec and leg.has_recording:
            return missing(leg.where, "The row names a recording", self._end_lately(leg))
        return Row(leg.where, RowUse.UNRECORDED)

    def _end_lately(self, leg: Leg) -> int | None:
        """Return when a leg ended, or None where that was long ago, which is told much faster."""
        if leg.clock.replace(tzinfo=None) + timedelta(seconds=leg.duration) < self._lately:
            return None
        return start_of(leg, self._zone) + leg.duration


def start_of(leg: Leg, zone: ZoneInfo) -> int:
    """Return when a leg began, in seconds UTC: clocks come twice, and not each tells its zone."""
    return to_utc(leg.clock, zone, hint=epoch_of(leg.uniqueid))[0]


def _best(legs: Collection[Leg | Refusal]) -> Leg | Refusal | None:
    sound = [leg for leg in legs if isinstance(leg, Leg)]
    if sound:
        return max(sound, key=lambda leg: (leg.is_answered, leg.billsec))
    return next(iter(legs), None)


def _leg(table: str, row: TableRow) -> Leg | Refusal:
    where = f"{table}:{row.line}"
    if row.fault is not None:
        return Refusal(where, Fault.BAD_ROW, row.fault)
    try:
        return _parsed(where, row.cells)
    except ValueError as error:
        return Refusal(where, Fault.BAD_ROW, f"{error}.")


def _parsed(where: str, cells: dict[str, str]) -> Leg:
    duration, billsec = _seconds(cells, "duration"), _seconds(cells, "billsec")
    if billsec > duration + 1:  # by a second they may differ, as each is rounded
        raise ValueError("The column billsec is more than duration")
    return Leg(
        where=where,
        clock=_clock(cells["calldate"]),
        duration=duration,
        billsec=min(billsec, duration),
        is_answered=cells["disposition"].upper() == "ANSWERED",
        src=_text(cells, "src"),
        dst=_text(cells, "dst"),
        cnum=_text(cells, "cnum"),
        outbound_cnum=_text(cells, "outbound_cnum"),
        did=_text(cells, "did"),
        dcontext=cells.get("dcontext", ""),
        uniqueid=_text(cells, "uniqueid"),
        linkedid=_text(cells, "linkedid"),
        channel=cells.get("channel", ""),
        dstchannel=cells.get("dstchannel", ""),
        lastapp=cells.get("lastapp", ""),
        lastdata=plain_text(cells.get("lastdata", ""))[:LONGEST_TEXT],
        has_recording=bool(cells["recordingfile"]),
    )


def _clock(text: str) -> datetime:
    try:
        clock = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(
            "The column calldate is no date and time such as 2026-03-29 14:05:00"
        ) from (error)
    if clock.year not in _YEARS:
        raise ValueError("The column calldate is not in the years 2000 to 2135")
    return clock


def _seconds(cells: dict[str, str], column: str) -> int:
    text = cells[column]
    if not (text.isascii() and text.isdigit() and len(text) < 10) or int(text) > LONGEST_CALL:
        raise ValueError(f"The column {column} is no number of seconds from 0 to {LONGEST_CALL}")
    return int(text)


def _text(cells: dict[str, str], column: str) -> str:
    text = plain_text(cells.get(column, ""))
    if len(text) > LONGEST_TEXT:
        raise ValueError(f"The column {column} is longer than {LONGEST_TEXT} characters")
    return text
