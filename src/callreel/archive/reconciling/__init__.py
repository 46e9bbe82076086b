"""Reconciling: what does not fit together between calls, their audio and what is usual.

The rules are pure: `sound` of the recordings of one call, `hours` of how many calls there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What does not fit; the value is what a report calls it."""

    SHORTER = "audio_shorter"
    LONGER = "audio_longer"
    SILENT = "silent"
    ONE_SIDED = "one_sided"
    UNREADABLE = "audio_unreadable"
    UNRECORDED = "no_recording"
    UNCALLED = "no_call"
    GAP = "gap"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that does not fit.

    Attributes:
        kind: What.
        started_at: When the call, or the gap, began; seconds UTC.
        ended_at: When it ended.
        reason: One sentence.
        recording: The id of the recording, or None where there is none.
        dialog: The id of the call's dialog, or None of a gap.
        expected: Milliseconds of talk or of the call that the audio should hold; of a gap, the
            usual number of calls.
        found: Milliseconds of audio; of a gap, the number of calls.
    """

    kind: Kind
    started_at: int
    ended_at: int
    reason: str
    recording: str | None = None
    dialog: str | None = None
    expected: int | None = None
    found: int | None = None
