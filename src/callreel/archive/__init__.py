"""What the archive does: a file per verb. All rules are here; no HTTP, no SQL.

Every verb is a function that takes the `Archive` first, then the `Access` of who asks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, Protocol

from callreel.archive.export_jobs.desk import ExportDesk
from callreel.archive.spool import Spool
from callreel.audio import AudioStore, SoundWorker
from callreel.catalog import Catalog
from callreel.model import Call, Recording


class BodyFormat(Protocol):
    """How a recording is written as its public JSON; `api.wire` knows, the archive need not."""

    def render(self, recording: Recording) -> bytes:
        """Return the body: the JSON object without the opening that holds the server's address."""
        ...

    def render_unrecorded(self, call: Call) -> bytes:
        """Return the whole JSON object of a call without recording."""
        ...

    def parse(self, body: bytes) -> Recording:
        """Return the recording that a body was rendered from."""
        ...

    def parse_unrecorded(self, body: bytes) -> Call:
        """Return the call that the object of a call without recording was rendered from."""
        ...


@dataclass(frozen=True, slots=True)
class Archive:
    """The two stores and what works between them; made by `wiring`, closed by who made it.

    Attributes:
        spool: Where call records wait for an import, or None where none are taken.
        exports: The exports that a server makes, or None where none are made.
    """

    catalog: Catalog
    audio: AudioStore
    sound: SoundWorker
    bodies: BodyFormat
    spool: Spool | None = None
    exports: ExportDesk | None = None
    _afterwards: set[asyncio.Task[None]] = field(default_factory=set)

    def afterwards(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something for which nobody waits but `close`."""
        task = asyncio.create_task(work)
        self._afterwards.add(task)
        task.add_done_callback(self._afterwards.discard)

    async def close(self) -> None:
        """Give everything back, once what was to be done afterwards is."""
        await asyncio.gather(*self._afterwards, return_exceptions=True)
        if self.exports is not None:
            await asyncio.to_thread(self.exports.close)
        await self.sound.close()
        await self.catalog.close()
