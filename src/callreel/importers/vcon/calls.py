"""What a dialog of a vCon says of a call, in the words of the model.

Direction, the first that applies:

1. `direction` of the dialog, or of its `meta`: in, inbound, incoming; out, outbound, outgoing.
2. The role of the party that called: of the company (agent, supervisor, sme, bot) it is an
   outbound call, of a customer an inbound one; else the roles of those who were called, likewise.
3. The numbers: an extension (at most six digits) that calls makes an outbound call, and so does a
   number that is called from an extension; any other call is inbound. Where both sides have
   numbers from outside, a note says that nothing told it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from callreel.errors import BadRecording
from callreel.importers.items import plain_text
from callreel.importers.local_time import to_utc
from callreel.importers.vcon.parties import Party
from callreel.model import Call, DialogType, Direction

LONGEST_DIALOG: Final = 31 * 86_400
YEARS: Final = range(2000, 2136)
_SAID: Final = {
    **dict.fromkeys(("in", "inbound", "incoming"), Direction.INBOUND),
    **dict.fromkeys(("out", "outbound", "outgoing"), Direction.OUTBOUND),
}
_UNTOLD: Final = "Nothing in the vCon tells the direction; the call was taken as inbound."
_LONGEST_CAUSE: Final = 64


@dataclass(frozen=True, slots=True)
class Told:
    """What a dialog tells.

    Attributes:
        call: The call.
        is_measured: Whether the dialog says how long it was.
        agent: Who of the company spoke, or None.
        notes: What a person should know.
    """

    call: Call
    is_measured: bool
    agent: str | None
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Sides:
    caller: Party
    others: tuple[Party, ...]

    @property
    def called(self) -> Party | None:
        return next((each for each in self.others if each.number), next(iter(self.others), None))


def tell(
    uuid: str, index: int, dialog: dict[str, Any], parties: Sequence[Party], zone: ZoneInfo | None
) -> Told:
    """Return the call of a dialog.

    Args:
        uuid: The vCon's.
        index: Which dialog of it.
        dialog: The Dialog Object.
        parties: All parties of the vCon.
        zone: Of clock times without an offset.

    Raises:
        BadRecording: a time, a length or a party of it cannot be.
    """
    started_at, unclear = _start(dialog.get("start"), zone)
    seconds = _duration(dialog.get("duration"))
    sides = _sides(dialog, parties)
    direction, untold = _direction(dialog, sides)
    is_complete = dialog.get("type") != "incomplete"
    call = Call(
        dialog_id=f"{uuid}/{index}",
        dialog_type=DialogType.CONSULTANT,
        direction=direction,
        started_at=started_at,
        hung_up_at=started_at + math.ceil(seconds),
        talking_ms=round(seconds * 1000) if is_complete else 0,
        end_cause=None if is_complete else _cause(dialog.get("disposition")),
        from_number=sides.caller.number,
        to_number=None if sides.called is None else sides.called.number,
        source_call_id=uuid,
    )
    notes = tuple(each for each in (unclear, untold) if each)
    return Told(call, is_measured=seconds > 0, agent=_agent(sides, direction), notes=notes)


def _start(text: object, zone: ZoneInfo | None) -> tuple[int, str | None]:
    try:
        clock = datetime.fromisoformat(text.upper() if isinstance(text, str) else "")
    except ValueError as error:
        raise BadRecording("Its start is no date and time such as 2026-03-29T14:05:00Z.") from error
    if clock.tzinfo is None and zone is None:
        raise BadRecording("Its start has no offset from UTC; give the zone with --timezone.")
    if clock.year not in YEARS:
        raise BadRecording("Its start is not in the years 2000 to 2135.")
    return to_utc(clock, zone or ZoneInfo("UTC"))


def _duration(seconds: object) -> float:
    """Return the length in seconds, or 0 where it is not known."""
    if seconds is None:
        return 0.0
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        seconds = -1
    if not 0 <= seconds <= LONGEST_DIALOG:
        raise BadRecording(f"Its duration is no number of seconds from 0 to {LONGEST_DIALOG}.")
    return float(seconds)


def _sides(dialog: dict[str, Any], parties: Sequence[Party]) -> _Sides:
    told = [*_indices(dialog.get("originator")), *_indices(dialog.get("parties"))]
    known = range(len(parties))
    named = [each for each in told if type(each) is int and each in known]
    if len(named) != len(told):
        raise BadRecording("It names a party that the vCon does not have.")
    if not parties:
        raise BadRecording("The vCon names no party.")
    caller, *others = dict.fromkeys(named or known)
    # Of a recording of one party alone, the others are who else is in the vCon.
    others = others or [each for each in known if each != caller]
    return _Sides(parties[caller], tuple(parties[each] for each in others))


def _indices(value: object) -> list[object]:
    """Return the indices of parties of all channels, in order; a channel may have several."""
    channels = value if isinstance(value, list) else [value]
    mixed = (each if isinstance(each, list) else [each] for each in channels)
    return [index for channel in mixed for index in channel if index is not None]


def _direction(dialog: dict[str, Any], sides: _Sides) -> tuple[Direction, str | None]:
    meta = dialog.get("meta")
    for said in (dialog, meta if isinstance(meta, dict) else {}):
        told = said.get("direction")
        if isinstance(told, str) and told.casefold() in _SAID:
            return _SAID[told.casefold()], None
    if sides.caller.is_company is not None:
        return _made_by(company=sides.caller.is_company), None
    roles = {each.is_company for each in sides.others} - {None}
    if roles:
        return _made_by(company=True not in roles), None
    if sides.caller.is_extension:
        return Direction.OUTBOUND, None
    is_told = sides.caller.number is None or (sides.called or sides.caller).is_extension
    return Direction.INBOUND, None if is_told else _UNTOLD


def _made_by(*, company: bool) -> Direction:
    return Direction.OUTBOUND if company else Direction.INBOUND


def _agent(sides: _Sides, direction: Direction) -> str | None:
    for each in (sides.caller, *sides.others):
        if each.is_company and each.agent:
            return each.agent
    side = sides.caller if direction is Direction.OUTBOUND else sides.called
    return None if side is None else side.agent


def _cause(disposition: object) -> str | None:
    text = plain_text(disposition) if isinstance(disposition, str) else ""
    return text[:_LONGEST_CAUSE] or None
