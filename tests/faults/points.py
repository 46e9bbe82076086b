"""kill -9 before each single system call with which an operation writes, one after another."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import Final

from faults.checker import Checker
from faults.clients import Writer
from faults.gate import CHANGING, Decide, Gate, Held, gate, let_go
from faults.history import History
from faults.kills import sounds
from faults.running import Served, new_key, served
from faults.table import Figures, figures_of

ALL: Final = 0
Operation = Callable[[Writer, str, bytes], object]
"""Does something with a recording of this name and this audio, which is there or is not."""


class KillAt:
    """Kills before the call of a number, and counts the calls till then."""

    def __init__(self, kill: Callable[[], None], number: int) -> None:
        self.is_done = False
        self.seen = 0
        self._kill = kill
        self._number = number
        self._lock = threading.Lock()

    def __call__(self, held: Held) -> int:
        if not is_change(held):
            return 0
        with self._lock:
            self.seen += 1
            if self.seen == self._number:
                self.is_done = True
                self._kill()
        return 0


def is_change(held: Held) -> bool:
    """Say whether a call changes what is on the disk; a folder that is there is not made."""
    is_there = held.name.startswith("mkdir") and Path(held.path).is_dir()
    return held.name in CHANGING and not is_there


def _upload(writer: Writer, name: str, audio: bytes) -> None:
    writer.upload(name, audio)


def _tag(writer: Writer, name: str, _audio: bytes) -> None:
    writer.tag(name)


def _delete(writer: Writer, name: str, _audio: bytes) -> None:
    writer.delete(name)


@dataclass(frozen=True, slots=True)
class Case:
    """An operation, and whether its recording is there before."""

    act: Operation
    needs_recording: bool


CASES: Final = {
    "upload": Case(_upload, needs_recording=False),
    "tag": Case(_tag, needs_recording=True),
    "delete": Case(_delete, needs_recording=True),
}


def run(scratch: Path, count: int, seed: int) -> Figures:
    """Kill at so many points of each operation, spread over all; at every one where it is 0."""
    data = scratch / "data"
    site = Site(data, new_key(data), Random(seed), sounds(scratch))
    with gate(data, scratch) as before:
        totals = site.count_points(before)
        killed = {
            name: site.kill_at_points(before, name, total, count) for name, total in totals.items()
        }
        with served(data, site.key) as server:
            site.checker.check(server, data)
    what = f"kill -9 at {sum(killed.values())} system calls"
    figures = figures_of(what, site.history, site.checker.verdict)
    figures.notes["points"] = ", ".join(
        f"{name} {number} of {totals[name]}" for name, number in killed.items()
    )
    return figures


@dataclass(slots=True)
class Site:
    """A data folder where operations are done, and what is known of it."""

    data: Path
    key: str
    chance: Random
    sounds: list[bytes]
    history: History = field(default_factory=History)
    checker: Checker = field(init=False)

    def __post_init__(self) -> None:
        self.checker = Checker(self.history)

    def count_points(self, before: Gate) -> dict[str, int]:
        """Return at how many points each operation can be killed."""
        with served(self.data, self.key, before.before) as server:
            Writer(server, self.history, self.chance).upload("first", self.sounds[0])
            counting = {name: KillAt(server.kill, 0) for name in CASES}
            for name, each in counting.items():
                self.do(server, before, name, "0", each)
            return {name: each.seen for name, each in counting.items()}

    def kill_at_points(self, before: Gate, name: str, total: int, count: int) -> int:
        """Do an operation again and again, killed at another point each time; return how often."""
        return at_points(total, count, partial(self._kill_at, before, name))

    def _kill_at(self, before: Gate, name: str, number: int) -> bool:
        with served(self.data, self.key, before.before) as server:
            self.checker.check(server, self.data)
            killing = KillAt(server.kill, number)
            self.do(server, before, name, str(number), killing)
            return killing.is_done

    def do(self, server: Served, before: Gate, name: str, turn: str, decide: Decide) -> None:
        """Do an operation once while something decides of the calls with which it writes."""
        writer = Writer(server, self.history, self.chance)
        audio = self.chance.choice(self.sounds)[:-8] + self.chance.randbytes(8)
        case, one = CASES[name], f"{name}-{turn}"
        if case.needs_recording:
            writer.upload(one, audio)
        before.decide = decide
        case.act(writer, one, audio)
        before.decide = let_go


def at_points(total: int, count: int, is_killed_at: Callable[[int], bool]) -> int:
    """Kill at so many points, spread over a total; return how often something was killed.

    One that meets less than the run whose points were counted ends before it is killed. Where the
    count is `ALL`, it goes on beyond the total until none is left for one that meets more.
    """
    killed = sum(map(is_killed_at, spread(total, count)))
    while count == ALL and is_killed_at(total := total + 1):
        killed += 1
    return killed


def spread(total: int, count: int) -> list[int]:
    """Return so many numbers from 1 to a total, evenly spread; all where the count is `ALL`."""
    if count == ALL or count >= total:
        return list(range(1, total + 1))
    return [1 + (2 * at + 1) * total // (2 * count) for at in range(count)]
