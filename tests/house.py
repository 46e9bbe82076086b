"""An archive in a folder, for tests of its verbs."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import soundfile

from callreel.api.wire import Bodies
from callreel.archive import Archive, find, take_in
from callreel.archive.take_in import Arrival, TakenIn
from callreel.audio.folder import FolderStore
from callreel.audio.worker import ChildSoundWorker
from callreel.catalog.sqlite import SqliteCatalog
from callreel.model import (
    Access,
    Call,
    CallFilter,
    DialogType,
    Direction,
    Named,
    Reach,
    Scope,
)

T = TypeVar("T")
EVERYTHING = Access("k", Reach(1), frozenset(Scope))
CALL = Call(
    dialog_id="d-1",
    dialog_type=DialogType.CONSULTANT,
    direction=Direction.INBOUND,
    started_at=1_750_000_000,
    hung_up_at=1_750_000_060,
    talking_ms=50_000,
    from_number="+48 600 700 800",
    to_number="2001",
    project=Named(3, "Orders"),
    user=Named(7, None),
)


def sound(tone: int = 1, seconds: float = 0.2) -> bytes:
    wave = np.sin(np.arange(int(8000 * seconds)) / 8000 * 440 * tone)
    file = io.BytesIO()
    soundfile.write(file, wave, 8000, format="WAV", subtype="PCM_16")
    return file.getvalue()


class House:
    """An archive in a folder, and what is done in it."""

    def __init__(self, runner: asyncio.Runner, data: Path) -> None:
        self.run = runner.run
        self.root = data / "audio"
        self.archive = Archive(
            SqliteCatalog(data / "callreel.db"),
            FolderStore(self.root, reserve_bytes=0),
            ChildSoundWorker(),
            Bodies(),
        )
        self.run(self.archive.catalog.add_tenant("one"))

    def take_in(
        self,
        call: Call = CALL,
        audio: bytes | None = None,
        recording_id: str | None = None,
        access: Access = EVERYTHING,
    ) -> TakenIn:
        return self.run(self.taking_in(call, audio, recording_id, access))

    async def taking_in(
        self,
        call: Call = CALL,
        audio: bytes | None = None,
        recording_id: str | None = None,
        access: Access = EVERYTHING,
    ) -> TakenIn:
        with self.archive.audio.stage() as staged:
            staged.write(sound() if audio is None else audio)
            taken = await take_in.one(self.archive, access, Arrival(call, staged, recording_id))
        await self.settled()
        return taken

    async def settled(self) -> None:
        """Wait for what is done after an answer; nothing of it may fail."""
        await asyncio.gather(*self.archive._afterwards)

    def id_of(self, taken: TakenIn) -> str:
        return self.archive.bodies.parse(taken.body).id

    def count(self) -> int:
        return self.run(find.count(self.archive, EVERYTHING, CallFilter()))

    def files(self) -> list[Path]:
        return [
            path
            for path in self.root.rglob("*")
            if path.is_file() and path.suffix not in {".lock", ".turn"}
        ]

    def do(self, verb: Callable[..., Awaitable[T]], *args: object) -> T:
        async def doing() -> T:
            return await verb(self.archive, EVERYTHING, *args)

        return self.run(doing())
