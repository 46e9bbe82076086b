"""The folder: the contract, and what only a file system can do to it."""

from __future__ import annotations

import asyncio
import errno
import io
import os
import shutil
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest

from callreel.audio import AudioKey, AudioStore
from callreel.audio.folder import FolderStore
from callreel.audio.folder_walk import digest_of
from callreel.audio.staged import StagedFile
from callreel.errors import CallreelError, StorageFull, Unavailable
from contracts.audio_contract import (
    LONG,
    SHORT,
    TENANT,
    AudioContract,
    chunks,
    derive,
    keep_together,
    key_of,
    put,
)


class TestFolderStore(AudioContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> AudioStore:
        return FolderStore(tmp_path / "audio", 0)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "audio"


@pytest.fixture
def store(root: Path) -> FolderStore:
    return FolderStore(root, 0)


def place_of(root: Path, content: bytes) -> Path:
    digest = key_of(content).sha256
    return root / str(TENANT) / digest[:2] / digest


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and path.suffix == ""]


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


class FailingSync:
    """os.fsync that fails for one kind of file, and counts."""

    def __init__(self, code: int, *, of_folders: bool) -> None:
        self.failures = 0
        self._code = code
        self._of_folders = of_folders
        self._fsync = os.fsync

    def __call__(self, descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode) == self._of_folders:
            self.failures += 1
            raise OSError(self._code, os.strerror(self._code))
        self._fsync(descriptor)


def test_audio_lies_where_its_digest_says_and_is_read_only(store: FolderStore, root: Path) -> None:
    asyncio.run(put(store, SHORT))
    place = place_of(root, SHORT)
    assert place.read_bytes() == SHORT
    assert stat.S_IMODE(place.stat().st_mode) & 0o337 == 0


def test_nobody_else_can_look_into_the_folder(store: FolderStore, root: Path) -> None:
    assert root.stat().st_mode & stat.S_IRWXO == 0


def test_what_is_derived_lies_in_a_tree_beside(store: FolderStore, root: Path) -> None:
    key = asyncio.run(put(store, SHORT))
    asyncio.run(derive(store, key, "peaks.json", b"[1]"))
    beside = place_of(root / "derived", SHORT)
    made = beside.with_name(beside.name + ".peaks.json")
    assert made.read_bytes() == b"[1]"
    assert stat.S_IMODE(made.stat().st_mode) & 0o337 == 0


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
    noted = NotedSync()
    monkeypatch.setattr(os, "fsync", noted)
    asyncio.run(put(store, SHORT))
    assert root in noted.paths, "what failed is not taken for done"


class NotedSync:
    """os.fsync that notes of what."""

    def __init__(self) -> None:
        self.paths: list[Path] = []
        self._fsync = os.fsync

    def __call__(self, descriptor: int) -> None:
        self.paths.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        self._fsync(descriptor)


@pytest.mark.parametrize("is_made_by_another", [False, True])
def test_a_folder_is_synced_with_those_above_whoever_made_it(
    store: FolderStore, root: Path, monkeypatch: pytest.MonkeyPatch, is_made_by_another: bool
) -> None:
    noted = NotedSync()
    leaf = place_of(root, SHORT).parent
    if is_made_by_another:  # who may not have brought it to the disk yet
        leaf.mkdir(parents=True)
    monkeypatch.setattr(os, "fsync", noted)
    asyncio.run(put(store, SHORT))
    assert noted.paths[:2] == [leaf.parent, root]
    assert noted.paths[2].parent == root / "tmp"
    assert noted.paths[3:] == [leaf]


