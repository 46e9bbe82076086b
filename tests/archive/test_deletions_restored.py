"""What was deleted after a backup was made is deleted again once that is restored."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from archive.backed_up import BackedUp
from archive.imports import found, imported, taken_in, tally
from callreel.archive import delete
from callreel.archive.verdict import Became, Verdict
from callreel.audio.folder import FolderStore
from callreel.catalog.deletions import Deletion
from callreel.catalog.sqlite import SqliteCatalog
from callreel.errors import NotFound
from house import House


def taken_into(house: House, data: Path, root: Path) -> list[Verdict]:
    """Import into another data folder, by what the house measures with."""
    archive = replace(
        house.archive,
        catalog=SqliteCatalog(data / "callreel.db"),
        audio=FolderStore(data / "audio", reserve_bytes=0),
    )

    async def play() -> list[Verdict]:
        try:
            return await taken_in(archive, found(root))
        finally:
            await archive.catalog.close()

    return house.run(play())


def test_a_restored_archive_knows_the_deletions_of_its_time_and_no_later_ones(
    archive: BackedUp, root: Path
) -> None:
    first, second, _ = (str(each.recording) for each in imported(archive.house, root))
    archive.delete(first)
    archive.back_up()
    archive.delete(second)
    listed = archive.house.run(archive.house.archive.catalog.deletions(1, (0, ""), 9))
    data, _ = archive.restore()
    assert tally(taken_into(archive.house, data, root)) == {Became.DELETED: 1, Became.SAME: 2}
    restored = replace(
        archive.house.archive,
        catalog=SqliteCatalog(data / "callreel.db"),
        audio=FolderStore(data / "audio", reserve_bytes=0),
    )
    assert archive.house.run(delete.again(restored, listed)) == 1
    archive.house.run(restored.catalog.close())
    assert tally(taken_into(archive.house, data, root)) == {Became.DELETED: 2, Became.SAME: 1}


def test_deletions_are_made_again_and_what_is_not_there_is_kept_out(house: House) -> None:
    recording = house.id_of(house.take_in())
    later = int(time.time()) + 60
    listed = [Deletion(1, recording, later), Deletion(1, "never-seen", 8)]
    assert house.run(delete.again(house.archive, listed)) == 1
    assert house.run(delete.again(house.archive, listed)) == 0
    assert house.count() == 0
    assert house.files() == []
    kept = house.run(house.archive.catalog.deletions(None, (0, ""), 9))
    assert [each.id for each in kept] == sorted([recording, "never-seen"])
    with pytest.raises(NotFound, match="no such tenant"):
        house.run(delete.again(house.archive, [Deletion(9, "other", 1)]))


def test_what_came_in_after_it_was_deleted_stays(house: House) -> None:
    recording = house.id_of(house.take_in())
    before = Deletion(1, recording, int(time.time()) - 60)
    assert house.run(delete.again(house.archive, [before])) == 0
    assert house.count() == 1
    assert house.run(house.archive.catalog.deletions(1, (0, ""), 9)) == []


def test_nothing_is_deleted_again_where_a_tenant_is_unknown(house: House) -> None:
    recording = house.id_of(house.take_in())
    later = int(time.time()) + 60
    listed = [Deletion(1, recording, later), Deletion(9, "other", later)]
    with pytest.raises(NotFound, match="no such tenant"):
        house.run(delete.again(house.archive, listed))
    assert house.count() == 1
