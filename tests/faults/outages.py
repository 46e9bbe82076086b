"""A disk that fails, fills up or grows slow under clients at work, and comes back."""

from __future__ import annotations

import errno
import itertools
import random
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final

from faults.checker import LOST, WRONG, Checker
from faults.clients import Crowd
from faults.disks import fill, in_memory
from faults.failing import ERRORS
from faults.gate import Decide, Gate, Held, gate, let_go
from faults.history import History
from faults.kills import sounds
from faults.points import is_change
from faults.running import new_key, served
from faults.table import Figures, figures_of

SECONDS: Final = 0.8
"""For so long a fault lasts, and for so long the clients work before it and after it."""
SLOW_SECONDS: Final = 0.25
SYNCING: Final = frozenset({"fsync", "fdatasync"})
Fault = Callable[[], AbstractContextManager[None]]
"""Makes a fault for as long as its context lasts."""


def failing(scratch: Path, rounds: int, seed: int) -> Figures:
    """Let every call fail for a while, with each error in turn, so many times each."""
    errors = [error for error in ERRORS for _ in range(rounds)]
    with gate(scratch / "data", scratch) as before:
        faults = [partial(_deciding, before, _fail_with(error)) for error in errors]
        names = ", ".join(errno.errorcode[each] for each in ERRORS)
        return _suffer(f"a disk that fails for a while: {names}", scratch, seed, faults, before)


def slow(scratch: Path, rounds: int, seed: int) -> Figures:
    """Let every sync take a quarter of a second for a while, so many times."""
    with gate(scratch / "data", scratch) as before:
        faults = [partial(_deciding, before, _delay) for _ in range(rounds)]
        what = f"a disk that takes {SLOW_SECONDS} s for a sync"
        return _suffer(what, scratch, seed, faults, before)


def full(scratch: Path, rounds: int, seed: int) -> Figures:
    """Fill a disk of 160 MB up and make room again, so many times: the log alone may take 64."""
    with in_memory(scratch, "size=160m") as disk:
        return _suffer("a full disk", disk, seed, [partial(_full, disk)] * rounds)


def out_of_inodes(scratch: Path, rounds: int, seed: int) -> Figures:
    """Let a disk have no room for the name of one more file, so many times."""
    with in_memory(scratch, "size=256m,nr_inodes=4000") as disk:
        return _suffer("a disk out of inodes", disk, seed, [partial(_no_inode, disk)] * rounds)


def _suffer(
    what: str,
    scratch: Path,
    seed: int,
    faults: Sequence[Fault],
    before: Gate | None = None,
) -> Figures:
    """Let a server suffer one fault after another without a restart."""
    data, chance, history = scratch / "data", random.Random(seed), History()
    crowd, checker = Crowd(history, sounds(scratch), seed), Checker(history)
    usual: list[float] = []
    meanwhile: list[float] = []
    key = new_key(data)
    with served(data, key, before.before if before else ()) as server:
        for fault in faults:
            with crowd.at_work(server):
                history.wait_for_promises(1)
                time.sleep(SECONDS)
                usual += crowd.seconds_to_list()
                with fault():
                    time.sleep(SECONDS + chance.random())
                    meanwhile += crowd.seconds_to_list()
                history.wait_for_promises(1)  # without a restart
                crowd.seconds_to_list()
            checker.check(server, data)
        if not meanwhile:
            checker.verdict.tell(WRONG, "nobody was answered a list while the disk was away")
        if crowd.is_deaf:
            checker.verdict.tell(LOST, "the server did not answer any more")
    with served(data, key) as server:
        checker.check(server, data)
    figures = figures_of(f"{what}, {len(faults)} times", history, checker.verdict)
    figures.notes["lists answered before and meanwhile"] = f"{len(usual)}, {len(meanwhile)}"
    figures.notes["time of a list, p99 before and meanwhile"] = (
        f"{_p99(usual) * 1000:.0f} ms, {_p99(meanwhile) * 1000:.0f} ms"
    )
    return figures


def _p99(seconds: list[float]) -> float:
    return sorted(seconds)[len(seconds) * 99 // 100] if seconds else 0.0


@contextmanager
def _deciding(before: Gate, decide: Decide) -> Iterator[None]:
    before.decide = decide
    try:
        yield
    finally:
        before.decide = let_go


def _fail_with(error: int) -> Decide:
    """Let fail what changes something; a file that is only read can be closed."""

    def fail(held: Held) -> int:
        return error if held.name in ERRORS[error] and is_change(held) else 0

    return fail


def _delay(held: Held) -> int:
    if held.name in SYNCING:
        time.sleep(SLOW_SECONDS)
    return 0


@contextmanager
def _full(disk: Path) -> Iterator[None]:
    """Leave less and less room, and in the end none."""
    ballast = disk / "ballast"
    for share in (4, 2):
        with ballast.open("ab") as file:
            file.write(bytes(shutil.disk_usage(disk).free // share))
        time.sleep(SECONDS / 4)
    fill(ballast)
    try:
        yield
    finally:
        ballast.unlink()


@contextmanager
def _no_inode(disk: Path) -> Iterator[None]:
    folder = disk / "ballast"
    folder.mkdir()
    with suppress(OSError):
        for number in itertools.count():
            (folder / str(number)).touch()
    try:
        yield
    finally:
        shutil.rmtree(folder)
