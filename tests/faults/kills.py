"""kill -9 at random, with writers and readers at work and somebody to be told of it all."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Final

import apsw

from callreel.wiring import DATABASE
from faults.checker import LOST, WRONG, Checker, make_old, temporary
from faults.clients import Crowd
from faults.history import Fate, History
from faults.receiver import Receiver, receiving
from faults.running import new_key, new_webhook, served
from faults.table import Figures, figures_of
from support import a_sound

SHORTEST, LONGEST = 0.02, 0.9
"""Seconds for which the clients work before a kill."""
MOST_WAITED_FOR: Final = 6
"""Fewer promises than so many are waited for first; a busy machine may make none otherwise."""
PRIVATE: Final = ("env", "CALLREEL_WEBHOOKS_PRIVATE=1")


def run(scratch: Path, rounds: int, seed: int) -> Figures:
    """Kill the server so many times, and return what was found."""
    data, chance = scratch / "data", random.Random(seed)
    key = new_key(data)
    history = History()
    crowd = Crowd(history, sounds(scratch), seed)
    checker = Checker(history)
    starts = []
    with receiving() as receiver:
        new_webhook(data, receiver.url)
        for _ in range(rounds):
            began = time.monotonic()
            with served(data, key, PRIVATE) as server:
                starts.append(time.monotonic() - began)
                checker.check(server, data)
                with crowd.at_work(server):
                    history.wait_for_promises(chance.randrange(MOST_WAITED_FOR))
                    time.sleep(chance.uniform(SHORTEST, LONGEST))
                    server.kill()
        left = temporary(data)
        make_old(data)
        let_all_be_due(data)
        with served(data, key, PRIVATE) as server:
            checker.finish(server, data)
            for each in temporary(data):
                checker.verdict.tell(WRONG, f"{each.name} is left of an upload")
            _check_told(history, receiver, checker)
    figures = figures_of(f"kill -9 at random, {rounds} rounds", history, checker.verdict)
    figures.notes["temporary files swept"] = str(len(left))
    figures.notes["messages of webhooks"] = f"{receiver.told.total():,}"
    figures.notes["ready again after, median and longest"] = (
        f"{sorted(starts)[len(starts) // 2]:.2f} s, {max(starts):.2f} s"
    )
    return figures


def sounds(scratch: Path) -> list[bytes]:
    """Return audio of a few lengths."""
    return [a_sound(scratch, seed, 0.1 * 4**seed) for seed in range(3)]


def let_all_be_due(data: Path) -> None:
    """Let messages that were under way when their server died be due now, not in two minutes."""
    with apsw.Connection(str(data / DATABASE)) as connection:
        connection.set_busy_timeout(10_000)
        connection.execute("UPDATE delivery SET due_at = 0 WHERE due_at IS NOT NULL")
    connection.close()


def _check_told(history: History, receiver: Receiver, checker: Checker) -> None:
    wanted = set()
    for name, known in history.known.items():
        if known.was_there:
            wanted.add(("recording.available", name))
        if known.was_there and known.fate is Fate.GONE:
            wanted.add(("recording.deleted", name))
    for kind, name in receiver.untold(wanted):
        checker.verdict.tell(LOST, f"nobody was told of {name}: {kind}")
