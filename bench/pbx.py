"""A made-up FreePBX: a folder of recordings with the table of calls beside it, always the same."""

from __future__ import annotations

import os
import random
import wave
from datetime import UTC, datetime
from pathlib import Path

SAMPLE_RATE = 8_000
FIRST = 1_767_600_000  # 2026-01-05 08:00:00 UTC
EVERY = 7  # seconds from one call to the next
HEADER = (
    "calldate,clid,src,dst,dcontext,channel,dstchannel,lastapp,lastdata,duration,billsec,"
    "disposition,uniqueid,recordingfile,did,cnum,linkedid"
)


def write_calls(path: Path, rows: int, *, recorded: bool = False) -> None:
    """Write the table of so many calls; without recordings, each third was not answered.

    Args:
        path: Where to.
        rows: How many calls.
        recorded: Whether each has a file of its own (see `write_audio`).
    """
    with path.open("w") as file:
        file.write(HEADER + "\n")
        file.writelines(_row(number, recorded=recorded) for number in range(rows))


def write_audio(root: Path, files: int, seconds: int) -> int:
    """Write so many recordings, each of other sound, as long ago; return their bytes."""
    root.mkdir(parents=True, exist_ok=True)
    total = 0
    for number in range(files):
        path = root / name_of(number)
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(SAMPLE_RATE)
            file.writeframes(random.Random(number).randbytes(2 * SAMPLE_RATE * seconds))
        os.utime(path, (FIRST, FIRST))
        total += path.stat().st_size
    return total


def name_of(number: int) -> str:
    """Return the name of a call's recording, as FreePBX makes it."""
    start = FIRST + number * EVERY
    clock = datetime.fromtimestamp(start, UTC)
    return f"in-48221234567-{_caller(number)}-{clock:%Y%m%d-%H%M%S}-{start}.{number}.wav"


def _row(number: int, *, recorded: bool) -> str:
    start = FIRST + number * EVERY
    clock = datetime.fromtimestamp(start, UTC)
    is_answered = recorded or number % 3 != 0
    agent, caller = 101 + number % 40, _caller(number)
    cells = (
        f"{clock:%Y-%m-%d %H:%M:%S}", f'"""Caller"" <{caller}>"', caller, str(agent),
        "from-internal", f"PJSIP/trunk-{number:08x}", f"PJSIP/{agent}-{number:08x}", "Dial",
        f"PJSIP/{agent}", "75", "60" if is_answered else "0",
        "ANSWERED" if is_answered else "NO ANSWER", f"{start}.{number}",
        name_of(number) if recorded else "", "48221234567", caller, f"{start}.{number}",
    )  # fmt: skip
    return ",".join(cells) + "\n"


def _caller(number: int) -> str:
    return f"48{600_000_000 + number * 7919 % 100_000_000}"
