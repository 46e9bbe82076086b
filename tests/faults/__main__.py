"""`./run faults`: what survives what, in the long form; see docs/explanation/what-survives.md."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from faults import backups, clocks, crowds, cuts, failing, kills, made, outages, points, programs
from faults.table import Figures, markdown


class Fault(NamedTuple):
    """A kind of fault: how it is made, and how often where nothing is said."""

    run: Callable[[Path, int, int], Figures]
    rounds: int
    what: str


FAULTS: Final[Mapping[str, Fault]] = {
    "kill": Fault(kills.run, 1000, "kill -9 at random, four writers and two readers: rounds"),
    "points": Fault(
        points.run, points.ALL, "kill -9 at each system call that writes: points an operation"
    ),
    "programs": Fault(
        programs.run, points.ALL, "the same of an import, an export, a migration: points each"
    ),
    "made": Fault(
        made.run, points.ALL, "the same of a conversion and an export over HTTP: points each"
    ),
    "errors": Fault(
        failing.run, points.ALL, "EIO, ENOSPC, EDQUOT, EROFS, EMFILE at each such call: calls each"
    ),
    "crowd": Fault(crowds.together, 10, "eight writers beside an import and an export: rounds"),
    "hang-up": Fault(crowds.hang_up, 500, "uploads that the client breaks off: times"),
    "clock": Fault(clocks.run, 40, "a clock that steps back and ahead, needs libfaketime: steps"),
    "outage": Fault(
        outages.failing, 10, "the same of all calls for a while, clients at work: each"
    ),
    "slow": Fault(outages.slow, 20, "syncs that take a quarter of a second: times"),
    "full": Fault(outages.full, 20, "a full disk, needs root: times"),
    "inodes": Fault(outages.out_of_inodes, 20, "a disk out of inodes, needs root: times"),
    "cut-ext4": Fault(cuts.ext4, 100, "power cut on ext4, needs root: rounds"),
    "cut-xfs": Fault(cuts.xfs, 100, "power cut on xfs, needs root: rounds"),
    "backup": Fault(
        backups.into_a_folder, 50, "backups under load, each restored and compared: rounds"
    ),
    "backup-s3": Fault(backups.into_a_bucket, 50, "the same on an S3 server: rounds"),
}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./run faults", description=__doc__)
    commands = parser.add_subparsers(dest="fault", required=True, metavar="FAULT")
    for name, fault in {**FAULTS, "all": Fault(kills.run, 0, "all of them, in turn")}.items():
        command = commands.add_parser(name, help=fault.what, description=fault.what)
        command.add_argument("--count", type=int, help=f"how many; {fault.rounds or 'as each has'}")
        command.add_argument("--seed", type=int, default=1, help="the same seed does the same; 1")
        command.add_argument("--scratch", type=Path, help="a folder to work in, on a disk")
    return parser.parse_args()


def main() -> int:
    given = arguments()
    names = list(FAULTS) if given.fault == "all" else [given.fault]
    done = []
    for name in names:
        began = time.monotonic()
        with tempfile.TemporaryDirectory(dir=given.scratch) as scratch:
            fault = FAULTS[name]
            rounds = fault.rounds if given.count is None else given.count
            figures = fault.run(Path(scratch), rounds, given.seed)
        figures.notes["took"] = f"{time.monotonic() - began:.0f} s, seed {given.seed}"
        done.append(figures)
        print(markdown([figures]), flush=True)
    if len(done) > 1:
        print(markdown(done))
    return 1 if any(each.wrong for each in done) else 0


if __name__ == "__main__":
    sys.exit(main())
