"""Several calls that give the name of one file: one of them has it, the others have no recording.

Legs of one call may well name one file. They have the call's id in common; and calls that went on
at the same time are taken for legs of one, as a recording is of one time only.
"""

from __future__ import annotations

from typing import Final

from callreel.model import Call

FILE_OF_ANOTHER: Final = "Another call has the recording of the name that this one gives."


def went_on_together(one: Call, other: Call) -> bool:
    """Say whether two calls went on at the same time, so that one file may be of both."""
    return one.started_at <= other.hung_up_at and other.started_at <= one.hung_up_at
