"""Turns that the machine was ours for: what a host takes from a guest would be measured as ours.

Not even ratios are spared, since what is stolen falls now on one target and now on the other: with
an eighth of the processors' time gone, one record over one connection came a third slower.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

Seen = TypeVar("Seen")

STOLEN: Final = 0.03
"""A turn in which the host took more than this share of the processors is taken again."""
MOST_TURNS: Final = 3
"""At most so many times the turns that are wanted are taken; the calmest ones count then."""
_STAT: Final = Path("/proc/stat")
_STEAL: Final = 7  # its place among the times of the first line; proc_stat(5)
_TIMES: Final = 8  # those after it are in the first two already


@dataclass(frozen=True)
class Ticks:
    """What the kernel has counted since it started: the time stolen, and all of it."""

    stolen: int
    all: int

    def share_since(self, earlier: Ticks) -> float:
        """Return the share of the processors' time that the host took since."""
        return (self.stolen - earlier.stolen) / max(self.all - earlier.all, 1)


def ticks() -> Ticks:
    """Return what was counted so far; nothing where the system does not tell."""
    if not _STAT.exists():
        return Ticks(0, 0)
    times = [int(each) for each in _STAT.read_text().splitlines()[0].split()[1 : 1 + _TIMES]]
    return Ticks(times[_STEAL], sum(times))


def calm(turn: Callable[[], Seen], wanted: int) -> list[Seen]:
    """Take turns until so many were calm, and return what was seen in them, in their order."""
    seen: list[tuple[float, Seen]] = []
    while len(seen) < MOST_TURNS * wanted and sum(each[0] <= STOLEN for each in seen) < wanted:
        before = ticks()
        found = turn()
        seen.append((ticks().share_since(before), found))
    calmest = sorted(range(len(seen)), key=lambda at: max(seen[at][0], STOLEN))[:wanted]
    return [seen[at][1] for at in sorted(calmest)]
