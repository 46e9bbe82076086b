"""What a server starts to carry out exports: `python -m callreel.cli.run_exports`."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from typing import Final

from callreel.api.exporting.work import work_off
from callreel.cli.opened import opened_archive
from callreel.errors import CallreelError
from callreel.settings import read_settings

CALM: Final = 10


def run_exports() -> None:
    """Carry out the exports that wait, as long as standard input is open."""
    os.nice(CALM)
    threading.Thread(target=_end_with_input, daemon=True).start()
    try:
        asyncio.run(_work_off())
    except CallreelError as error:
        sys.exit(f"callreel: exports wait: {error.message}")


async def _work_off() -> None:
    async with opened_archive(read_settings()) as archive:
        if archive.exports is not None:
            await work_off(archive, archive.exports.store)


def _end_with_input() -> None:
    """End this process when its server is gone, however that came about."""
    while os.read(sys.stdin.fileno(), 1):
        pass
    os._exit(1)


if __name__ == "__main__":
    run_exports()
