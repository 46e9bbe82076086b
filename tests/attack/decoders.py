"""Broken audio by the hundred through all that reads it, in a child process as the server has."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from attack.run import Tally
from audio.hostile_files import hostile, read_all

FILES = 250


def decoders(folder: Path, seed: int, files: int = FILES) -> tuple[Tally, str]:
    """Return a tally, and in words what became of the files."""
    tally, began = Tally("decoders"), time.monotonic()
    try:
        seeds = range(seed * 100_000, seed * 100_000 + files)
        outcomes = asyncio.run(read_all(map(hostile, seeds), folder))
    except TimeoutError:
        tally.said.append("decoders: a job took longer than a minute")
        return tally, "broken off"
    tally.cases = sum(outcomes.counts.values())
    if outcomes.too_large:
        tally.said.append(f"decoders: {outcomes.too_large} files above their limit were written")
    told = ", ".join(f"{name} {count}" for name, count in sorted(outcomes.counts.items()))
    return tally, f"{files} files, {time.monotonic() - began:.0f} s: {told}"
