"""The clock of the machine steps back and ahead under clients at work."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Final

import pytest

from faults.checker import LOST, WRONG, Checker
from faults.clients import Crowd
from faults.history import History
from faults.kills import sounds
from faults.running import Served, new_key, second_key, served
from faults.table import Figures, figures_of

LIBRARY: Final = "faketime/libfaketimeMT.so.1"
FOLDERS: Final = (Path("/usr/lib/x86_64-linux-gnu"), Path("/usr/lib/aarch64-linux-gnu"))
HOURS: Final = (-10 * 365 * 24, -48, -1, 0, 1, 48, 400 * 24, 10 * 365 * 24)
DAY: Final = 86_400


def run(scratch: Path, steps: int, seed: int) -> Figures:
    """Let the clock step so many times, by up to ten years, without a restart."""
    data, chance, history = scratch / "data", random.Random(seed), History()
    clock, key = scratch / "clock", new_key(data)
    ending = second_key(data, int(time.time()) + DAY)
    _set(clock, 0)
    crowd, checker = Crowd(history, sounds(scratch), seed), Checker(history)
    with served(data, key, _before(clock)) as server:
        for _ in range(steps):
            hours = chance.choice(HOURS)
            with crowd.at_work(server):
                history.wait_for_promises(2)
                _set(clock, hours)
                history.wait_for_promises(6)
            _check_expiry(server, ending, hours, checker)
            checker.check(server, data)
    if crowd.is_deaf:
        checker.verdict.tell(LOST, "the server did not answer any more")
    return figures_of(f"a clock that steps, {steps} times", history, checker.verdict)


def _before(clock: Path) -> tuple[str, ...]:
    found = [each / LIBRARY for each in FOLDERS if (each / LIBRARY).exists()]
    if not found:
        pytest.skip("libfaketime is not installed")
    return (
        "env",
        f"LD_PRELOAD={found[0]}",
        f"FAKETIME_TIMESTAMP_FILE={clock}",
        "FAKETIME_NO_CACHE=1",
        "FAKETIME_DONT_FAKE_MONOTONIC=1",
        "NO_FAKE_STAT=1",
    )


def _set(clock: Path, hours: int) -> None:
    fresh = clock.with_suffix(".new")
    fresh.write_text(f"{hours * 3600:+d}\n")
    fresh.replace(clock)


def _check_expiry(server: Served, ending: str, hours: int, checker: Checker) -> None:
    """See to it that a key that ends in a day is one as long as the clock says so."""
    status = server.asking.ask("GET", "/cdr_dialog_recording?limit=1", ending).status_code
    expected = 401 if hours > 24 else 200
    if status != expected:
        what = f"a key that ends in 24 hours was answered {status} when it was {hours} hours later"
        checker.verdict.tell(WRONG, what)
