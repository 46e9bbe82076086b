"""What FreePBX knows of a call, in the words of the model.

Direction: FreePBX tells calls from outside, to outside and inside apart; the model knows two, so
a call between two extensions is an outbound one: somebody in the company made it.

Numbers, as they came: `from` is who called (of an outbound call the extension, not the number
that it showed outside), `to` is the number that was called (of an inbound call the company's own
number where the row has it, not the extension that it led to).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from callreel.importers.freepbx.cdr import Leg, Waiting, start_of
from callreel.importers.freepbx.names import RecordingName, epoch_of
from callreel.importers.freepbx.people import agent_of, queue_of
from callreel.importers.items import Row, RowUse
from callreel.importers.local_time import to_utc
from callreel.importers.parties import direction_of_context, first_number, is_outside, known
from callreel.model import Call, DialogType, Direction

INBOUND_KINDS: Final = frozenset({"in", "external", "generic"})
OUTBOUND_KINDS: Final = frozenset({"out", "internal"})
_INBOUND_LIKELY: Final = frozenset({"q", "rg", "ivr"})  # queues and groups are there for callers
_CLOCKS_AGREE: Final = 1800


def call_of(
    name: RecordingName, leg: Leg | None, zone: ZoneInfo, waiting: Waiting | None = None
) -> tuple[Call, tuple[str, ...]]:
    """Return the call of a recording, and notes for a person.

    Args:
        name: What its file name says.
        leg: What the call records say; without, the call's length is left at 0.
        zone: The telephone system's own.
        waiting: What tells how long the caller waited, where the records do.
    """
    started_at, notes = _start(name.clock if leg is None else leg.clock, name.epoch, zone)
    direction = direction_of(name, leg)
    if leg is None:
        return _named_call(name, direction, started_at), notes
    call = _leg_call(leg, name, direction, started_at)
    return replace(call, waiting_ms=_waiting_ms(waiting, name.epoch, zone)), notes


def unrecorded(legs: Sequence[Leg], zone: ZoneInfo, source: str) -> Row:
    """Return the row of a call without recording, with the call where its leg has an id.

    The leg that tells of it is that which would tell of its recording, so that a recording that
    comes later is of the same dialog and starts in the same second: of those that name one, else
    of all, the one that was answered and talked longest; where nobody answered, the first.
    """
    leg = max(legs, key=lambda each: (each.is_answered, each.has_recording, each.billsec))
    if not leg.is_answered and len(legs) > 1:
        leg = min(legs, key=lambda each: start_of(each, zone))
    if not leg.uniqueid:
        return Row(leg.where, RowUse.UNRECORDED)
    direction = direction_of(None, leg)
    started_at = start_of(leg, zone)
    call = _leg_call(leg, None, direction, started_at)
    if len(legs) > 1:
        epoch = epoch_of(leg.uniqueid)
        ends = (to_utc(each.clock, zone, hint=epoch)[0] + each.duration for each in legs)
        call = replace(call, hung_up_at=max(ends))
    return Row(
        leg.where,
        RowUse.UNRECORDED,
        call=call,
        agent=agent_of(None, leg, direction),
        queue=next((name for each in (leg, *legs) if (name := queue_of(None, each))), None),
        source=source,
        has_first=any(not each.linkedid or each.linkedid == each.uniqueid for each in legs),
        legs=tuple(
            (started_at if each is leg else start_of(each, zone), each.uniqueid)
            for each in legs
            if each.uniqueid
        ),
    )


def direction_of(name: RecordingName | None, leg: Leg | None) -> Direction:
    """Tell the direction: by the file's kind, then the row, then the look of the numbers."""
    kind = "" if name is None else name.kind
    if kind in INBOUND_KINDS or (leg is not None and leg.did):
        return Direction.INBOUND
    if kind in OUTBOUND_KINDS:
        return Direction.OUTBOUND
    told = None if leg is None else direction_of_context(leg.dcontext)
    if told is not None:
        return told
    caller = (None if leg is None else known(leg.src)) if name is None else name.caller
    is_inbound = kind in _INBOUND_LIKELY or caller is None or is_outside(caller)
    return Direction.INBOUND if is_inbound else Direction.OUTBOUND


def _start(clock: datetime, epoch: int, zone: ZoneInfo) -> tuple[int, tuple[str, ...]]:
    started_at, unclear = to_utc(clock, zone, hint=epoch)
    notes = () if unclear is None else (unclear,)
    if abs(started_at - epoch) >= _CLOCKS_AGREE:
        minutes = (started_at - epoch) // 60
        notes = (*notes, f"The start lies {minutes} min from the unique id: is the zone right?")
    return started_at, notes


def _leg_call(leg: Leg, name: RecordingName | None, direction: Direction, started_at: int) -> Call:
    from_number, to_number = _numbers(name, leg, direction)
    hung_up_at = started_at + leg.duration
    of_file = "" if name is None else name.uniqueid
    return Call(
        dialog_id=leg.uniqueid or of_file,
        dialog_type=DialogType.CONSULTANT,
        direction=direction,
        started_at=started_at,
        hung_up_at=hung_up_at,
        talking_ms=leg.billsec * 1000,
        from_number=from_number,
        to_number=to_number,
        answered_at=hung_up_at - leg.billsec if leg.billsec else None,
        source_call_id=leg.linkedid or leg.uniqueid or of_file,
    )


def _waiting_ms(waiting: Waiting | None, epoch: int, zone: ZoneInfo) -> int | None:
    if waiting is None:
        return None
    since, _ = to_utc(waiting.since, zone, hint=epoch)
    talked, _ = to_utc(waiting.talked.clock, zone, hint=epoch)
    ringing = waiting.talked.duration - waiting.talked.billsec
    return max(0, talked + ringing - since) * 1000


def _named_call(name: RecordingName, direction: Direction, started_at: int) -> Call:
    return Call(
        dialog_id=name.uniqueid,
        dialog_type=DialogType.CONSULTANT,
        direction=direction,
        started_at=started_at,
        hung_up_at=started_at,
        talking_ms=0,
        from_number=name.caller,
        to_number=first_number(name.to),
        source_call_id=name.uniqueid,
    )


def _numbers(
    name: RecordingName | None, leg: Leg, direction: Direction
) -> tuple[str | None, str | None]:
    """Return who called and who was called."""
    caller, called = (None, None) if name is None else (name.caller, name.to)
    if direction is Direction.INBOUND:
        return first_number(leg.src, leg.cnum, caller), first_number(leg.did, leg.dst, called)
    calling = first_number(leg.cnum, leg.src, leg.outbound_cnum, caller)
    return calling, first_number(leg.dst, called)
