"""What of a call can be filtered and sorted by."""

from __future__ import annotations

from callreel.archive import BodyFormat
from callreel.archive.numbers import normalise
from callreel.catalog import FactsOf
from callreel.errors import BadRecording
from callreel.model import Call, Facts, Reach, Recording


def facts_of(call: Call) -> Facts:
    """Return the facts of a call."""
    sides = (call.from_number, call.to_number)
    numbers = {normalise(side) for side in sides if side is not None}
    return Facts(
        started_at=call.started_at,
        hung_up_at=call.hung_up_at,
        talking_ms=call.talking_ms,
        project_id=None if call.project is None else call.project.id,
        user_id=None if call.user is None else call.user.id,
        numbers=frozenset(numbers - {""}),
        tags=frozenset(call.tags),
        dialog_type=call.dialog_type,
        direction=call.direction,
        source_call_id=call.source_call_id,
    )


def facts_reader(bodies: BodyFormat) -> FactsOf:
    """Return what reads the facts out of a body."""
    return lambda body: facts_of(bodies.parse(body).call)


def recording_in(bodies: BodyFormat, body: bytes) -> Recording | None:
    """Return the recording that a body tells of, or None where it cannot be read."""
    try:
        return bodies.parse(body)
    except (ValueError, BadRecording):  # the decoder's errors are of the former kind
        return None


def is_within(reach: Reach, facts: Facts) -> bool:
    """Say whether a call with these facts lies within what a key is narrowed to."""
    in_projects = reach.projects is None or facts.project_id in reach.projects
    in_users = reach.users is None or facts.user_id in reach.users
    return in_projects and in_users
