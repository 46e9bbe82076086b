"""`./run attack`: ten thousand hostile requests to a server of its own."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from attack import timing
from attack.decoders import decoders
from attack.groups import GROUPS
from attack.report import failures, table
from attack.run import Tally, attacked, shares_of
from attack.slow import slow_clients
from attack.target import filled, left_behind, state


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./run attack", description=__doc__)
    parser.add_argument("--count", type=int, default=10_000, help="cases in all; 10000")
    parser.add_argument("--seed", type=int, default=1, help="the same seed sends the same; 1")
    parser.add_argument("--only", action="append", choices=GROUPS, help="this group; repeatable")
    parser.add_argument("--from", dest="start", type=int, default=0, help="leave out so many")
    return parser.parse_args()


def main() -> int:
    given = arguments()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="attack-") as name:
        tallies, times = _all(given, Path(name))
        if given.only is None:
            tally, became = decoders(Path(name), given.seed)
            tallies.append(tally)
            print(f"decoders: {became}\n")
    print(table(tallies), *failures(tallies, given.seed), sep="\n\n")
    print("", timing.HEADING, *times, sep="\n")
    told = [each for each in times if each.is_told]
    print(*(f"the time tells a foreign id from an unknown one: {each.operation}" for each in told))
    failed = sum(tally.failed for tally in tallies) + len(told)
    cases = sum(tally.cases for tally in tallies)
    print(f"{cases} cases, {failed} failures, {time.monotonic() - began:.0f} s")
    return 1 if failed else 0


def _all(given: argparse.Namespace, folder: Path) -> tuple[list[Tally], list[timing.Compared]]:
    after, times = Tally("after"), []
    with filled(folder) as target:
        before = state(target)
        shares = shares_of(given.count, given.only or GROUPS)
        tallies = list(attacked(target, given.seed, shares, given.start))
        if given.only is None:
            tallies.append(slow_clients(target))
            times = timing.compared(target, given.seed)
        if state(target) != before:
            after.said.append("the other tenant's data were changed")
    after.said += left_behind(folder, target)
    return [*tallies, after], times


if __name__ == "__main__":
    sys.exit(main())
