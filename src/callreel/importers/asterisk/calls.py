"""A call of Asterisk, put together from the rows that share its linked id.

Asterisk writes a row for each pair of channels: for every telephone that rang, for each half of
a Local channel, for each part of a call that was transferred. Here they become one call:

- It starts with its first leg. Where no row is of the channel that gave the call its linked id,
  as the row lies in another file, the call starts at the seconds in the linked id.
- The talk is that of its best legs: those answered by a telephone; failing these, by a Local
  channel; failing these, by the dialplan itself (a conference, voice mail).
- A recording is of all of them, unless the file or the unique id that names it is only of legs
  other than the call's first channel: then it is of these.
- Asterisk takes a caller whom a menu or a queue has answered as answered while telephones ring
  (main/cdr.c, `cdr_object_check_party_a_answer`). So a leg's talk begins only when no other
  telephone rings for its channel any more.
- The talking time is the time that these legs cover together, so what two legs cover at once
  counts once. The waiting time ends with the first of them.
- Who answered, and what became of the call, is told by the one with the longest talk.

A caller reaches queue 700 at 9:00:00 and hears music. 101 rings and does not answer; 102 answers
at 9:00:40 and at 9:01:40 transfers the caller to 103, who talks until 9:03:40:

    channel          dstchannel          start    duration billsec disposition
    PJSIP/trunk-1    Local/102@q-1;1     9:00:00  100      60      ANSWERED
    Local/101@q-0;2  PJSIP/101-2         9:00:05  15       0       NO ANSWER
    Local/102@q-1;2  PJSIP/102-3         9:00:25  75       60      ANSWERED
    PJSIP/trunk-1    PJSIP/103-4         9:01:40  120      120     ANSWERED

The first row is of a Local channel, so the third and the fourth count: 60 and 120 seconds, one
after the other. The call has 40 seconds of waiting and 180 of talking, its agent is 103, and its
queue is 700. Were 102 to ask 103 before, that leg of 102 would lie within the 60 seconds.

Direction: that of the number or context by which the first leg came in, else that of its channel:
what an extension dials is outbound, as is a call inside of the company; what comes from a trunk
is inbound. Numbers: who called (of an outbound call the extension, not what it showed outside)
and what was dialled.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from callreel.importers.asterisk.ids import AudioName, bare, epoch_of
from callreel.importers.asterisk.legs import Leg
from callreel.importers.asterisk.words import (
    direction_by_context,
    endpoint,
    extension,
    is_local,
)
from callreel.importers.channels import extension_of
from callreel.importers.freepbx.cdr import LONGEST_TEXT
from callreel.importers.items import plain_text
from callreel.importers.parties import first_number, is_outside
from callreel.model import Call, DialogType, Direction

LONGEST_LEAD: Final = 86_400  # seconds for which the first leg may lie before the rows at hand
_CLOCKS_AGREE: Final = 1_800
_NO_FIRST: Final = "No row is of the call's first leg; its start was taken from the linked id."


class AsteriskCall:
    """The rows of one call, of which only those are kept that tell something of it.

    Attributes:
        has_first: Whether one of them is of the channel that gave the call its linked id.
    """

    def __init__(self, leg: Leg) -> None:
        self._first = leg
        self._answered: set[Leg] = set()
        self._unanswered: Leg | None = None
        self._rang_until: dict[str, set[int]] = defaultdict(set)
        self._queue = (0, "")
        self.has_first = False
        self.add(leg)

    def add(self, leg: Leg) -> None:
        """Add a leg; one that is there already changes nothing."""
        has_both = bool(leg.uniqueid and leg.linkedid)
        self.has_first = self.has_first or not has_both or leg.uniqueid == leg.linkedid
        self._first = min(self._first, leg, key=_order)
        if leg.queue:
            self._queue = max(self._queue, (leg.started_at, leg.queue))
        if leg.is_answered:
            self._answered.add(leg)
            return
        self._rang_until[leg.channel].add(leg.talk[1])
        if self._unanswered is None or _rang(leg) > _rang(self._unanswered):
            self._unanswered = leg

    @property
    def talk_ms(self) -> int:
        """How long it was talked at all."""
        return _covered(map(self._talk, self._talks(None)))

    @property
    def ids(self) -> frozenset[str]:
        """The unique and linked ids of its legs, as far as they are kept."""
        legs = {self._first, *self._answered}
        return frozenset(each for leg in legs for each in (leg.uniqueid, leg.linkedid) if each)

    def has(self, text: str) -> bool:
        """Say whether a text holds the whole id of a leg."""
        return any(leg.uniqueid and leg.uniqueid in text for leg in self._answered)

    def call(self, name: AudioName | None = None) -> Call:
        """Return the call, as a recording is of it.

        Args:
            name: The recording, or None for the whole call.
        """
        talks = self._talks(name)
        main = self._longest(talks)
        first = self._first
        direction = _direction(first)
        started_at = self._start()
        begins, ends = zip(*map(self._talk, talks), strict=True)
        answered_at = min(begins) // 1000 if main.is_answered else None
        own = name.native_id if name is not None else ""
        return Call(
            dialog_id=main.uniqueid or own or main.linkedid or substitute(main),
            dialog_type=DialogType.CONSULTANT,
            direction=direction,
            started_at=started_at,
            hung_up_at=-(-max(ends) // 1000),
            talking_ms=_covered(map(self._talk, talks)),
            waiting_ms=min(begins) - started_at * 1000 if main.is_answered else None,
            answered_at=answered_at,
            end_cause=main.disposition or None,
            from_number=_caller(first, main, direction),
            to_number=first_number(first.did, main.did, first.dst, main.dst),
            source_call_id=main.linkedid or main.uniqueid or own or None,
        )

    def agent(self, name: AudioName | None = None) -> str | None:
        """Return who of the company talked: the extension that called, or that answered."""
        main = self._longest(self._talks(name))
        first = self._first.channel
        if _direction(self._first) is Direction.OUTBOUND:
            channel = main.channel if is_local(first) else first
            return None if is_local(channel) else endpoint(channel)
        return extension_of(main.dstchannel) or endpoint(main.dstchannel) if main.rank else None

    @property
    def queue(self) -> str | None:
        """The last queue that the caller was in, or None."""
        return self._queue[1] or None

    def notes(self) -> tuple[str, ...]:
        """Return what a person should know of the call's times."""
        first = self._first
        if self._start() != first.started_at:
            return (*first.notes, _NO_FIRST)
        epoch = epoch_of(first.uniqueid)
        minutes = 0 if epoch is None else (first.started_at - epoch) // 60
        if abs(minutes) * 60 < _CLOCKS_AGREE:
            return first.notes
        note = f"The start lies {minutes} min from the unique id: is the zone right?"
        return (*first.notes, note)

    def _start(self) -> int:
        begun = self._first.started_at
        epoch = None if self.has_first else epoch_of(self._first.linkedid)
        return epoch if epoch is not None and 0 < begun - epoch <= LONGEST_LEAD else begun

    def _talk(self, leg: Leg) -> tuple[int, int]:
        """Return from when to when a leg was talked, in milliseconds UTC."""
        begin, end = leg.talk
        ringing = (until for until in self._rang_until.get(leg.channel, ()) if until <= end)
        return max([begin, *ringing]) if leg.is_answered else begin, end

    def _longest(self, legs: Iterable[Leg]) -> Leg:
        def length(leg: Leg) -> tuple[int, int, int, Leg]:
            begin, end = self._talk(leg)
            return end - begin, leg.duration_ms, -leg.started_at, leg

        return max(legs, key=length)

    def _talks(self, name: AudioName | None) -> list[Leg]:
        """Return the legs that were talked; one that was not where there are none."""
        best = max((leg.rank for leg in self._answered), default=0)
        talks = [leg for leg in self._answered if leg.rank == best]
        own = (
            []
            if name is None or self._is_of_all(name)
            else [leg for leg in talks if _is_of(leg, name)]
        )
        return own or talks or ([] if self._unanswered is None else [self._unanswered])

    def _is_of_all(self, name: AudioName) -> bool:
        """Say whether a recording was made on the channel that the whole call belongs to."""
        return any(
            bare(leg.linkedid) in name.ids or (_is_of(leg, name) and leg.uniqueid == leg.linkedid)
            for leg in (*self._answered, self._first)
        )


