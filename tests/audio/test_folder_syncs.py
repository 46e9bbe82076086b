"""The folder: what is brought to the disk, in which order, and how often."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest

from audio.folders import FailingSync, note_syncs, open_files, place_of
from callreel.audio.folder import FolderStore
from callreel.errors import CallreelError, StorageFull, Unavailable
from contracts.audio_case import LONG, SHORT, keep_together, key_of, put


@pytest.mark.parametrize(("code", "error"), [(errno.EIO, Unavailable), (errno.ENOSPC, StorageFull)])
def test_a_failed_fsync_of_audio_keeps_nothing_and_is_not_tried_again(
    store: FolderStore,
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    code: int,
    error: type[CallreelError],
) -> None:
    failing = FailingSync(code, of_folders=False)
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", failing)
        with pytest.raises(error):
            asyncio.run(put(store, SHORT))
    assert failing.failures == 1
    assert asyncio.run(store.size(key_of(SHORT))) is None
    assert list((root / "tmp").iterdir()) == []
    asyncio.run(put(store, SHORT))
    assert place_of(root, SHORT).read_bytes() == SHORT


def test_a_failed_fsync_of_a_folder_is_no_success(
    store: FolderStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = FailingSync(errno.EIO, of_folders=True)
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", failing)
        for _ in range(2):  # the audio is there the second time, and still not sure to stay
            with pytest.raises(Unavailable):
                asyncio.run(put(store, SHORT))
    assert failing.failures == 2
    assert list((root / "tmp").iterdir()) == []
    noted = note_syncs(monkeypatch)
    asyncio.run(put(store, SHORT))
    assert root in noted.paths, "what failed is not taken for done"


@pytest.mark.parametrize("is_made_by_another", [False, True])
def test_a_folder_is_synced_with_those_above_whoever_made_it(
    store: FolderStore, root: Path, monkeypatch: pytest.MonkeyPatch, is_made_by_another: bool
) -> None:
    leaf = place_of(root, SHORT).parent
    if is_made_by_another:  # who may not have brought it to the disk yet
        leaf.mkdir(parents=True)
    noted = note_syncs(monkeypatch)
    asyncio.run(put(store, SHORT))
    assert noted.paths[:2] == [leaf.parent, root]
    assert noted.paths[2].parent == root / "tmp"
    assert noted.paths[3:] == [leaf]


def test_a_tenant_s_folders_are_all_made_with_the_first_recording(
    store: FolderStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asyncio.run(put(store, SHORT))
    noted = note_syncs(monkeypatch)
    for number in range(20):
        content = b"%d" % number
        asyncio.run(put(store, content))
        assert noted.paths[-1] == place_of(root, content).parent
    assert len(noted.paths) == 40


MANY = [b"%d" % number for number in range(400)]


def test_many_together_cost_a_sync_of_each_and_then_one_of_each_folder(
    store: FolderStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asyncio.run(put(store, SHORT))
    noted = note_syncs(monkeypatch)
    assert set(asyncio.run(keep_together(store, MANY))) == {None}
    assert {each.parent for each in noted.paths[: len(MANY)]} == {root / "tmp"}
    assert len(set(noted.paths[: len(MANY)])) == len(MANY)
    folders = {place_of(root, each).parent for each in MANY}
    assert len(folders) < len(MANY)
    assert sorted(noted.paths[len(MANY) :]) == sorted(folders)


def test_of_many_together_those_fail_that_are_not_on_the_disk_and_no_other(
    store: FolderStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asyncio.run(put(store, SHORT))
    before, broken = open_files(), place_of(root, MANY[7]).parent
    is_in = [place_of(root, each).parent == broken for each in MANY]
    fsync = os.fsync
    synced = 0

    def failing(descriptor: int) -> None:
        nonlocal synced
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        synced += path.parent == root / "tmp"
        if path == broken or (path.parent == root / "tmp" and synced == 3):
            raise OSError(errno.EIO, "broken")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", failing)
    kinds = asyncio.run(keep_together(store, MANY))
    expected = [number == 2 or is_broken for number, is_broken in enumerate(is_in)]
    assert [kind == "Unavailable" for kind in kinds] == expected
    assert {kind for kind in kinds if kind} == {"Unavailable"}
    assert not place_of(root, MANY[2]).exists()
    assert list((root / "tmp").iterdir()) == []
    assert open_files() == before


def test_a_folder_that_somebody_took_away_is_made_again_and_brought_to_the_disk(
    store: FolderStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asyncio.run(put(store, SHORT))
    leaf = place_of(root, SHORT).parent
    shutil.rmtree(leaf)
    noted = note_syncs(monkeypatch)
    asyncio.run(put(store, SHORT))
    assert place_of(root, SHORT).read_bytes() == SHORT
    assert noted.paths[1:] == [leaf.parent, leaf]


def test_the_folder_itself_is_on_the_disk_before_anything_is_in_it(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted = note_syncs(monkeypatch)
    FolderStore(root, 0)
    assert noted.paths == [root.parent]


def test_a_second_recording_in_a_folder_costs_two_syncs(
    store: FolderStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leaf = place_of(root, SHORT).parent
    beside = next(each for i in count() if place_of(root, each := b"%d" % i).parent == leaf)
    asyncio.run(put(store, SHORT))
    noted = note_syncs(monkeypatch)
    asyncio.run(put(store, beside))
    assert noted.paths[1:] == [leaf]


@pytest.mark.parametrize("more", [b"", b"more"])
def test_audio_that_was_synced_ahead_is_synced_again_only_if_more_was_written(
    store: FolderStore, root: Path, monkeypatch: pytest.MonkeyPatch, more: bytes
) -> None:
    asyncio.run(put(store, LONG))
    noted = note_syncs(monkeypatch)
    asyncio.run(_put_with_a_sync_ahead(store, SHORT, more))
    of_audio = [path for path in noted.paths if path.parent == root / "tmp"]
    assert len(of_audio) == (2 if more else 1)
    assert place_of(root, SHORT + more).read_bytes() == SHORT + more


async def _put_with_a_sync_ahead(store: FolderStore, first: bytes, more: bytes) -> None:
    with store.stage() as staged:
        staged.write(first)
        await store.sync(staged)
        staged.write(more)
        await store.keep(staged, key_of(first + more))


def test_a_sync_that_nobody_waits_for_any_more_leaves_no_descriptor(store: FolderStore) -> None:
    go = threading.Event()

    async def play() -> None:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
        busy = asyncio.create_task(asyncio.to_thread(go.wait, 10))
        await asyncio.sleep(0)
        with store.stage() as staged:
            before = open_files()
            syncing = asyncio.create_task(store.sync(staged))
            await asyncio.sleep(0)
            syncing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await syncing
            go.set()
            await busy
            await asyncio.to_thread(int)  # behind whatever still waits for the only thread
            assert open_files() == before

    asyncio.run(play())


def test_a_removal_is_brought_to_the_disk(
    store: FolderStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = asyncio.run(put(store, SHORT))
    noted = note_syncs(monkeypatch)
    asyncio.run(store.remove(key))
    assert noted.paths == [place_of(root, SHORT).parent]
