"""Whether what is another's takes as long as what never was: a sum of ranks over many pairs."""

from __future__ import annotations

import math
import random
import statistics
from dataclasses import dataclass

from attack.case import Target
from attack.groups.matrix import Operation, asked, operations
from attack.wire import talk

PAIRS = 300
MOST_Z = 5.0
"""Beyond so many standard deviations a difference is none of chance, over all operations."""
MOST_MS = 0.1
"""A difference of medians below this could not be told over a network."""


@dataclass(frozen=True, slots=True)
class Compared:
    """Milliseconds of an operation on a foreign id and on an unknown one.

    Attributes:
        z: How far the ranks of the foreign ones are from chance, in standard deviations.
    """

    operation: Operation
    foreign_ms: float
    unknown_ms: float
    z: float

    @property
    def is_told(self) -> bool:
        """Whether the times tell one from the other."""
        return abs(self.z) > MOST_Z and abs(self.foreign_ms - self.unknown_ms) > MOST_MS

    def __str__(self) -> str:
        difference = (self.foreign_ms - self.unknown_ms) * 1000
        return (
            f"{self.operation!s:<46}{self.foreign_ms:>8.3f}{self.unknown_ms:>8.3f}"
            f"{difference:>+8.0f}{self.z:>+7.1f}"
        )


HEADING = f"{'operation':<46}{'foreign':>8}{'unknown':>8}{'diff µs':>8}{'z':>7}"


def compared(target: Target, seed: int, pairs: int = PAIRS) -> list[Compared]:
    """Return the times of each operation that takes an id, in pairs of random order."""
    chance = random.Random(seed)
    return [
        _compared(target, each, chance, pairs)
        for each in operations(target)
        if each.of_one and each.method != "HEAD"
    ]


def _compared(target: Target, operation: Operation, chance: random.Random, pairs: int) -> Compared:
    unknown_export = "f" * len(target.exports["foreign"])
    raw = {
        "foreign": asked(operation, target.all, target.foreign, target.exports["foreign"]),
        "unknown": asked(operation, target.all, _other_id(target.foreign), unknown_export),
    }
    times: dict[str, list[float]] = {name: [] for name in raw}
    for _ in range(pairs):
        for name in chance.sample(sorted(raw), 2):
            times[name].append(talk(target.address, raw[name]).seconds * 1000)
    return Compared(
        operation,
        statistics.median(times["foreign"]),
        statistics.median(times["unknown"]),
        z_of(times["foreign"], times["unknown"]),
    )


def _other_id(known: str) -> str:
    """Return an id of the same form that nobody has."""
    return known[:-4] + ("0000" if known[-4:] != "0000" else "1111")


def z_of(left: list[float], right: list[float]) -> float:
    """Return the z of the rank sum of Wilcoxon, Mann and Whitney; 0 where both are alike."""
    ranked = sorted([(value, 0) for value in left] + [(value, 1) for value in right])
    total = sum(rank for rank, (_, side) in enumerate(ranked, start=1) if side == 0)
    n, m = len(left), len(right)
    expected, spread = n * (n + m + 1) / 2, math.sqrt(n * m * (n + m + 1) / 12)
    return (total - expected) / spread