def test_a_tenant_s_folders_are_all_made_with_the_first_recording(
    store: FolderStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asyncio.run(put(store, SHORT))
    noted = NotedSync()
    monkeypatch.setattr(os, "fsync", noted)
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
    noted = NotedSync()
    monkeypatch.setattr(os, "fsync", noted)
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
    noted = NotedSync()
    monkeypatch.setattr(os, "fsync", noted)
    asyncio.run(put(store, SHORT))
    assert place_of(root, SHORT).read_bytes() == SHORT
    assert noted.paths[1:] == [leaf.parent, leaf]


def test_the_folder_itself_is_on_the_disk_before_anything_is_in_it(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted = NotedSync()
    monkeypatch.setattr(os, "fsync", noted)
    FolderStore(root, 0)
    assert noted.paths == [root.parent]


def test_a_second_recording_in_a_folder_costs_two_syncs(
    store: FolderStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leaf = place_of(root, SHORT).parent
    beside = next(each for i in count() if place_of(root, each := b"%d" % i).parent == leaf)
    asyncio.run(put(store, SHORT))
    noted = NotedSync()
    monkeypatch.setattr(os, "fsync", noted)
    asyncio.run(put(store, beside))
    assert noted.paths[1:] == [leaf]


@pytest.mark.parametrize("more", [b"", b"more"])
def test_audio_that_was_synced_ahead_is_synced_again_only_if_more_was_written(
    store: FolderStore, root: Path, monkeypatch: pytest.MonkeyPatch, more: bytes
) -> None:
    asyncio.run(put(store, LONG))
    noted = NotedSync()
    monkeypatch.setattr(os, "fsync", noted)
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


def test_audio_that_is_there_whole_is_left_as_it_is(store: FolderStore, root: Path) -> None:
    asyncio.run(put(store, SHORT))
    before = place_of(root, SHORT).stat()
    asyncio.run(put(store, SHORT))
    assert place_of(root, SHORT).stat().st_ino == before.st_ino


def test_audio_that_is_there_in_part_is_replaced(store: FolderStore, root: Path) -> None:
    place = place_of(root, SHORT)
    place.parent.mkdir(parents=True)
    place.write_bytes(SHORT[:4])
    asyncio.run(put(store, SHORT))
    assert place.read_bytes() == SHORT


@pytest.mark.parametrize("is_readable", [True, False])
def test_audio_that_is_damaged_in_its_place_is_replaced_as_if_it_were_new(
    store: FolderStore, root: Path, monkeypatch: pytest.MonkeyPatch, is_readable: bool
) -> None:
    asyncio.run(put(store, LONG))
    place = place_of(root, LONG)
    damage(place)
    noted = NotedSync()
    monkeypatch.setattr(os, "fsync", noted)
    if not is_readable:
        monkeypatch.setattr("callreel.audio.staged.digest_of", lambda *_: None)
    asyncio.run(put(store, LONG))
    assert place.read_bytes() == LONG
    assert [each.parent for each in noted.paths] == [root / "tmp", place.parent.parent]


def damage(place: Path) -> None:
    """Change one bit in the middle of a file."""
    content = bytearray(place.read_bytes())
    content[len(content) // 2] ^= 1
    place.chmod(0o640)
    place.write_bytes(content)


@pytest.mark.parametrize("there", [None, LONG[:-1], LONG])
def test_only_a_file_of_that_name_and_length_is_read_again(
    store: FolderStore, root: Path, monkeypatch: pytest.MonkeyPatch, there: bytes | None
) -> None:
    place = place_of(root, LONG)
    if there is not None:
        place.parent.mkdir(parents=True)
        place.write_bytes(there)
    read: list[Path] = []

    def noted(each: Path, count: Callable[[int], None]) -> str | None:
        read.append(each)
        return digest_of(each, count)

    monkeypatch.setattr("callreel.audio.staged.digest_of", noted)
    asyncio.run(put(store, LONG))
    assert read == ([place] if there == LONG else [])
    assert place.read_bytes() == LONG


def test_audio_that_is_short_on_the_disk_is_not_kept(store: FolderStore) -> None:
    with store.stage() as staged:
        staged.write(SHORT)
        os.truncate(staged.path, 4)
        with pytest.raises(Unavailable):
            asyncio.run(store.keep(staged, key_of(SHORT)))
    assert asyncio.run(store.size(key_of(SHORT))) is None


def test_staged_audio_is_kept_once_and_not_written_to_afterwards(store: FolderStore) -> None:
    with store.stage() as staged:
        staged.write(SHORT)
        asyncio.run(store.keep(staged, key_of(SHORT)))
        with pytest.raises(ValueError, match="kept"):
            staged.write(SHORT)
        with pytest.raises(ValueError, match="kept"):
            asyncio.run(store.keep(staged, key_of(SHORT)))


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


def test_a_link_in_the_place_of_audio_is_not_followed(
    store: FolderStore, root: Path, tmp_path: Path
) -> None:
    key = asyncio.run(put(store, SHORT))
    secret = tmp_path / "secret"
    secret.write_bytes(SHORT)
    place_of(root, SHORT).unlink()
    place_of(root, SHORT).symlink_to(secret)
    assert asyncio.run(store.size(key)) is None
    with pytest.raises(Unavailable):
        asyncio.run(chunks(store, key, 0, len(SHORT)))
    asyncio.run(put(store, SHORT))
    assert not place_of(root, SHORT).is_symlink()


@pytest.mark.parametrize(
    "key",
    [
        AudioKey(1, "../../../../etc/passwd"),
        AudioKey(1, "A" * 64),
        AudioKey(1, "a" * 63),
        AudioKey(1, "a" * 64 + "\n"),
        AudioKey(-1, "a" * 64),
    ],
)
def test_no_path_is_made_of_what_is_no_digest(store: FolderStore, key: AudioKey) -> None:
    with pytest.raises(ValueError, match="key"):
        asyncio.run(store.size(key))


@pytest.mark.parametrize("name", ["", "..", "../x", "a/b", "a..b", ".x", "A", "a\0"])
def test_no_path_is_made_of_what_is_no_name(store: FolderStore, name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        asyncio.run(store.derived(key_of(SHORT), name))
    with pytest.raises(ValueError, match="suffix"):
        store.scratch("/" + name)


def test_something_derived_that_is_empty_was_never_finished(store: FolderStore) -> None:
    async def run() -> None:
        key = await put(store, SHORT)
        (await derive(store, key, "peaks.json", b"")).stat()
        assert await store.derived(key, "peaks.json") is None

    asyncio.run(run())


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


def test_a_copy_that_was_kept_while_its_audio_went_goes_too(
    store: FolderStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = asyncio.run(put(store, SHORT))
    place, unlink = place_of(root, SHORT), Path.unlink
    copy = place_of(root / "derived", SHORT).with_name(f"{key.sha256}.audio.mp3")

    def keep_and_unlink(path: Path, *, missing_ok: bool = False) -> None:
        if path == place:
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(b"a copy")
        unlink(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", keep_and_unlink)
    asyncio.run(store.remove(key))
    assert not copy.exists()


def test_a_removal_is_brought_to_the_disk(
    store: FolderStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = asyncio.run(put(store, SHORT))
    noted = NotedSync()
    monkeypatch.setattr(os, "fsync", noted)
    asyncio.run(store.remove(key))
    assert noted.paths == [place_of(root, SHORT).parent]


def test_only_what_a_crash_left_is_dropped_at_the_start(store: FolderStore, root: Path) -> None:
    old, young = root / "tmp" / "old", root / "tmp" / "young"
    old.touch()
    young.touch()
    long_ago = time.time() - 2 * 3600
    os.utime(old, (long_ago, long_ago))
    FolderStore(root, 0)
    assert not old.exists()
    assert young.exists()


def test_another_process_that_takes_in_holds_up_removing(store: FolderStore, root: Path) -> None:
    program = (
        "import asyncio, sys, pathlib\n"
        "from callreel.audio.folder import FolderStore\n"
        "async def hold():\n"
        "    async with FolderStore(pathlib.Path(sys.argv[1]), 0).taking_in():\n"
        "        print('held', flush=True)\n"
        "        sys.stdin.read()\n"
        "asyncio.run(hold())\n"
    )

    async def remove() -> None:
        async with store.removing():
            pass

    with subprocess.Popen(
        [sys.executable, "-c", program, str(root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(TimeoutError):
            asyncio.run(asyncio.wait_for(remove(), 0.1))
        holder.kill()
    asyncio.run(asyncio.wait_for(remove(), 10))


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
