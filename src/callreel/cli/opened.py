"""The archive that a command works on: opened for it, and closed whatever comes."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from callreel.archive import Archive
from callreel.catalog import Catalog
from callreel.settings import Settings, read_settings
from callreel.wiring import existing, open_archive, open_catalog, require_no_older_server


def end_as_by_ctrl_c() -> None:
    """Let SIGTERM end the running event loop as Ctrl-C does, so that all is closed."""
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, signal.raise_signal, signal.SIGINT)


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
