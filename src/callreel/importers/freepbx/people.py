"""Who of the company a leg is of, and which queue it came by."""

from __future__ import annotations

from typing import Final

from callreel.importers.channels import extension_of, short
from callreel.importers.freepbx.cdr import Leg
from callreel.importers.freepbx.names import QUEUE, RecordingName
from callreel.model import Direction

_QUEUES: Final = "ext-queues"
_SEVERAL: Final = frozenset({"q", "rg", "ivr", "conference"})  # whose number is of nobody
_SEVERAL_CONTEXTS: Final = (_QUEUES, "ext-group", "ivr-", "app-", "ext-meetme")


def agent_of(name: RecordingName | None, leg: Leg | None, direction: Direction) -> str | None:
    """Return the extension that called (of an outbound call) or answered, or None.

    Args:
        name: What the name of the recording says.
        leg: What the call records say.
        direction: Of the call.
    """
    if direction is Direction.OUTBOUND:
        caller = None if name is None else name.caller
        if leg is None:
            return short(caller)
        return short(leg.cnum, leg.src, extension_of(leg.channel), caller)
    if leg is None:
        return None if name is None or name.kind in _SEVERAL else short(name.to)
    if not leg.is_answered:
        return None
    kind = "" if name is None else name.kind
    is_of_several = kind in _SEVERAL or leg.dcontext.startswith(_SEVERAL_CONTEXTS)
    return extension_of(leg.dstchannel) or (None if is_of_several else short(leg.dst))


def queue_of(name: RecordingName | None, leg: Leg | None) -> str | None:
    """Return the number of the queue that a call came by, or None."""
    if name is not None and name.kind == QUEUE:
        return name.to
    if leg is None:
        return None
    if leg.lastapp.lower() == "queue":
        return leg.lastdata.partition(",")[0].strip() or leg.dst or None
    return leg.dst or None if leg.dcontext == _QUEUES else None
