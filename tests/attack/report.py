"""What a run of attacks came to, as a table and as the cases that failed."""

from __future__ import annotations

from collections.abc import Iterable

from attack.run import MOST_SHOWN, Tally


def table(tallies: Iterable[Tally]) -> str:
    """Return a table with a line for each group."""
    lines = [f"{'group':<12}{'cases':>7}{'worst ms':>10}{'failed':>8}  answers"]
    lines += map(_line, tallies)
    return "\n".join(lines)


def failures(tallies: Iterable[Tally], seed: int) -> list[str]:
    """Return how each failure can be had again, the first ones of each group only."""
    found: list[str] = []
    for tally in tallies:
        found += [failure.shown(seed) for failure in tally.failures[:MOST_SHOWN]]
        found += tally.said[:MOST_SHOWN]
    return found


def _line(tally: Tally) -> str:
    answers = " ".join(f"{status or 'none'}:{n}" for status, n in sorted(tally.statuses.items()))
    return f"{tally.name:<12}{tally.cases:>7}{tally.worst_ms:>10.0f}{tally.failed:>8}  {answers}"
