"""The children of a worker, as the system knows them."""

from __future__ import annotations

import asyncio
from pathlib import Path

from callreel.audio.worker import ChildSoundWorker


def pid_of(sound: ChildSoundWorker) -> int:
    return sound._idle[0]._process.pid


def is_running(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


async def until_gone(pid: int) -> None:
    async with asyncio.timeout(10):
        while is_running(pid):  # noqa: ASYNC110 - the system tells nobody
            await asyncio.sleep(0.01)
