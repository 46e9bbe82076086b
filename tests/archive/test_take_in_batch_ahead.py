"""An import works one group ahead: what that means for who leaves early or finds no more."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest

from archive.imports import Machine, fill, found, tally, until_halt
from callreel.archive import Archive
from callreel.archive import take_in_batch as batch
from callreel.archive.verdict import Became
from callreel.audio import Staged
from callreel.audio.folder import FolderStore
from callreel.errors import Unavailable
from callreel.importers.items import Item


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    with asyncio.Runner() as runner:
        made = Machine(runner)
        yield made
        made.close()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "monitor"


class Noticed(FolderStore):
    """A folder that tells when audio of a second recording was staged."""

    seen = 0

    async def sync(self, staged: Staged) -> None:
        self.seen += 1
        if self.seen == 2:
            self.second.set()
        await super().sync(staged)

    def watched(self) -> asyncio.Event:
        self.second = asyncio.Event()
        return self.second


def test_who_asks_for_no_more_leaves_nothing_of_the_group_ahead(
    machine: Machine, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second group is staged, or being staged, while the first one's verdicts are read."""
    fill(root, 3)
    data = tmp_path / "data"
    monkeypatch.setattr(batch, "BATCH_ITEMS", 1)

    async def work(archive: Archive) -> int:
        store = Noticed(data / "audio", reserve_bytes=0)
        begun = store.watched()
        archive = replace(archive, audio=store)
        async with aclosing(batch.take_in_batch(archive, 1, found(root))) as verdicts:
            await anext(verdicts)
            await asyncio.wait_for(begun.wait(), 60)
        return len(asyncio.all_tasks())

    assert machine.on(data, work) == 1
    assert [*(data / "audio" / "tmp").iterdir()] == []
    assert tally(machine.take_in(data, found(root))) == {Became.SAME: 1, Became.ADDED: 2}


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
