"""What becomes of a file or of a row of call records in an import."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from callreel.importers.items import Candidate, Fault, Refusal, Row


class Became(StrEnum):
    """What became of an item."""

    ADDED = "added"
    SAME = "already_there"
    DELETED = "deleted_before"
    REFUSED = "refused"
    LATER = "left_for_later"
    EARLIER = "earlier"
    JOINED = "joined"
    UNRECORDED = "unrecorded"
    CALL_ADDED = "call_added"
    CALL_SAME = "call_already_there"


_DELETED: Final = "It was deleted here for good, and stays so."
_LEFT_OUT: Final = {
    Fault.GROWING: Became.LATER,
    Fault.WAITING_FOR_AUDIO: Became.LATER,
    Fault.EARLIER: Became.EARLIER,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of a file or of a row of call records.

    Attributes:
        where: Which; safe to print.
        became: What.
        is_row: Whether it is of a row.
        fault: Where it was not taken in, the kind of reason.
        reason: And the reason, one sentence.
        notes: What a person should know of what was taken in.
        size: Bytes of audio.
        adds_call: Whether the call is kept for the first time although its row is not taken in.
        recording: The id of the recording that was taken in, was there already or was deleted
            before, or None.
    """

    where: str
    became: Became
    is_row: bool = False
    fault: Fault | None = None
    reason: str | None = None
    notes: tuple[str, ...] = ()
    size: int = 0
    adds_call: bool = False
    recording: str | None = None


def plain_verdict(item: Refusal | Row) -> Verdict:
    """Return the verdict of what is no candidate."""
    if isinstance(item, Row):
        became = Became(item.use.value)
        return Verdict(where=item.where, became=became, is_row=True, notes=item.notes)
    return Verdict(
        where=item.where,
        became=_LEFT_OUT.get(item.fault, Became.REFUSED),
        is_row=item.is_row or item.fault.is_of_row,
        fault=item.fault,
        reason=item.reason,
    )


def refused(candidate: Candidate, fault: Fault, reason: str) -> Verdict:
    """Return the verdict of a candidate that proved to be none."""
    return plain_verdict(Refusal(candidate.where, fault, reason))


def deleted_before(candidate: Candidate, recording: str) -> Verdict:
    """Return the verdict of a candidate whose recording was deleted for good."""
    return Verdict(
        where=candidate.where,
        became=Became.DELETED,
        reason=_DELETED,
        size=candidate.size or 0,
        recording=recording,
    )
