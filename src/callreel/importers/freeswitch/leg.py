"""What a record says of its channel, a leg of a call: who, when, and which recordings it made.

Times are taken where they are surest: `start_uepoch` (microseconds UTC), then `start_epoch`, then
`created_time` of the callflow, and only then `start_stamp`, which is the clock of the system and
needs its time zone. A time of 0 is one that never came. Of stamps in an hour that comes twice,
those readings are taken that agree with each other and with the lengths.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from callreel.importers.freepbx.cdr import LONGEST_CALL
from callreel.importers.freeswitch.paths import Path, paths_of
from callreel.importers.freeswitch.record import Record
from callreel.importers.items import plain_text
from callreel.importers.local_time import inside, note_of, readings, span
from callreel.model import EARLIEST_START, LATEST_START

SECOND: Final = 1_000_000
LONGEST_ID: Final = 64
_OTHERS: Final = (
    "call_uuid",
    "originating_leg_uuid",
    "originator",
    "bridge_uuid",
    "bleg_uuid",
    "signal_bond",
    "last_bridge_to",
    "cc_member_session_uuid",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """A leg of a call. Times and lengths are microseconds.

    Attributes:
        where: The record, safe to print.
        uuid: The channel's.
        call_id: That of the call, which its legs share.
        bridged_to: The channel that it talked to, or nothing.
        others: Channels that it had to do with.
        is_b: Whether another channel made it.
        start, answer, bridge, end: UTC; None where it was never answered or bridged.
        talk: From the bridge to the end, or where there was none, from the answer.
        paths: Where its recordings were written, the surest first.
        notes: What a person should know of its times.
    """

    where: str
    record: Record
    uuid: str
    call_id: str
    bridged_to: str
    others: frozenset[str]
    is_b: bool
    start: int
    answer: int | None
    bridge: int | None
    end: int
    talk: int
    paths: tuple[Path, ...]
    notes: tuple[str, ...] = ()

    @property
    def is_answered(self) -> bool:
        return self.answer is not None

    @property
    def served(self) -> int | None:
        """When the conversation began."""
        return self.answer if self.bridge is None else self.bridge

    @property
    def rank(self) -> tuple[bool, bool, int]:
        """How well it tells of a recording, compared with other legs of its call."""
        return self.is_answered, not self.is_b, self.talk

    @property
    def ids(self) -> frozenset[str]:
        """Every channel that it names; legs of one call have one in common."""
        return self.others | {self.uuid, self.call_id}


def leg_of(where: str, record: Record, id_by_name: str, zone: ZoneInfo | None) -> Leg:
    """Return the leg that a record is of.

    Args:
        where: The record, safe to print.
        record: The record.
        id_by_name: The channel's uuid as the name of the record's file has it.
        zone: The time zone of the system, or None where it is not known.

    Raises:
        ValueError: its times cannot be; the message is for the user.
    """
    clock = _Clock(record, zone)
    starts = clock.at("start", "created_time", min)
    ends = clock.at("end", "hangup_time", max)
    if not starts:
        raise ValueError("It does not say when the call started.")
    start, end = _span(record, starts, ends)
    if not EARLIEST_START <= start // SECOND <= LATEST_START:
        raise ValueError("It says that the call started outside of the years 2000 to 2135.")
    if not 0 <= end - start <= LONGEST_CALL * SECOND:
        raise ValueError(
            f"It says that the call ended before it started, or after more than {LONGEST_CALL} s."
        )
    billed = min(_length(record, "billsec", "billmsec", "billusec"), end - start)
    near = end - billed if billed else None
    answer = _within(clock.at("answer", "answered_time", min), start, end, near)
    if answer is None:
        answer = near
    bridge = None
    if answer is not None and (bridges := clock.at("bridge", "bridged_time", min)):
        bridge = _within((inside(bridges, answer, end),), start, end)
    uuid = _id(record, "uuid") or id_by_name
    if not uuid:
        raise ValueError("It does not say which channel it is of.")
    return Leg(
        where=where,
        record=record,
        uuid=uuid,
        call_id=_id(record, "call_uuid", "originating_leg_uuid", "originator") or uuid,
        bridged_to=_id(record, "bridge_uuid", "bleg_uuid"),
        others=frozenset(filter(None, (_id(record, name) for name in _OTHERS))),
        is_b=_is_b(record),
        start=start,
        answer=answer,
        bridge=bridge,
        end=end,
        talk=_talk(answer, bridge, end, billed),
        paths=paths_of(record, uuid),
        notes=clock.notes(start, answer, bridge, end),
    )


class _Clock:
    """Reads times, whichever way a record has them."""

    def __init__(self, record: Record, zone: ZoneInfo | None) -> None:
        self._record = record
        self._zone = zone
        self._unclear: dict[datetime, tuple[int, ...]] = {}

    def at(
        self, name: str, in_callflow: str, choose: Callable[[list[int]], int]
    ) -> tuple[int, ...]:
        """Return the readings of a time: of a stamp there may be two, and none if it never came."""
        variables = self._record.variables
        for suffix, unit in (("uepoch", 1), ("epoch", SECOND)):
            moment = _whole(variables.get(f"{name}_{suffix}", ""), f"{name}_{suffix}") * unit
            if moment:
                return (moment,)
        given = [each.times.get(in_callflow, "") for each in self._record.profiles]
        moments = [moment for text in given if (moment := _whole(text, in_callflow))]
        if moments:
            return (choose(moments),)
        stamp = variables.get(f"{name}_stamp", "")
        return self._read(stamp, f"{name}_stamp") if stamp else ()

    def notes(self, *taken: int | None) -> tuple[str, ...]:
        """Return what to tell of the stamps with two readings, given what was taken of all."""
        if not self._unclear:
            return ()
        notes = (
            note_of(stamp, self._zone, one // SECOND)
            for stamp, moments in self._unclear.items()
            for one in moments
            if one in taken and self._zone is not None
        )
        return tuple(note for note in notes if note is not None)

    def _read(self, stamp: str, name: str) -> tuple[int, ...]:
        try:
            clock = datetime.fromisoformat(stamp)
        except ValueError as error:
            raise ValueError(f"Its {name} is no date and time.") from error
        if clock.tzinfo is None and self._zone is None:
            raise ValueError(
                "It has clock times only; give the system's time zone with --timezone."
            )
        seconds = readings(clock, self._zone or ZoneInfo("UTC"))
        moments = tuple(each * SECOND for each in seconds)
        if len(moments) > 1:
            self._unclear[clock] = moments
        return moments


def _span(record: Record, starts: tuple[int, ...], ends: tuple[int, ...]) -> tuple[int, int]:
    """Return when the leg began and ended."""
    if len(starts) == len(ends) == 1:
        return starts[0], ends[0]
    length = _length(record, "duration", "mduration", "uduration")
    if not ends:
        return starts[0], starts[0] + length
    if not length:
        length = _length(record, "billsec", "billmsec", "billusec")
    return span(starts, ends, length or None)


def _is_b(record: Record) -> bool:
    """Say whether another channel made this one, or a queue for another's sake."""
    return (
        bool(record.first("originating_leg_uuid", "originator"))
        or record.variables.get("cc_side") == "agent"
        or any(each.originator for each in record.profiles)
    )


def _talk(answer: int | None, bridge: int | None, end: int, billed: int) -> int:
    if bridge is not None:
        return end - bridge
    return 0 if answer is None else billed or end - answer


def _within(moments: tuple[int, ...], start: int, end: int, near: int | None = None) -> int | None:
    """Return a moment of the call; one beside it is none, but a second off is a rounding."""
    if not moments:
        return None
    moment = moments[0] if len(moments) == 1 else inside(moments, start, end, near)
    if not start - SECOND <= moment <= end + SECOND:
        return None
    return min(max(moment, start), end)


def _length(record: Record, seconds: str, milliseconds: str, microseconds: str) -> int:
    for name, unit in ((microseconds, 1), (milliseconds, 1_000), (seconds, SECOND)):
        if length := _whole(record.variables.get(name, ""), name):
            return length * unit
    return 0


def _whole(text: str, name: str) -> int:
    if not text:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) <= 20):
        raise ValueError(f"Its {name} is no whole number.")
    return int(text)


def _id(record: Record, *names: str) -> str:
    return plain_text(record.first(*names))[:LONGEST_ID]
