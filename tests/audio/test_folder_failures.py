"""The folder: what becomes of it where the disk fails, is full, or the process dies."""

from __future__ import annotations

import asyncio
import errno
import io
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from audio.folders import files_in, place_of
from callreel.audio.folder import FolderStore
from callreel.audio.staged import StagedFile
from callreel.errors import StorageFull, Unavailable
from contracts.audio_case import LONG, SHORT, TENANT, chunks, derive, key_of, put


def test_audio_that_is_short_on_the_disk_is_not_kept(store: FolderStore) -> None:
    with store.stage() as staged:
        staged.write(SHORT)
        os.truncate(staged.path, 4)
        with pytest.raises(Unavailable):
            asyncio.run(store.keep(staged, key_of(SHORT)))
    assert asyncio.run(store.size(key_of(SHORT))) is None


def test_a_full_disk_is_named_so(store: FolderStore) -> None:
    with store.stage() as staged:
        assert isinstance(staged, StagedFile)
        assert staged._file is not None
        staged._file.close()
        staged._file = io.FileIO("/dev/full", "w")
        with pytest.raises(StorageFull):
            staged.write(SHORT)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS])
def test_each_failure_to_write_has_its_error(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    class Broken(io.FileIO):
        def write(self, _: object) -> int:
            raise OSError(code, os.strerror(code))

    monkeypatch.setattr(io, "FileIO", Broken)
    is_full = code in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
    with store.stage() as staged, pytest.raises(StorageFull if is_full else Unavailable):
        staged.write(SHORT)


def test_what_is_derived_and_finds_no_room_leaves_nothing(
    store: FolderStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = asyncio.run(put(store, SHORT))

    def write_in_part(path: Path, content: bytes) -> int:
        with path.open("wb") as file:
            file.write(content[:2])
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(Path, "write_bytes", write_in_part)
    with pytest.raises(StorageFull):
        asyncio.run(store.keep_derived(key, "peaks.json", b"[1, 2]"))
    assert list((root / "tmp").iterdir()) == []


def test_what_is_derived_and_cannot_be_put_in_its_place_leaves_nothing(
    store: FolderStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = asyncio.run(put(store, SHORT))

    def fail(_from: Path, _to: Path) -> Path:
        raise OSError(errno.EIO, "broken")

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(Unavailable):
        asyncio.run(store.keep_derived(key, "peaks.json", b"[1, 2]"))
    assert list((root / "tmp").iterdir()) == []


def test_staged_audio_that_cannot_be_closed_is_dropped_all_the_same(
    store: FolderStore, root: Path
) -> None:
    class Broken(io.FileIO):
        def close(self) -> None:
            super().close()
            raise OSError(errno.EIO, "broken")

    with store.stage() as staged:
        assert isinstance(staged, StagedFile)
        assert staged._file is not None
        staged._file.close()
        staged._file = Broken("/dev/null", "w")
    assert list((root / "tmp").iterdir()) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of one MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1M", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("a file system can be mounted only as root; /dev/full stands in for it")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_fills_up_loses_nothing_and_recovers(small_disk: Path) -> None:
    async def run() -> None:
        store = FolderStore(small_disk / "audio", 0)
        key = await put(store, SHORT)
        with pytest.raises(StorageFull):
            await put(store, bytes(2_000_000))
        assert b"".join(await chunks(store, key, 0, len(SHORT))) == SHORT
        assert await put(store, LONG) == key_of(LONG)
        with pytest.raises(StorageFull):
            await FolderStore(small_disk / "audio", 1 << 20).check()

    asyncio.run(run())


def test_below_the_reserve_nothing_is_taken_in_and_all_is_read(root: Path) -> None:
    key = asyncio.run(put(FolderStore(root, 0), SHORT))
    full = FolderStore(root, 1 << 60)
    with pytest.raises(StorageFull):
        full.stage()
    with pytest.raises(StorageFull):
        asyncio.run(full.check())
    assert asyncio.run(chunks(full, key, 0, len(SHORT))) == [SHORT]


def test_a_folder_that_is_gone_checks_badly(store: FolderStore, root: Path) -> None:
    root.rename(root.with_name("elsewhere"))
    with pytest.raises(Unavailable):
        asyncio.run(store.check())


def test_a_folder_that_cannot_be_made_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Unavailable):
        FolderStore(tmp_path / "file" / "audio", 0)


def test_audio_that_was_cut_on_the_disk_is_unavailable(store: FolderStore, root: Path) -> None:
    key = asyncio.run(put(store, LONG))
    place_of(root, LONG).chmod(0o600)
    os.truncate(place_of(root, LONG), 300_000)
    with pytest.raises(Unavailable):
        asyncio.run(chunks(store, key, 0, len(LONG)))


def test_a_removal_that_fails_leaves_no_copy_without_its_audio(
    store: FolderStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = asyncio.run(put(store, SHORT))
    asyncio.run(derive(store, key, "audio.mp3", b"a copy"))
    place, unlink = place_of(root, SHORT), Path.unlink

    def fail(path: Path, *, missing_ok: bool = False) -> None:
        if path == place:
            raise OSError(errno.EIO, "broken")
        unlink(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", fail)
    with pytest.raises(Unavailable):
        asyncio.run(store.remove(key))
    assert files_in(root / str(TENANT)) == [place]
    assert not list((root / "derived").rglob("*.mp3"))


def test_only_what_a_crash_left_is_dropped_at_the_start(store: FolderStore, root: Path) -> None:
    old, young = root / "tmp" / "old", root / "tmp" / "young"
    old.touch()
    young.touch()
    long_ago = time.time() - 2 * 3600
    os.utime(old, (long_ago, long_ago))
    FolderStore(root, 0)
    assert not old.exists()
    assert young.exists()


def test_a_process_killed_while_it_takes_in_leaves_whole_audio_or_none(root: Path) -> None:
    program = (
        "import asyncio, os, sys, pathlib, hashlib\n"
        "from callreel.audio import AudioKey\n"
        "from callreel.audio.folder import FolderStore\n"
        "async def fill():\n"
        "    store = FolderStore(pathlib.Path(sys.argv[1]), 0)\n"
        "    while True:\n"
        "        with store.stage() as staged:\n"
        "            staged.write(os.urandom(50_000))\n"
        "            await store.keep(staged, AudioKey(7, staged.sha256))\n"
        "            print(staged.sha256, flush=True)\n"
        "asyncio.run(fill())\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(root)], stdout=subprocess.PIPE, text=True
    ) as filler:
        assert filler.stdout is not None
        promised = [filler.stdout.readline().strip() for _ in range(20)]
        filler.kill()
    for digest in promised:
        assert (root / "7" / digest[:2] / digest).stat().st_size == 50_000
    for path in files_in(root / "7"):
        assert key_of(path.read_bytes()).sha256 == path.name
