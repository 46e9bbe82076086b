"""The long form: `./run damage [--damages N] [--recordings N] [--bytes N] [--seed N]`."""

from __future__ import annotations

import argparse
import asyncio
import resource
import sys
import tempfile
import time
from pathlib import Path

from damage.trial import damage, fill, findings, judge
from damage.ways import WAYS
from house import House


def main() -> int:
    """Damage an archive, verify it, print what was found, and return the exit code."""
    parser = argparse.ArgumentParser(prog="./run damage")
    parser.add_argument("--damages", type=int, default=1_000)
    parser.add_argument("--recordings", type=int, default=10_000, help="beside the damaged ones")
    parser.add_argument("--bytes", type=int, default=3_000, help="of audio, at least")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner() as runner:
        house = House(runner, Path(folder))
        try:
            return _try(runner, house, Path(folder), given)
        finally:
            runner.run(house.archive.close())


def _try(runner: asyncio.Runner, house: House, data: Path, given: argparse.Namespace) -> int:
    count = given.recordings + given.damages
    runner.run(fill(house.archive, count, given.bytes))
    clean = runner.run(findings(house.archive))
    done = damage(data, given.damages, given.seed)
    began = time.perf_counter()
    trial = judge(done, runner.run(findings(house.archive)))
    seconds = time.perf_counter() - began
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    lines = [f"{count:,} clean recordings: {len(clean)} findings"]
    for way in WAYS:
        missed = sum(name == way.__name__ for name, _ in trial.missed)
        lines.append(f"{way.__name__:28} {trial.done[way.__name__]:5} done, {missed} not found")
    lines += [
        f"{trial.done.total():,} damages of {len(trial.done)} kinds: {len(trial.missed)} not found",
        f"{len(trial.false)} found besides",
        f"{seconds:.1f} s, {memory:.0f} MB at most",
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    return 1 if clean or trial.missed or trial.false else 0


if __name__ == "__main__":
    sys.exit(main())
