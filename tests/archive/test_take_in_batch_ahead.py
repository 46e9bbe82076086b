"""An import works one group ahead: what that means for who leaves early or finds no more."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest

from archive.imports import Machine, fill, found, tally, until_halt
from callreel.archive import Archive
from callreel.archive import take_in_batch as batch
from callreel.archive.verdict import Became, Verdict
from callreel.audio import AudioKey, Staged
from callreel.audio.folder import FolderStore
from callreel.audio.staged import StagedFile
from callreel.errors import CallreelError, StorageFull, Unavailable
from callreel.importers.items import Item


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "monitor"


class Full(FolderStore):
    """A folder that has room for no recording, or for one to be staged."""

    is_full_when_kept = True
    staged = 0

    def stage(self) -> Staged:
        self.staged += 1
        if self.staged > 1 and not self.is_full_when_kept:
            raise StorageFull("There is no room for more recordings.")
        return super().stage()

    async def keep_all(
        self, arriving: Sequence[tuple[Staged, AudioKey]]
    ) -> list[StorageFull | Unavailable | None]:
        if not self.is_full_when_kept:
            return await super().keep_all(arriving)
        return [StorageFull("There is no room for more recordings.") for _ in arriving]


class Watched(FolderStore):
    """A folder that tells when so much audio was staged, on a disk that may take its time."""

    staged = 0
    seconds = 0.0
    _counting = threading.Lock()

    def told_of(self, count: int) -> asyncio.Event:
        """Return what is set when the audio of so many recordings was staged."""
        self.loop = asyncio.get_running_loop()
        self.count, self.event = count, asyncio.Event()
        return self.event

    def stage(self) -> Staged:
        return _Told(self.scratch(""), self.tell)

    def tell(self) -> None:
        """Note, in the thread that syncs it, that one more was staged; return when it may end."""
        with self._counting:
            self.staged += 1
            number = self.staged
        if number == self.count:
            self.loop.call_soon_threadsafe(self.event.set)
        time.sleep(self.seconds * number)


class _Told(StagedFile):
    def __init__(self, path: Path, tell: Callable[[], None]) -> None:
        super().__init__(path)
        self._tell = tell

    def sync(self) -> None:
        self._tell()
        super().sync()


def test_who_asks_for_no_more_leaves_nothing_of_the_group_ahead(
    machine: Machine, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second group is staged, or being staged, while the first one's verdicts are read."""
    fill(root, 3)
    data = tmp_path / "data"
    monkeypatch.setattr(batch, "BATCH_ITEMS", 1)

    async def work(archive: Archive) -> int:
        store = Watched(data / "audio", reserve_bytes=0)
        begun = store.told_of(2)
        archive = replace(archive, audio=store)
        async with aclosing(batch.take_in_batch(archive, 1, found(root))) as verdicts:
            await anext(verdicts)
            await asyncio.wait_for(begun.wait(), 60)
        return len(asyncio.all_tasks())

    assert machine.on(data, work) == 1
    assert [*(data / "audio" / "tmp").iterdir()] == []
    assert tally(machine.take_in(data, found(root))) == {Became.SAME: 1, Became.ADDED: 2}


def test_who_leaves_while_several_are_on_their_way_to_the_disk_leaves_nothing(
    machine: Machine, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(root, 6)
    data = tmp_path / "data"
    monkeypatch.setattr(batch, "BATCH_ITEMS", 3)

    async def work(archive: Archive) -> tuple[int, int]:
        store = Watched(data / "audio", reserve_bytes=0)
        store.seconds = 0.2
        begun = store.told_of(5)
        archive = replace(archive, audio=store)
        async with aclosing(batch.take_in_batch(archive, 1, found(root))) as verdicts:
            await anext(verdicts)
            await asyncio.wait_for(begun.wait(), 60)
        return len(asyncio.all_tasks()), len([*(data / "audio" / "tmp").iterdir()])

    assert machine.on(data, work) == (1, 0)


@pytest.mark.parametrize("is_of_store", [True, False])
def test_nothing_is_begun_after_what_halts(
    machine: Machine,
    root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    is_of_store: bool,
) -> None:
    """The disk is full when the first group is kept, or before the second one is staged."""
    fill(root, 4)
    data = tmp_path / "data"
    monkeypatch.setattr(batch, "BATCH_ITEMS", 1)
    asked: list[str] = []

    def items() -> Iterator[Item]:
        for item in found(root):
            asked.append(item.where)
            yield item

    async def work(archive: Archive) -> tuple[list[Verdict], CallreelError | None]:
        full = Full(data / "audio", reserve_bytes=0)
        full.is_full_when_kept = is_of_store
        return await until_halt(replace(archive, audio=full), items())

    verdicts, error = machine.on(data, work)
    assert isinstance(error, StorageFull)
    assert [each.became for each in verdicts] == ([] if is_of_store else [Became.ADDED])
    assert len(asked) == 2
    assert [*(data / "audio" / "tmp").iterdir()] == []


def test_one_recording_in_two_groups_that_meet_is_there_once(
    machine: Machine, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second is staged before the first is in the catalog."""
    fill(root, 1)
    data = tmp_path / "data"
    monkeypatch.setattr(batch, "BATCH_ITEMS", 1)
    verdicts = machine.take_in(data, [*found(root), *found(root)])
    assert [each.became for each in verdicts] == [Became.ADDED, Became.SAME]
    assert [*(data / "audio" / "tmp").iterdir()] == []


def test_what_was_found_before_finding_fails_is_taken_in(
    machine: Machine, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(root, 3)
    monkeypatch.setattr(batch, "BATCH_ITEMS", 1)

    def failing() -> Iterator[Item]:
        yield from found(root)[:2]
        raise Unavailable("The database of the calls is away.")

    verdicts, error = machine.on(tmp_path / "data", lambda archive: until_halt(archive, failing()))
    assert isinstance(error, Unavailable)
    assert [each.became for each in verdicts] == [Became.ADDED, Became.ADDED]
