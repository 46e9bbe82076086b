"""`./run load`: many requests, too many requests, and long work beside them."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from pressure import health, overload, soak
from pressure.report import Report


class Load(NamedTuple):
    """A kind of load, and how much of it there is where nothing is said."""

    run: Callable[[Path, int, int], Report]
    amount: int
    what: str


LOADS: Final[Mapping[str, Load]] = {
    "soak": Load(soak.run, 1_000_000, "mixed requests, beside imports: how many"),
    "overload": Load(overload.run, 30, "up to four times what it can do: seconds of each rate"),
    "health": Load(health.run, 2_000, "/health beside long work: recordings"),
}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./run load", description=__doc__)
    commands = parser.add_subparsers(dest="load", required=True, metavar="LOAD")
    for name, load in LOADS.items():
        command = commands.add_parser(name, help=load.what, description=load.what)
        command.add_argument("--count", type=int, default=load.amount, help=f"{load.amount}")
        command.add_argument("--seed", type=int, default=1, help="the same seed asks the same; 1")
        command.add_argument("--scratch", type=Path, help="a folder to work in, on a disk")
    return parser.parse_args()


def main() -> int:
    given = arguments()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(dir=given.scratch) as scratch:
        report = LOADS[given.load].run(Path(scratch), given.count, given.seed)
    report.judge("took", f"{time.monotonic() - began:.0f} s, seed {given.seed}", is_enough=True)
    print(report.markdown())
    return 0 if report.is_good else 1


if __name__ == "__main__":
    sys.exit(main())
