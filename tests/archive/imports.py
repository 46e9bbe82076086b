"""Opens archives in folders and imports into them what a FreePBX left behind."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from contextlib import aclosing
from pathlib import Path
from typing import TypeVar

from callreel.api.wire import Bodies
from callreel.archive import Archive, imports
from callreel.archive.foresee import Foreseer
from callreel.archive.take_in_batch import take_in_batch
from callreel.archive.verdict import Became, Verdict
from callreel.audio.folder import FolderStore
from callreel.audio.worker import ChildSoundWorker
from callreel.catalog.sqlite import SqliteCatalog
from callreel.errors import CallreelError
from callreel.importers.freepbx.importer import FreePbx
from callreel.importers.items import Candidate, Item
from callreel.model import ListRequest, Reach
from house import House
from importers.monitor import put, source, wav

T = TypeVar("T")
EPOCH = 1_772_438_405
HEADER = "calldate,src,dst,duration,billsec,disposition,uniqueid,recordingfile"


def name_of(number: int) -> str:
    return f"in-48221234567-48600100{number:03d}-20260302-090005-{EPOCH + number}.{number}.wav"


def fill(root: Path, count: int) -> list[Path]:
    return [put(root, name_of(number), wav(60, tone=number)) for number in range(count)]


class Machine:
    """Opens archives in folders and works on them, all with one sound worker."""

    def __init__(self, runner: asyncio.Runner) -> None:
        self._runner = runner
        self.sound = ChildSoundWorker()

    def on(self, data: Path, work: Callable[[Archive], Awaitable[T]], *, reserve: int = 0) -> T:
        data.mkdir(exist_ok=True)
        archive = Archive(
            catalog=SqliteCatalog(data / "callreel.db"),
            audio=FolderStore(data / "audio", reserve_bytes=reserve),
            sound=self.sound,
            bodies=Bodies(),
        )

        async def run() -> T:
            try:
                if not await archive.catalog.tenants():
                    await archive.catalog.add_tenant("Acme")
                return await work(archive)
            finally:
                await archive.catalog.close()

        return self._runner.run(run())

    def take_in(self, data: Path, items: Iterable[Item], *, reserve: int = 0) -> list[Verdict]:
        return self.on(data, lambda archive: taken_in(archive, items), reserve=reserve)

    def foresee(self, data: Path, items: Iterable[Item]) -> list[Verdict]:
        catalog = SqliteCatalog(data / "callreel.db", read_only=True)
        foreseer = Foreseer(self.sound, Bodies(), catalog, 1)

        async def run() -> list[Verdict]:
            try:
                return [verdict async for verdict in foreseer.verdicts(items)]
            finally:
                await catalog.close()

        return self._runner.run(run())

    def listed(self, data: Path) -> bytes:
        """Return all records: what an archive is to those who ask it."""

        async def ask(archive: Archive) -> bytes:
            page = await archive.catalog.page(Reach(1), ListRequest(limit=10_000), b"{")
            return page.bodies

        return self.on(data, ask)

    def close(self) -> None:
        self._runner.run(self.sound.close())


async def taken_in(archive: Archive, items: Iterable[Item]) -> list[Verdict]:
    groups = take_in_batch(archive, 1, items)
    return [verdict async for group in groups for verdict in group]


def tally(verdicts: Iterable[Verdict]) -> Counter[Became]:
    return Counter(verdict.became for verdict in verdicts)


async def until_halt(
    archive: Archive, items: Iterable[Item]
) -> tuple[list[Verdict], CallreelError | None]:
    """Return the verdicts, and what ended the import."""
    verdicts: list[Verdict] = []
    try:
        async for group in take_in_batch(archive, 1, items):
            verdicts += group
    except CallreelError as error:
        return verdicts, error
    return verdicts, None


def found(root: Path) -> list[Candidate]:
    return [item for item in FreePbx(source(root)).items() if isinstance(item, Candidate)]


def imported(house: House, root: Path) -> list[Verdict]:
    """Import by a run that the ledger knows."""

    async def play() -> list[Verdict]:
        made = imports.run(house.archive, 1, "freepbx", found(root))
        async with aclosing(made) as verdicts:
            return [verdict async for verdict in verdicts]

    return house.run(play())
