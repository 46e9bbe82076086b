"""What FreeSWITCH knows of a call, in the words of the model.

Direction: FreeSWITCH's own `direction` is relative to the channel, and that of every caller is
"inbound". So FusionPBX's `call_direction` is taken where it is there; a call by a queue is an
inbound one; a phone of the system's own, which registers or authenticates, makes outbound ones; a
call in the context `public` is an inbound one; and at last the look of the caller's number
decides. A call between two extensions is an outbound one: somebody in the company made it.

Numbers, as they came: `from` is who called (of an outbound call the extension, not the number
that it showed outside), `to` is the number that was called, before any transfer. So of a leg that
was called, those of the channel that made it count.

The conversation begins where two people were bridged or, where nobody was, with the answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from callreel.importers.freeswitch.leg import SECOND, Leg
from callreel.importers.items import plain_text
from callreel.importers.parties import first_number, is_outside
from callreel.model import Call, DialogType, Direction

LONGEST_WORD: Final = 64
LONGEST_NAME: Final = 255
_MILLISECOND: Final = 1_000
_DIRECTIONS: Final = {
    "inbound": Direction.INBOUND,
    "outbound": Direction.OUTBOUND,
    "local": Direction.OUTBOUND,
}
_OWN_PHONE: Final = ("user_name", "sip_auth_username", "user_context")
_QUEUE: Final = ("cc_queue", "cc_queue_name")


@dataclass(frozen=True, slots=True)
class Claim:
    """What is kept of a leg that says a file is its recording: a record has far more.

    Attributes:
        where: The record, safe to print.
        rank: How well it tells of the recording, compared with other legs of its call.
        ids: The channels that it names.
        notes: What a person should know of it.
    """

    where: str
    rank: tuple[bool, bool, int]
    ids: frozenset[str]
    call: Call
    agent: str | None
    queue: str | None
    notes: tuple[str, ...]

    def is_of_one_call_with(self, other: Claim) -> bool:
        return bool(self.ids & other.ids)


def claim_of(leg: Leg) -> Claim:
    """Return what is kept of a leg."""
    return Claim(
        where=leg.where,
        rank=leg.rank,
        ids=leg.ids,
        call=call_of(leg),
        agent=agent_of(leg),
        queue=queue_of(leg),
        notes=leg.notes,
    )


def call_of(leg: Leg) -> Call:
    """Return the call that a leg tells of."""
    served = leg.served
    from_number, to_number = _numbers(leg)
    return Call(
        dialog_id=leg.uuid,
        dialog_type=DialogType.CONSULTANT,
        direction=direction_of(leg),
        started_at=leg.start // SECOND,
        hung_up_at=leg.end // SECOND,
        talking_ms=leg.talk // _MILLISECOND,
        end_cause=plain_text(leg.record.first("hangup_cause"))[:LONGEST_WORD] or None,
        from_number=from_number,
        to_number=to_number,
        answered_at=_seconds(leg.answer),
        served_at=_seconds(served),
        waiting_ms=None if served is None else (served - leg.start) // _MILLISECOND,
        first_queue_waiting_ms=_queued(leg),
        source_call_id=leg.call_id,
    )


def direction_of(leg: Leg) -> Direction:
    """Return the direction as the company sees it."""
    record = leg.record
    told = _DIRECTIONS.get(record.variables.get("call_direction", "").lower())
    if told is not None:
        return told
    if queue_of(leg) is not None:
        return Direction.INBOUND
    if not leg.is_b and record.first(*_OWN_PHONE):
        return Direction.OUTBOUND
    if _oldest(leg, "context") == "public":
        return Direction.INBOUND
    caller = _caller(leg)
    is_from_outside = caller is None or is_outside(caller)
    return Direction.INBOUND if is_from_outside else Direction.OUTBOUND


def agent_of(leg: Leg) -> str | None:
    """Return whose leg of the call it is: the agent of a queue, or the extension of a phone."""
    record = leg.record
    if direction_of(leg) is Direction.OUTBOUND:
        own = record.first("user_name", "sip_auth_username", "extension")
        return _name(own) or _caller(leg)
    return _name(record.first("cc_agent", "dialed_user", "extension"))


def queue_of(leg: Leg) -> str | None:
    """Return which queue the call came by."""
    return _name(leg.record.first(*_QUEUE))


def _numbers(leg: Leg) -> tuple[str | None, str | None]:
    record = leg.record
    called = (
        record.variables.get("caller_destination", ""),
        _of_originator(leg, "destination_number"),
        _oldest(leg, "destination_number"),
        record.variables.get("destination_number", ""),
        record.variables.get("dialed_user", ""),
        record.variables.get("sip_to_user", ""),
    )
    return _caller(leg), _first_number(*called)


def _caller(leg: Leg) -> str | None:
    record = leg.record
    return _first_number(
        _of_originator(leg, "caller_id_number"),
        record.variables.get("caller_id_number", ""),
        _oldest(leg, "caller_id_number"),
        record.variables.get("effective_caller_id_number", ""),
        record.variables.get("origination_caller_id_number", ""),
        record.variables.get("sip_from_user", ""),
    )


def _oldest(leg: Leg, name: str) -> str:
    """Return what the channel was at first, before any transfer."""
    profiles = reversed(leg.record.profiles)
    return next((text for each in profiles if (text := each.names.get(name, ""))), "")


def _of_originator(leg: Leg, name: str) -> str:
    """Return what the channel was that made this one, if another did."""
    profiles = leg.record.profiles
    return next((text for each in profiles if (text := each.originator.get(name, ""))), "")


def _first_number(*numbers: str) -> str | None:
    """Return the first that is one; of a caller who sends a novel the number is not known."""
    return first_number(*(text for text in map(plain_text, numbers) if len(text) <= LONGEST_WORD))


def _queued(leg: Leg) -> int | None:
    """Return how long the caller waited in the queue, where both its ends are told."""
    joined = leg.record.variables.get("cc_queue_joined_epoch", "")
    answered = leg.record.variables.get("cc_queue_answered_epoch", "")
    if not all(each.isascii() and each.isdigit() and len(each) < 12 for each in (joined, answered)):
        return None
    waited = int(answered) - int(joined)
    is_within = int(joined) * SECOND >= leg.start - SECOND and int(answered) * SECOND <= leg.end
    return waited * 1_000 if waited >= 0 and is_within else None


def _seconds(moment: int | None) -> int | None:
    return None if moment is None else moment // SECOND


def _name(text: str) -> str | None:
    return plain_text(text)[:LONGEST_NAME] or None
