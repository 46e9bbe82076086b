"""Foresee what an import would do: every file is read and judged, and nothing is written."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

from callreel.archive import BodyFormat
from callreel.archive.keep_call import foresee_call
from callreel.archive.look import Known, copy, look, look_by_audio
from callreel.archive.take_in_batch import judged
from callreel.archive.verdict import Became, Verdict, refused
from callreel.audio import Inspection, SoundWorker
from callreel.catalog import Catalog
from callreel.errors import BadRecording
from callreel.importers.items import Candidate, Fault, Item
from callreel.model import Call


@dataclass(frozen=True, slots=True)
class Foreseer:
    """What it takes to foresee.

    Attributes:
        sound: Measures audio.
        bodies: Reads what the catalog has.
        catalog: The catalog, or None where there is none yet.
        tenant: The tenant's number.
    """

    sound: SoundWorker
    bodies: BodyFormat
    catalog: Catalog | None = None
    tenant: int = 0

    async def verdicts(self, items: Iterable[Item]) -> AsyncGenerator[Verdict]:
        """Yield the verdict that each item would get.

        Raises:
            Unavailable: nothing can be measured, or the catalog is away.
        """
        for item in items:
            if isinstance(item, Candidate):
                yield await self._verdict(item)
            else:
                yield await foresee_call(self.catalog, self.bodies, self.tenant, item)

    async def _verdict(self, candidate: Candidate) -> Verdict:
        if self.catalog is not None:
            found = await look(self.catalog, self.bodies, self.tenant, candidate)
            if found is not None:
                return found if isinstance(found, Verdict) else found.verdict
        made = await self._measured(candidate)
        if isinstance(made, Verdict):
            return made
        size = candidate.size or 0
        return Verdict(where=candidate.where, became=Became.ADDED, notes=candidate.notes, size=size)

    async def _measured(self, candidate: Candidate) -> tuple[Call, Inspection] | Verdict:
        if candidate.path is not None:
            try:
                candidate.open().close()
            except BadRecording as error:
                return refused(candidate, Fault.UNREADABLE, error.message)
            return await judged(candidate, self.sound.inspect(candidate.path))
        with NamedTemporaryFile(prefix="callreel-") as file:
            try:
                await asyncio.to_thread(copy, candidate, file.write)
            except BadRecording as error:
                return refused(candidate, Fault.UNREADABLE, error.message)
            file.flush()
            found = await self._look_by_audio(candidate, Path(file.name))
            return found or await judged(candidate, self.sound.inspect(Path(file.name)))

    async def _look_by_audio(self, candidate: Candidate, path: Path) -> Verdict | None:
        """Look for what is far, of which nothing could be known before it was fetched."""
        if self.catalog is None or candidate.id is not None:
            return None
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        found = await look_by_audio(self.catalog, self.bodies, self.tenant, candidate, sha256)
        return found.verdict if isinstance(found, Known) else found