def _order(leg: Leg) -> tuple[int, bool, bool, Leg]:
    return leg.started_at, leg.uniqueid != leg.linkedid, is_local(leg.channel), leg


def substitute(leg: Leg) -> str:
    """Return an id for a leg that has none: its channel's name comes again after a restart."""
    return f"{leg.started_at}-{plain_text(leg.channel)}"[:LONGEST_TEXT]


def _rang(leg: Leg) -> tuple[int, int, Leg]:
    return leg.duration_ms, -leg.started_at, leg


def _is_of(leg: Leg, name: AudioName) -> bool:
    return leg.recording == name.key or bare(leg.uniqueid) in name.ids


def _covered(talks: Iterable[tuple[int, int]]) -> int:
    """Return how many milliseconds talks cover together."""
    total, until = 0, 0
    for begin, end in sorted(talks):
        total += max(0, end - max(begin, until))
        until = max(until, end)
    return total


def _direction(first: Leg) -> Direction:
    if first.did:
        return Direction.INBOUND
    told = None if is_local(first.channel) else direction_by_context(first.dcontext)
    if told is not None:
        return told
    if extension(first.channel) is not None:
        return Direction.OUTBOUND
    number = first_number(first.src)
    is_inbound = number is None or is_outside(number)
    return Direction.INBOUND if is_inbound else Direction.OUTBOUND


def _caller(first: Leg, main: Leg, direction: Direction) -> str | None:
    if direction is Direction.INBOUND:
        return first_number(first.src, main.src)
    return first_number(extension(first.channel), first.src, main.src)
