"""The power goes, with writers and readers at work: only what was synced is left."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

from faults.checker import Checker
from faults.clients import Crowd
from faults.disks import loop
from faults.history import History
from faults.kills import sounds
from faults.running import new_key, served
from faults.table import Figures, figures_of

SHORTEST, LONGEST = 0.1, 1.2
"""Seconds for which the clients work before the power goes."""


def ext4(scratch: Path, rounds: int, seed: int) -> Figures:
    return run("ext4", scratch, rounds, seed)


def xfs(scratch: Path, rounds: int, seed: int) -> Figures:
    return run("xfs", scratch, rounds, seed)


def run(kind: str, scratch: Path, rounds: int, seed: int) -> Figures:
    """Cut the power of a disk of this kind so many times.

    What was answered while the power went is not counted as promised: a sync under way may be said
    to have succeeded by the system that is being ended.
    """
    chance, history = random.Random(seed), History()
    crowd, checker = Crowd(history, sounds(scratch), seed), Checker(history)
    with loop(kind, scratch) as disk:
        data = disk.root / "data"
        key = new_key(data)
        os.sync()
        for _ in range(rounds):
            with served(data, key) as server:
                checker.check(server, data)
                with crowd.at_work(server):
                    history.wait_for_promises(1)
                    time.sleep(chance.uniform(SHORTEST, LONGEST))
                    history.is_over = True
                    disk.cut()
                    server.kill()
            disk.restart()
            history.is_over = False
        with served(data, key) as server:
            checker.finish(server, data)
    return figures_of(f"power cut on {kind}, {rounds} rounds", history, checker.verdict)
