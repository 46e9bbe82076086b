from __future__ import annotations

import os
import time
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest

from callreel.archive.verdict import Became
from callreel.archive.watch import Folder, IsNews, Watch
from callreel.importers.formats import Importer
from callreel.importers.freepbx.importer import FreePbx
from house import House
from importers.monitor import put, source, wav

EPOCH = 1_772_438_405


def name_of(number: int) -> str:
    return f"in-48221234567-486{number:06d}-20260302-090005-{EPOCH + number}.{number}.wav"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "monitor"
    folder.mkdir()
    return folder


def watch_of(house: House, root: Path, move_to: Path | None = None) -> Watch:
    def importer(is_news: IsNews) -> Importer:
        return FreePbx(replace(source(root), is_news=is_news))

    return Watch(house.archive, 1, Folder(root, "freepbx", importer, move_to))


def looked(house: House, watch: Watch) -> list[Became]:
    async def play() -> list[Became]:
        async with aclosing(watch.look()) as verdicts:
            return [verdict.became async for verdict in verdicts]

    return house.run(play())


def test_a_file_is_looked_at_once_and_what_is_new_is_taken_in(house: House, root: Path) -> None:
    watch = watch_of(house, root)
    assert looked(house, watch) == []
    put(root, name_of(1), wav(60))
    assert looked(house, watch) == [Became.ADDED]
    assert looked(house, watch) == []
    put(root, name_of(2), wav(70))
    put(root, "odd.wav", wav(80))
    assert looked(house, watch) == [Became.ADDED, Became.REFUSED]
    assert looked(house, watch) == []
    assert house.count() == 2


def test_what_was_looked_at_is_remembered_over_restarts(house: House, root: Path) -> None:
    put(root, name_of(1), wav(60))
    put(root, "odd.wav", wav(80))
    looked(house, watch_of(house, root))
    assert looked(house, watch_of(house, root)) == []
    other = root.parent / "other"
    put(other, name_of(1), wav(60))
    assert looked(house, watch_of(house, other)) == [Became.SAME]


def test_a_file_that_still_grows_is_looked_at_again(house: House, root: Path) -> None:
    watch = watch_of(house, root)
    path = put(root, name_of(1), wav(60))
    os.utime(path)
    for _ in range(3):
        assert looked(house, watch) == [Became.LATER]
    assert watch.is_waiting
    os.utime(path, (time.time() - 60,) * 2)
    assert looked(house, watch) == [Became.ADDED]
    assert house.run(house.archive.catalog.import_run(1)).files == {"added": 1}
    assert not watch.is_waiting


def test_a_file_that_was_refused_is_looked_at_again_when_it_changed(
    house: House, root: Path
) -> None:
    watch = watch_of(house, root)
    put(root, name_of(1), b"RIFF" + b"\0" * 60)
    assert looked(house, watch) == [Became.REFUSED]
    assert looked(house, watch) == []
    put(root, name_of(1), wav(60))
    assert looked(house, watch) == [Became.ADDED]


def test_what_is_in_the_archive_is_moved_and_the_rest_stays(
    house: House, root: Path, tmp_path: Path
) -> None:
    done = tmp_path / "done"
    watch = watch_of(house, root, done)
    put(root, name_of(1), wav(60))
    put(root, "odd.wav", wav(80))
    looked(house, watch)
    put(root, name_of(1), wav(60))
    assert looked(house, watch) == [Became.SAME]
    moved = sorted(str(path.relative_to(done)) for path in done.rglob("*.wav"))
    stem = name_of(1).removesuffix(".wav")
    assert moved == [f"2026/03/02/{stem}.1.wav", f"2026/03/02/{stem}.wav"]
    assert [path.name for path in root.rglob("*.wav")] == ["odd.wav"]


def test_all_passes_are_one_import_which_begins_with_the_first_file(
    house: House, root: Path
) -> None:
    watch = watch_of(house, root)
    looked(house, watch)
    assert house.run(house.archive.catalog.imports()) == []
    for number in (1, 2):
        put(root, name_of(number), wav(60 + number))
        looked(house, watch)
    house.run(watch.end())
    (run,) = house.run(house.archive.catalog.imports())
    assert run.files == {"added": 2}
    assert run.ended_at is not None
