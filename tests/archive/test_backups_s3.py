from __future__ import annotations

import errno
import hashlib
import io
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from archive.backed_up import BackedUp, names
from callreel.archive.backups import audio_item, files
from callreel.archive.backups import bucket as kept_in
from callreel.archive.backups.bucket import BucketDestination
from callreel.archive.backups.destination import MARKER
from callreel.archive.backups.files import sha256_of
from callreel.archive.backups.repository import Repository
from callreel.bucket import PART, Bucket
from callreel.catalog.snapshot import Snapshot
from callreel.errors import Misconfigured, StorageFull, Unavailable
from callreel.settings import Settings
from callreel.wiring import require_use
from endpoints.s3 import S3Server, s3_server


def test_a_large_file_goes_in_parts_and_comes_back(s3: S3Server, tmp_path: Path) -> None:
    s3.new_bucket("in-parts")
    content = bytes(range(256)) * (2 * PART // 256) + b"more"
    (tmp_path / "large").write_bytes(content)
    destination = BucketDestination(s3.bucket("in-parts"), tmp_path / "uploading")
    item = audio_item(1, sha256_of(tmp_path / "large"))
    with destination.writing():
        assert destination.put(tmp_path / "large", item) == len(content)
    assert b"".join(destination.read(item.path)) == content
    assert [each.size() for each in destination.walk("audio")] == [len(content)]


def test_what_was_sent_when_a_backup_was_cut_short_is_read_before_it_is_believed(
    in_bucket: BackedUp,
) -> None:
    first, second = in_bucket.add(1), in_bucket.add(2)
    destination = in_bucket.repository.destination
    items = [
        audio_item(1, hashlib.sha256(in_bucket.sounds[each]).hexdigest())
        for each in (first, second)
    ]
    with destination.writing():
        destination.coming(items)
    for item, each in zip(items, (first, second), strict=True):
        path = in_bucket.root / item.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(in_bucket.sounds[each] if each == first else bytes(2_500))
    assert in_bucket.back_up().copied == 1
    assert in_bucket.held_by() == {first, second}
    assert not (in_bucket.root / "tmp" / "coming").exists()


def test_a_server_that_keeps_other_bytes_makes_no_backup(
    in_bucket: BackedUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_bucket.add(1)
    put = Bucket.put

    def other(self: Bucket, path: str, content: bytes | Path, **given: Any) -> None:
        if path.startswith("audio/") and isinstance(content, bytes):
            content = content[:-1] + b"!"
        put(self, path, content, **given)

    monkeypatch.setattr(Bucket, "put", other)
    with pytest.raises(Unavailable, match="not what it was sent"):
        in_bucket.back_up()
    monkeypatch.undo()
    assert in_bucket.repository.ids() == []
    assert in_bucket.back_up().copied == 1


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOENT])
def test_audio_that_is_lost_while_it_is_sent_is_lost_audio(
    in_bucket: BackedUp, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    stays, goes = in_bucket.add(1), in_bucket.add(2)
    failing(monkeypatch, in_bucket.data / in_bucket.place(goes), code)
    made = in_bucket.back_up()
    assert made.manifest.without_audio == (str(in_bucket.place(goes)),)
    data, _ = in_bucket.restore()
    assert (data / in_bucket.place(stays)).exists()


def test_audio_that_we_are_no_more_let_read_is_told(
    in_bucket: BackedUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, in_bucket.data / in_bucket.place(in_bucket.add(1)), errno.EACCES)
    with pytest.raises(Misconfigured, match="cannot be read: permission denied"):
        in_bucket.back_up()


def test_a_disk_that_does_not_give_the_copy_of_the_database_back_is_not_the_server(
    in_bucket: BackedUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, in_bucket.tmp / "callreel.db", errno.EIO)
    with pytest.raises(Misconfigured, match="on its way to the bucket cannot be used: input/out"):
        in_bucket.back_up()


def failing(patched: pytest.MonkeyPatch, path: Path, code: int) -> None:
    """Let a file be hashed, but not sent, and let all be sent by file."""

    class Failing(io.BufferedReader):
        def read(self, _size: int | None = -1) -> bytes:
            raise OSError(code, os.strerror(code))

    opening = Path.open

    def open_(self: Path, *given: Any, **named: Any) -> Any:
        return Failing(io.FileIO(path)) if self == path else opening(self, *given, **named)

    patched.setattr(kept_in, "PART", 0)
    patched.setattr(Path, "open", open_)


def test_a_copy_of_the_database_that_would_take_the_reserve_is_not_made(
    in_bucket: BackedUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_bucket.add(1)
    with Snapshot(in_bucket.parts.database) as snapshot:
        size = snapshot.size()
    reserve = 4 * size
    free = [size + reserve - 1]

    def free_bytes(_folder: Path) -> int:
        return free.pop() if len(free) > 1 else free[0]

    monkeypatch.setattr(files, "free_bytes", free_bytes)
    in_bucket.repository.destination.reserve = reserve  # type: ignore[misc]

    with pytest.raises(StorageFull, match="no room beside CALLREEL_FREE_SPACE_RESERVE"):
        in_bucket.back_up()
    assert not (in_bucket.root / "audio").exists()  # told before anything was sent
    free[:] = [size + reserve - 1, size + reserve]
    with pytest.raises(StorageFull, match=r"free 0\.0 MiB there, or lower that setting\."):
        in_bucket.back_up()
    assert names(in_bucket.tmp) == {"lock"}
    assert in_bucket.repository.ids() == []
    free[:] = [size + reserve]
    assert in_bucket.back_up().manifest.database_bytes == size
    in_bucket.repository.destination.reserve = 0  # type: ignore[misc]
    free[:] = [0]
    in_bucket.back_up()


LEFT = ["first", "callreel.db", "callreel.db.new", "callreel.db.new-journal", "files.sha256"]


def test_what_a_killed_backup_left_goes_when_a_server_starts_or_with_the_next(
    in_bucket: BackedUp,
) -> None:
    settings = Settings(data=in_bucket.data)
    require_use(settings)
    assert not in_bucket.tmp.exists()
    destination = in_bucket.repository.destination
    with destination.writing():
        for each in [*LEFT, "mine"]:
            (in_bucket.tmp / each).touch()
        require_use(settings)  # somebody is at work there
        assert names(in_bucket.tmp) == {*LEFT, "mine", "lock"}
        kept = shutil.copytree(in_bucket.tmp, in_bucket.data.parent / "kept")
    assert names(in_bucket.tmp) == {"mine", "lock"}
    for again in (lambda: require_use(settings), in_bucket.back_up):
        shutil.copytree(kept, in_bucket.tmp, dirs_exist_ok=True)
        again()
        assert names(in_bucket.tmp) == {"mine", "lock"}


def test_two_backups_of_one_archive_at_once_are_refused(in_bucket: BackedUp) -> None:
    other = BucketDestination(in_bucket.repository.destination._bucket, in_bucket.tmp)  # type: ignore[attr-defined]
    with (
        in_bucket.repository.writing(),
        pytest.raises(Misconfigured, match="Another backup"),
        other.writing(),
    ):
        pass


def test_a_kill_of_the_server_at_many_a_step_leaves_older_backups_whole_and_the_next_goes_on(
    in_bucket: BackedUp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with s3_server(tmp_path / "mortal") as server:
        root = server.new_bucket("mortal")
        bucket = server.bucket("mortal", patience=0.3)
        in_bucket.repository.destination = BucketDestination(bucket, tmp_path / "data/uploading")
        archive = replace(in_bucket, root=root)
        tones = iter(range(1, 1000))
        held = {archive.add(next(tones))}
        sure = {archive.back_up().manifest.id: set(held)}
        kills, ended = 0, False
        while not ended:
            held.add(archive.add(next(tones)))
            with monkeypatch.context() as patched:
                _kill_at(4 * kills + 1, server, patched)
                try:
                    archive.back_up(keep=3)
                    ended = True
                except Unavailable:
                    kills += 1
            server.kill()
            server.start()
            *older, newest = archive.repository.ids()
            assert sure.keys() >= {*older}
            assert archive.held_by(newest) == sure.setdefault(newest, set(held))
        for each in archive.repository.ids():
            assert archive.held_by(each) == sure[each]
        assert kills > 5
        assert archive.back_up().copied == 0
        assert archive.held_by() == held


def _kill_at(count: int, server: S3Server, patched: pytest.MonkeyPatch) -> None:
    """Kill the server before the call of its bucket that has this number."""
    left = [count]

    def counted(call: Callable[..., Any]) -> Callable[..., Any]:
        def made(*given: Any, **named: Any) -> Any:
            left[0] -= 1
            if not left[0]:
                server.kill()
            return call(*given, **named)

        return made

    for name in ("put", "read", "remove", "objects"):
        patched.setattr(Bucket, name, counted(getattr(Bucket, name)))


def test_backups_in_a_folder_that_are_copied_into_a_bucket_are_used_there(
    in_folder: BackedUp, s3: S3Server, tmp_path: Path
) -> None:
    first = in_folder.add(1)
    in_folder.back_up()
    (in_folder.root / MARKER).write_bytes(b"")  # as the page on backups has it for old folders
    root = s3.new_bucket("copied")
    shutil.copytree(in_folder.root, root)
    bucket = BucketDestination(s3.bucket("copied"), tmp_path / "data" / "uploading")
    copied = replace(in_folder, repository=Repository(bucket), root=root)
    assert copied.held_by() == {first}
    assert copied.back_up(keep=1).copied == 0
    assert copied.held_by() == {first}
