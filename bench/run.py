"""`./run bench`: figures of the server beside its limit and its peer, from one run."""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from subprocess import SubprocessError
from types import FrameType

import apsw
from urllib3.exceptions import HTTPError

import data
import importing
import load
import reading
import writing
from calm import ticks
from data import Stock
from stage import AnswersDiffer, Stage
from table import Row, as_json, markdown

CASES: Mapping[str, reading.Case] = {
    "page": reading.pages,
    "one": reading.single_record,
    "narrowed": reading.narrowed_key,
    "rare": reading.rare_number,
    "filters": reading.filters,
    "calls": reading.calls,
    "pairs": reading.rare_pairs,
    "growth": reading.growth,
    "offset": reading.deep_offset,
    "gzip": reading.compression,
    "waiting": reading.waiting,
    "memory": reading.memory,
    "batches": writing.batches,
    "post": writing.durable_post,
    "rows": importing.call_records,
    "audio": importing.recordings,
    "verify": importing.verifying,
}
LITTLE = 100_000
MUCH = 1_000_000
VERY_MUCH = 10_000_000
FAULTS = (AnswersDiffer, RuntimeError, OSError, SubprocessError, HTTPError)
PACKAGES = ("uvicorn", "uvloop", "httptools", "isal", "fastapi", "sqlalchemy", "pydantic")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./run bench", description=__doc__)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--quick", action="store_true", help="100k records and one short round")
    form.add_argument("--long", action="store_true", help="10M records too: 19 GB, an hour to load")
    parser.add_argument("--only", action="append", choices=CASES, help="this case; may be repeated")
    parser.add_argument("--rounds", type=_count, help="turns of each target; 5, or 1 when quick")
    parser.add_argument("--seconds", type=_count, default=1, help="at least, of each turn; 1")
    parser.add_argument("--rows", type=_count, help="records; 1000000, or 100000 when quick")
    parser.add_argument("--long-rows", type=_count, default=VERY_MUCH, help="records for --long")
    parser.add_argument("--json", type=Path, default=data.OUT / "bench.json", help="where to write")
    parser.add_argument("--out", type=Path, default=data.OUT, help="where the data is kept")
    return parser.parse_args()


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def set_stage(given: argparse.Namespace) -> Stage:
    """Make the data that is not there yet, and return what the cases work on."""
    given.out.mkdir(parents=True, exist_ok=True)
    rows = given.rows or (LITTLE if given.quick else MUCH)
    small = data.prepare(LITTLE, with_peer=True, out=given.out) if rows > LITTLE else None
    main = data.prepare(rows, with_peer=True, out=given.out)
    large = data.prepare(given.long_rows, with_peer=False, out=given.out) if given.long else None
    return Stage(
        out=given.out,
        main=main,
        small=small,
        large=large,
        seconds=given.seconds,
        rounds=given.rounds or (1 if given.quick else 5),
    )


def measured(stage: Stage, names: list[str]) -> Iterator[Row]:
    """Yield the rows of the cases; a case that breaks off is told of and counts as missed."""
    for name in names:
        began = time.monotonic()
        try:
            for row in CASES[name](stage):
                tell(" · ".join(filter(None, row.cells())))
                yield row
        except FAULTS as error:
            tell(f"{name} broke off: {error}")
            why = (str(error).splitlines() or [""])[-1]
            yield Row(measure=f"{name} broke off", product=why, figure=0, failed=True)
        tell(f"{name} took {time.monotonic() - began:.0f} s")


def tell(what: str) -> None:
    print(f"bench: {what}", file=sys.stderr, flush=True)


def machine(stage: Stage) -> dict[str, str]:
    """Return what the figures were taken with."""
    stocks: list[Stock] = [stock for stock in (stage.small, stage.main, stage.large) if stock]
    return {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
        "python": platform.python_version(),
        "sqlite": f"{apsw.sqlite_lib_version()} (product)",
        "packages": ", ".join(f"{name} {version(name)}" for name in PACKAGES),
        "load client": load.driver(),
        "rounds": f"{stage.rounds} of {stage.seconds} s",
        "load before": "{:.1f} {:.1f} {:.1f}".format(*os.getloadavg()),
        "loaded": ", ".join(f"{stock.name} at {stock.load_rate:,.0f}/s" for stock in stocks),
    }


def stop_on_signal(_number: int, _frame: FrameType | None) -> None:
    """Leave by way of every `finally`, so that no server is left behind."""
    sys.exit(130)


def main() -> int:
    given = arguments()
    signal.signal(signal.SIGTERM, stop_on_signal)
    stage = set_stage(given)
    facts = machine(stage)
    before = ticks()
    with closing(stage):
        rows = list(measured(stage, given.only or list(CASES)))
    facts["taken by the host meanwhile"] = f"{ticks().share_since(before):.1%} of the processors"
    print("\n".join(f"- {name}: {fact}" for name, fact in facts.items()), end="\n\n")
    print(markdown(rows))
    given.json.parent.mkdir(parents=True, exist_ok=True)
    given.json.write_text(json.dumps({"facts": facts, "rows": as_json(rows)}, indent=1))
    missed = sum(not row.ok for row in rows)
    print(f"\n{missed} of {len(rows)} bars missed." if missed else "\nAll bars hold.")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
