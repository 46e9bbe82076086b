"""The archive that a command works on: opened for it, and closed whatever comes."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from callreel.archive import Archive
from callreel.catalog import Catalog
from callreel.settings import Settings, read_settings
from callreel.wiring import existing, open_archive, open_catalog, require_no_older_server

ENDED: Final = (KeyboardInterrupt, asyncio.CancelledError)
"""What `asyncio.run` raises where Ctrl-C or SIGTERM ended it."""


def end_by_sigterm() -> None:
    """Let SIGTERM end the running task, so that all is closed; called by that which is run.

    That goes also where Ctrl-C is ignored, as it is for what a script runs in the background.
    """
    running = asyncio.current_task()
    if running is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)


@asynccontextmanager
async def opened_catalog() -> AsyncIterator[Catalog]:
    """Lend the catalog of the data folder.

    Raises:
        Misconfigured: there is no archive, it cannot be used, or an older server runs on it.
    """
    settings = existing(read_settings())
    require_no_older_server(settings.data)
    catalog = open_catalog(settings)
    try:
        yield catalog
    finally:
        await catalog.close()


@asynccontextmanager
async def opened_archive(settings: Settings) -> AsyncIterator[Archive]:
    """Lend the archive of the data folder.

    Raises:
        Misconfigured: there is no archive, it cannot be used, or an older server runs on it.
        Unavailable, StorageFull: the folder of audio cannot be used.
    """
    require_no_older_server(existing(settings).data)
    archive = open_archive(settings)
    try:
        yield archive
    finally:
        await archive.close()
