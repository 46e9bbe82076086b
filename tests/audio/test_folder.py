"""The folder: the contract, and where things lie in it."""

from __future__ import annotations

import asyncio
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from audio.folders import note_syncs, place_of
from callreel.audio import AudioKey, AudioStore
from callreel.audio.folder import FolderStore
from callreel.audio.folder_walk import digest_of
from callreel.errors import Unavailable
from contracts.audio_case import LONG, SHORT, chunks, derive, key_of, put
from contracts.audio_contract import AudioContract


class TestFolderStore(AudioContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> AudioStore:
        return FolderStore(tmp_path / "audio", 0)


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
    noted = note_syncs(monkeypatch)
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


def test_staged_audio_is_kept_once_and_not_written_to_afterwards(store: FolderStore) -> None:
    with store.stage() as staged:
        staged.write(SHORT)
        asyncio.run(store.keep(staged, key_of(SHORT)))
        with pytest.raises(ValueError, match="kept"):
            staged.write(SHORT)
        with pytest.raises(ValueError, match="kept"):
            asyncio.run(store.keep(staged, key_of(SHORT)))


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


def test_audio_that_comes_while_the_store_is_taken_away_makes_no_part_of_it_anew(
    store: FolderStore, root: Path
) -> None:
    asyncio.run(put(store, SHORT))
    with store.stage() as staged:
        staged.write(LONG)
        root.rename(root.with_name("away"))
        with pytest.raises(Unavailable):
            asyncio.run(store.keep(staged, key_of(LONG)))
    assert not root.exists()


def test_a_copy_that_is_kept_while_the_store_is_taken_away_makes_no_part_of_it_anew(
    store: FolderStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = asyncio.run(put(store, SHORT))
    chmod = Path.chmod

    def chmod_and_take_away(path: Path, mode: int) -> None:
        chmod(path, mode)
        root.rename(root.with_name("away"))

    monkeypatch.setattr(Path, "chmod", chmod_and_take_away)
    with pytest.raises(Unavailable):
        asyncio.run(derive(store, key, "peaks.json", b"made of it"))
    assert not root.exists()


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
