"""`./run faults`: what survives what, in the long form; see docs/explanation/what-survives.md."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Final

from faults import backups, clocks, crowds, cuts, failing, kills, made, outages, points, programs
from faults.table import Figures, markdown
from long_form import LongForm, arguments, tried

FAULTS: Final[Mapping[str, LongForm[Figures]]] = {
    "kill": LongForm(kills.run, 1000, "kill -9 at random, four writers and two readers: rounds"),
    "points": LongForm(
        points.run, points.ALL, "kill -9 at each system call that writes: points an operation"
    ),
    "programs": LongForm(
        programs.run, points.ALL, "the same of an import, an export, a migration: points each"
    ),
    "made": LongForm(
        made.run, points.ALL, "the same of a conversion and an export over HTTP: points each"
    ),
    "errors": LongForm(
        failing.run, points.ALL, "EIO, ENOSPC, EDQUOT, EROFS, EMFILE at each such call: calls each"
    ),
    "crowd": LongForm(crowds.together, 10, "eight writers beside an import and an export: rounds"),
    "hang-up": LongForm(crowds.hang_up, 500, "uploads that the client breaks off: times"),
    "clock": LongForm(
        clocks.run, 40, "a clock that steps back and ahead, needs libfaketime: steps"
    ),
    "outage": LongForm(
        outages.failing, 10, "the same of all calls for a while, clients at work: each"
    ),
    "slow": LongForm(outages.slow, 20, "syncs that take a quarter of a second: times"),
    "full": LongForm(outages.full, 20, "a full disk, needs root: times"),
    "inodes": LongForm(outages.out_of_inodes, 20, "a disk out of inodes, needs root: times"),
    "cut-ext4": LongForm(cuts.ext4, 100, "power cut on ext4, needs root: rounds"),
    "cut-xfs": LongForm(cuts.xfs, 100, "power cut on xfs, needs root: rounds"),
    "backup": LongForm(
        backups.into_a_folder, 50, "backups under load, each restored and compared: rounds"
    ),
    "backup-s3": LongForm(backups.into_a_bucket, 50, "the same on an S3 server: rounds"),
}


def main() -> int:
    every = LongForm(kills.run, 0, "all of them, in turn")
    given = arguments("./run faults", __doc__, {**FAULTS, "all": every})
    done = []
    for name in FAULTS if given.name == "all" else [given.name]:
        figures, took = tried(FAULTS[name], given)
        figures.notes["took"] = took
        done.append(figures)
        print(markdown([figures]), flush=True)
    if len(done) > 1:
        print(markdown(done))
    return 1 if any(each.wrong for each in done) else 0


if __name__ == "__main__":
    sys.exit(main())
