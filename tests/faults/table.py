"""What came out of a run, as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from faults.checker import HALF, LOST, TWICE, Verdict
from faults.history import History, Outcome

_HEADER: Final = (
    "fault", "acknowledged", "refused", "unknown", "lost", "half visible", "twice", "other faults",
)  # fmt: skip


@dataclass(slots=True)
class Figures:
    """The figures of a run.

    Attributes:
        what: What was done.
        acknowledged: Operations that were promised.
        refused: Operations that were refused with 503 or 507.
        unknown: Operations of which the client heard nothing.
        lost: Promises that were not kept.
        half: Recordings that were visible in part only.
        twice: Recordings that were there twice.
        wrong: All that was wrong, these and others, in a sentence each.
        notes: More figures, by what they tell.
    """

    what: str
    acknowledged: int = 0
    refused: int = 0
    unknown: int = 0
    lost: int = 0
    half: int = 0
    twice: int = 0
    wrong: list[str] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)

    @property
    def cells(self) -> tuple[str, ...]:
        counted = self.lost + self.half + self.twice
        numbers = (self.acknowledged, self.refused, self.unknown, self.lost, self.half, self.twice)
        return (self.what, *(f"{each:,}" for each in numbers), str(len(self.wrong) - counted))


def figures_of(what: str, history: History, verdict: Verdict) -> Figures:
    """Return the figures of a run that had clients."""
    return Figures(
        what,
        acknowledged=history.count(Outcome.ACKNOWLEDGED),
        refused=history.count(Outcome.REFUSED),
        unknown=history.count(Outcome.UNKNOWN),
        lost=verdict.count(LOST),
        half=verdict.count(HALF),
        twice=verdict.count(TWICE),
        wrong=[sentence for _, sentence in verdict.wrong],
        notes={
            "recordings compared": f"{verdict.checked:,}",
            "audio that was nobody's until a client tried again": str(verdict.orphans),
        },
    )


def markdown(runs: Sequence[Figures]) -> str:
    """Return the runs as a Markdown table, with what else is to be told below it."""
    lines = [_HEADER, *(each.cells for each in runs)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(_HEADER))]
    rule = tuple("-" * width for width in widths)
    table = [_line(cells, widths) for cells in (_HEADER, rule, *lines[1:])]
    notes = [f"{each.what}: {name} {text}" for each in runs for name, text in each.notes.items()]
    wrong = [f"WRONG, {each.what}: {what}" for each in runs for what in each.wrong]
    return "\n".join([*table, "", *notes, *wrong])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
    return f"| {' | '.join(padded)} |"
