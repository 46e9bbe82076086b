from __future__ import annotations

import errno
import os
import time
from pathlib import Path
from typing import Any

import pytest

from callreel.archive.spool import STALE_SECONDS, Spool
from callreel.errors import Conflict, StorageFull, Unavailable

NAME = "8c9f7c2e-5a0b-4c1d-9e3f-0a1b2c3d4e5f.cdr.json"


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool", reserve_bytes=0)


def files(spool: Spool) -> dict[str, bytes]:
    found = (path for path in spool.root.rglob("*") if path.is_file())
    return {str(path.relative_to(spool.root)): path.read_bytes() for path in found}


def keep(spool: Spool, content: bytes = b"record", *, name: str = NAME, tenant: int = 1) -> bool:
    return spool.keep("freeswitch", tenant, name, content)


def test_a_record_has_its_place_by_format_and_tenant(spool: Spool) -> None:
    assert keep(spool)
    assert keep(spool, b"theirs", tenant=2)
    assert files(spool) == {f"freeswitch/1/{NAME}": b"record", f"freeswitch/2/{NAME}": b"theirs"}


def test_the_same_again_is_not_new_and_other_content_changes_nothing(spool: Spool) -> None:
    keep(spool)
    assert not keep(spool)
    for other in (b"", b"recor", b"record ", b"RECORD"):
        with pytest.raises(Conflict):
            keep(spool, other)
    assert files(spool) == {f"freeswitch/1/{NAME}": b"record"}


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x.json", "a/b.json", ".x.json", "x.json\n", "a" * 65, "x.a.b.c"]
)
def test_what_is_no_name_is_a_bug_and_never_a_path(spool: Spool, name: str) -> None:
    with pytest.raises(ValueError, match="place"):
        keep(spool, name=name)
    with pytest.raises(ValueError, match="place"):
        spool.keep(name, 1, NAME, b"")
    with pytest.raises(ValueError, match="place"):
        keep(spool, tenant=-1)
    assert not spool.root.exists()


def test_a_record_is_on_the_disk_before_it_has_its_name_and_the_name_before_the_promise(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    real_sync, real_link = os.fsync, os.link

    def sync(descriptor: int) -> None:
        done.append("sync " + Path(f"/proc/self/fd/{descriptor}").readlink().name)
        real_sync(descriptor)

    def link(source: Path, target: Path, **more: Any) -> None:
        done.append("link " + target.name)
        assert source.read_bytes() == b"record"
        real_link(source, target, **more)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, "link", link)
    keep(spool)
    (half, named, *folders) = done
    assert half.startswith("sync ")
    assert named == f"link {NAME}"
    assert folders[:3] == ["sync 1", "sync freeswitch", "sync spool"]
    done.clear()
    keep(spool)
    assert done[0] == "sync 1"


@pytest.mark.parametrize(
    ("call", "number", "kind"),
    [
        ("fsync", errno.EIO, Unavailable),
        ("fsync", errno.ENOSPC, StorageFull),
        ("link", errno.EACCES, Unavailable),
        ("link", errno.EDQUOT, StorageFull),
        ("statvfs", errno.EIO, Unavailable),
    ],
)
def test_what_fails_is_told_and_leaves_nothing(
    spool: Spool, monkeypatch: pytest.MonkeyPatch, call: str, number: int, kind: type[Exception]
) -> None:
    def fail(*_arguments: object, **_more: object) -> None:
        raise OSError(number, "broken")

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(kind) as caught:
        keep(spool)
    assert str(spool.root) not in str(caught.value)
    monkeypatch.undo()
    assert files(spool) == {}
    assert keep(spool)


def test_who_is_second_at_the_same_moment_is_told_what_is_there(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    real_link = os.link

    def overtaken(source: Path, target: Path) -> None:
        target.write_bytes(b"record")
        real_link(source, target)

    monkeypatch.setattr(os, "link", overtaken)
    assert not keep(spool)
    with pytest.raises(Conflict):
        spool.keep("freeswitch", 3, NAME, b"mine")
    assert not list((spool.root / "tmp").iterdir())


def test_below_the_reserve_nothing_is_taken(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", reserve_bytes=1 << 62)
    with pytest.raises(StorageFull, match="no room"):
        keep(spool)
    assert files(spool) == {}


def test_a_link_in_the_place_of_a_record_is_not_followed(spool: Spool, tmp_path: Path) -> None:
    keep(spool, name="other.json")
    (tmp_path / "elsewhere").write_bytes(b"record")
    (spool.root / "freeswitch" / "1" / NAME).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Unavailable):
        keep(spool)


def test_a_start_clears_what_was_left_half_done(spool: Spool) -> None:
    spool.clear()
    keep(spool)
    old, fresh = (spool.root / "tmp" / name for name in ("old", "fresh"))
    for path in (old, fresh):
        path.write_bytes(b"rec")
    long_ago = time.time() - STALE_SECONDS - 1
    os.utime(old, (long_ago, long_ago))
    spool.clear()
    assert files(spool).keys() == {f"freeswitch/1/{NAME}", "tmp/fresh"}
