"""What is tried in a long form beside the tests: `./run faults` and `./run load`."""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

T = TypeVar("T")


class LongForm(NamedTuple, Generic[T]):
    """A thing that can be tried.

    Attributes:
        run: Tries it in a folder, so much of it, with a seed for what is left to chance.
        amount: How much of it where nothing is said; 0 for as much as there is.
        what: What it is, and of what there is so much.
    """

    run: Callable[[Path, int, int], T]
    amount: int
    what: str


def arguments(
    program: str,
    says: str | None,
    trials: Mapping[str, LongForm[Any]],
    given: list[str] | None = None,
) -> argparse.Namespace:
    """Read the command line: `name` of what to try, `count`, `seed` and `scratch`.

    Args:
        program: How it is called.
        says: What it is for.
        trials: What can be tried, by name.
        given: The arguments; those of this process if left out.

    Raises:
        SystemExit: something is wrong with them, or help was asked for.
    """
    parser = argparse.ArgumentParser(prog=program, description=says)
    commands = parser.add_subparsers(dest="name", required=True, metavar="NAME")
    for name, trial in trials.items():
        command = commands.add_parser(name, help=trial.what, description=trial.what)
        command.add_argument("--count", type=int, help=f"how many; {trial.amount or 'as each has'}")
        command.add_argument("--seed", type=int, default=1, help="the same seed does the same; 1")
        command.add_argument(
            "--scratch", type=_folder, help="a folder to work in, on a disk; it is made as needed"
        )
    return parser.parse_args(given)


def tried(trial: LongForm[T], given: argparse.Namespace) -> tuple[T, str]:
    """Try it as the command line has it; return what came of it, and how long it took."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(dir=given.scratch) as scratch:
        amount = trial.amount if given.count is None else given.count
        figures = trial.run(Path(scratch), amount, given.seed)
    return figures, f"{time.monotonic() - began:.0f} s, seed {given.seed}"


def _folder(name: str) -> Path:
    try:
        Path(name).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = (error.strerror or "it failed").lower()
        raise argparse.ArgumentTypeError(f"{name} cannot be made: {why}.") from None
    return Path(name)
