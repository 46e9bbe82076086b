"""Sends cases, several at once, and gathers what is wrong with the answers."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice

from attack.case import Case, Target
from attack.groups import GROUPS
from attack.judge import faults
from attack.wire import LITTLE_PATIENCE, PATIENCE, Talk, talk

AT_ONCE = 4
MOST_SHOWN = 20
MOST_RAW = 600
"""So many bytes of a request a failure shows."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A case that failed, and how to send it again."""

    group: str
    number: int
    case: Case
    faults: list[str]

    def shown(self, seed: int) -> str:
        raw = self.case.raw
        more = f" … {len(raw)} bytes" if len(raw) > MOST_RAW else ""
        lines = [f"{self.group} {self.number}: {self.case.says}", *(f"  {x}" for x in self.faults)]
        again = f"--seed {seed} --only {self.group} --from {self.number} --count 1"
        return "\n".join([*lines, f"  {raw[:MOST_RAW]!r}{more}", f"  again: ./run attack {again}"])


@dataclass(slots=True)
class Tally:
    """What came of a group.

    Attributes:
        statuses: How often each was answered; 0 for no answer.
        said: What is wrong beyond single cases.
    """

    name: str
    cases: int = 0
    worst_ms: float = 0
    statuses: dict[int, int] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    @property
    def failed(self) -> int:
        return len(self.failures) + len(self.said)

    def add(self, number: int, case: Case, found: list[str], talks: Iterable[Talk]) -> None:
        self.cases += 1
        for each in talks:
            self.worst_ms = max(self.worst_ms, each.seconds * 1000)
            status = each.answers[0].status if each.answers else 0
            self.statuses[status] = self.statuses.get(status, 0) + 1
        if found:
            self.failures.append(Failure(self.name, number, case, found))


def attacked(target: Target, seed: int, shares: dict[str, int], start: int = 0) -> Iterator[Tally]:
    """Yield what came of each group.

    Args:
        target: Whom to attack.
        seed: The same seed gives the same cases.
        shares: How many cases of each group.
        start: Leave out so many of each group's.
    """
    with ThreadPoolExecutor(AT_ONCE) as threads:
        for name, count in shares.items():
            cases = GROUPS[name][0](target, random.Random(f"{seed} {name}"))
            chosen = list(islice(enumerate(cases), start, start + count))
            tally = Tally(name)
            for number, case, found, talks in threads.map(
                lambda each: _tried(target, *each), chosen
            ):
                tally.add(number, case, found, talks)
            yield tally


def shares_of(count: int, names: Iterable[str]) -> dict[str, int]:
    """Return how many cases each group has of so many in all; each has one at least."""
    chosen = {name: GROUPS[name][1] for name in names}
    whole = sum(chosen.values())
    return {name: max(1, count * part // whole) for name, part in chosen.items()}


def _tried(target: Target, number: int, case: Case) -> tuple[int, Case, list[str], list[Talk]]:
    patience = LITTLE_PATIENCE if case.is_broken else PATIENCE
    source = source_of(number)
    talks = [
        talk(target.address, raw, source=source, patience=patience)
        for raw in (case.raw, case.twin)
        if raw is not None
    ]
    return number, case, faults(target, case, *talks), talks


def source_of(number: int) -> str:
    """Return an address of this machine to come from: a server may slow down who guesses keys."""
    return f"127.1.{number // 250 % 250}.{number % 250 + 1}"
