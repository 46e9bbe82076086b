"""Audio made to break what reads it, and a child process that reads one after the other."""

from __future__ import annotations

import asyncio
import io
import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile

from audio.sound_files import FORMATS, RATE, encoded
from callreel.audio import Format
from callreel.audio.limits import Limits
from callreel.audio.process import Child, ChildLostError

PATIENCE_SECONDS = 60
LIMITS = Limits(cpu_seconds=20, memory_bytes=1 << 30, file_bytes=8 << 20, targets_stay=True)


def hostile(seed: int) -> bytes:
    """Return a file of some format with a part missing, changed, doubled or moved."""
    chance = random.Random(seed)
    content = bytearray(encoded(chance.choice(list(FORMATS)), seconds=0.5))
    for _ in range(chance.choice([1, 1, 3, 20])):
        at = chance.randrange(min(len(content), chance.choice([64, 10_000])))
        match chance.randrange(5):
            case 0:
                content[at] ^= 1 << chance.randrange(8)
            case 1:
                content[at : at + 4] = chance.choice([b"\0" * 4, b"\xff" * 4, b"\x7f\xff\xff\xff"])
            case 2:
                del content[at : at + chance.randrange(1, 200)]
            case 3:
                content[at:at] = chance.randbytes(chance.randrange(1, 200))
            case _:
                content[at:at] = content[: chance.randrange(200)]
        if not content:
            break
    return bytes(content)


def bomb(name: str, seconds: int) -> bytes:
    """Return silence as a file of the format that is named, far smaller than what it holds."""
    file, coding, _ = FORMATS[name]
    out = io.BytesIO()
    with soundfile.SoundFile(out, "w", RATE, 1, coding, format=file) as made:
        second = np.zeros(RATE, np.int16)
        for _ in range(seconds):
            made.write(second)
    return out.getvalue()


@dataclass(slots=True)
class Outcomes:
    """What became of jobs: by the error's name, `done`, or `lost` with the child itself.

    Attributes:
        too_large: Files that were written beyond the limit.
    """

    counts: dict[str, int] = field(default_factory=dict)
    too_large: int = 0

    def add(self, name: str) -> None:
        self.counts[name] = self.counts.get(name, 0) + 1


async def read_all(
    files: Iterable[bytes], folder: Path, formats: Iterable[Format] = Format
) -> Outcomes:
    """Measure each file and convert it to each of the formats, in a child with `LIMITS`.

    Raises:
        TimeoutError: a job took longer than `PATIENCE_SECONDS`.
    """
    outcomes, child = Outcomes(), await Child.ready(LIMITS)
    source, target = folder / "source", folder / "target"
    try:
        for content in files:
            source.write_bytes(content)
            jobs = [{"path": str(source)}]
            jobs += [{"path": str(source), "target": str(target), "to": to.value} for to in formats]
            for job in jobs:
                child = await _done(child, job, outcomes)
                if target.exists():
                    outcomes.too_large += target.stat().st_size > LIMITS.file_bytes
                    target.unlink()
    finally:
        await child.end()
    return outcomes


async def _done(child: Child, job: dict[str, str], outcomes: Outcomes) -> Child:
    """Have a job done and return who does the next one."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            answer = await child.ask(job)
    except ChildLostError:
        outcomes.add("lost")
        await child.end()
        return await Child.ready(LIMITS)
    outcomes.add(answer.get("error", "done"))
    return child
