"""The doctor: looks at all that the archive relies on, and says what to do about it.

Each look is a function that returns diagnoses; none of them changes anything that lasts.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How a thing stands."""

    OK = "ok"
    WARNING = "warning"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What was found of one thing.

    Attributes:
        what: The thing, in a word or two.
        level: How it stands: a warning is of what works and may cost data or time one day; bad
            is what keeps the archive from working, or from keeping what it promised.
        says: One sentence: how it is, and what to do where there is something to do.
    """

    what: str
    level: Level
    says: str


def ok(what: str, says: str) -> Diagnosis:
    """Return a diagnosis that all is well."""
    return Diagnosis(what, Level.OK, says)


def warning(what: str, says: str) -> Diagnosis:
    """Return a diagnosis of what is to be mended."""
    return Diagnosis(what, Level.WARNING, says)


def bad(what: str, says: str) -> Diagnosis:
    """Return a diagnosis of what does not work."""
    return Diagnosis(what, Level.BAD, says)
