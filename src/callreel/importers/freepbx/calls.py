"""What FreePBX knows of a call, in the words of the model.

Direction: FreePBX tells calls from outside, to outside and inside apart; the model knows two, so
a call between two extensions is an outbound one: somebody in the company made it.

Numbers, as they came: `from` is who called (of an outbound call the extension, not the number
that it showed outside), `to` is the number that was called (of an inbound call the company's own
number where the row has it, not the extension that it led to).
"""

from __future__ import annotations

from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from callreel.importers.freepbx.cdr import Leg
from callreel.importers.freepbx.names import RecordingName, known
from callreel.importers.local_time import to_utc
from callreel.model import Call, DialogType, Direction

INBOUND_KINDS: Final = frozenset({"in", "external", "generic"})
OUTBOUND_KINDS: Final = frozenset({"out", "internal"})
_INBOUND_LIKELY: Final = frozenset({"q", "rg", "ivr"})  # queues and groups are there for callers
_OUTBOUND_CONTEXTS: Final = ("from-internal", "outbound", "outrt-", "macro-dialout")
_INBOUND_CONTEXTS: Final = ("from-trunk", "from-pstn", "from-did", "from-dahdi", "ext-did")
_NO_NUMBERS: Final = frozenset(
    {"h", "i", "t", "o", "a", "fax", "failed", "hang", "hangup", "startmeetme", "~~s~~"}
)
_SHORTEST_OUTSIDE: Final = 7  # digits; what is shorter is an extension, a queue or a service
_CLOCKS_AGREE: Final = 1800


def call_of(name: RecordingName, leg: Leg | None, zone: ZoneInfo) -> tuple[Call, tuple[str, ...]]:
    """Return the call of a recording, and notes for a person.

    Args:
        name: What its file name says.
        leg: What the call records say; without, the call's length is left at 0.
        zone: The telephone system's own.
    """
    started_at, notes = _start(name.clock if leg is None else leg.clock, name.epoch, zone)
    direction = direction_of(name, leg)
    if leg is None:
        return _named_call(name, direction, started_at), notes
    from_number, to_number = _numbers(name, leg, direction)
    hung_up_at = started_at + leg.duration
    call = Call(
        dialog_id=leg.uniqueid or name.uniqueid,
        dialog_type=DialogType.CONSULTANT,
        direction=direction,
        started_at=started_at,
        hung_up_at=hung_up_at,
        talking_ms=leg.billsec * 1000,
        from_number=from_number,
        to_number=to_number,
        answered_at=hung_up_at - leg.billsec if leg.billsec else None,
        source_call_id=leg.linkedid or leg.uniqueid or name.uniqueid,
    )
    return call, notes


def direction_of(name: RecordingName, leg: Leg | None) -> Direction:
    """Tell the direction: by the file's kind, then the row, then the look of the numbers."""
    if name.kind in INBOUND_KINDS or (leg is not None and leg.did):
        return Direction.INBOUND
    if name.kind in OUTBOUND_KINDS:
        return Direction.OUTBOUND
    if leg is not None and leg.dcontext.startswith(_OUTBOUND_CONTEXTS):
        return Direction.OUTBOUND
    is_inbound = (
        (leg is not None and leg.dcontext.startswith(_INBOUND_CONTEXTS))
        or name.kind in _INBOUND_LIKELY
        or name.caller is None
        or _is_outside(name.caller)
    )
    return Direction.INBOUND if is_inbound else Direction.OUTBOUND


def _start(clock: datetime, epoch: int, zone: ZoneInfo) -> tuple[int, tuple[str, ...]]:
    started_at, unclear = to_utc(clock, zone, hint=epoch)
    notes = () if unclear is None else (unclear,)
    if abs(started_at - epoch) >= _CLOCKS_AGREE:
        minutes = (started_at - epoch) // 60
        notes = (*notes, f"The start lies {minutes} min from the unique id: is the zone right?")
    return started_at, notes


def _named_call(name: RecordingName, direction: Direction, started_at: int) -> Call:
    return Call(
        dialog_id=name.uniqueid,
        dialog_type=DialogType.CONSULTANT,
        direction=direction,
        started_at=started_at,
        hung_up_at=started_at,
        talking_ms=0,
        from_number=name.caller,
        to_number=_first(name.to),
        source_call_id=name.uniqueid,
    )


def _numbers(name: RecordingName, leg: Leg, direction: Direction) -> tuple[str | None, str | None]:
    """Return who called and who was called."""
    if direction is Direction.INBOUND:
        return _first(leg.src, leg.cnum, name.caller), _first(leg.did, leg.dst, name.to)
    caller = _first(leg.cnum, leg.src, leg.outbound_cnum, name.caller)
    return caller, _first(leg.dst, name.to)


def _first(*numbers: str | None) -> str | None:
    for number in numbers:
        if number is not None and known(number) and number.lower() not in _NO_NUMBERS:
            return known(number)
    return None


def _is_outside(number: str) -> bool:
    return number.startswith("+") or sum(each.isdigit() for each in number) >= _SHORTEST_OUTSIDE
