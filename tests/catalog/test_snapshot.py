from __future__ import annotations

import asyncio
import errno
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from callreel.catalog import snapshot
from callreel.catalog.snapshot import Snapshot, is_sound
from callreel.catalog.sqlite import SqliteCatalog
from callreel.errors import Misconfigured, StorageFull, Unavailable
from contracts.catalog_case import known_of
from contracts.catalog_reference import entry_of


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[SqliteCatalog]:
    opened = SqliteCatalog(tmp_path / "callreel.db")
    for name in ("one", "two"):
        asyncio.run(opened.add_tenant(name))
    yield opened
    asyncio.run(opened.close())


def add(catalog: SqliteCatalog, seed: int, count: int = 40) -> None:
    entries = [(each.tenant, entry_of(each)) for each in known_of(count, seed=seed, tenants=2)]
    for tenant in (1, 2):
        asyncio.run(catalog.add(tenant, [each for owner, each in entries if owner == tenant]))


def test_what_is_written_later_is_not_seen_and_not_copied(
    catalog: SqliteCatalog, tmp_path: Path
) -> None:
    add(catalog, 1)
    with Snapshot(tmp_path / "callreel.db") as kept:
        before = kept.held(), list(kept.audio()), list(kept.recordings())
        add(catalog, 2)
        assert (kept.held(), list(kept.audio()), list(kept.recordings())) == before
        kept.copy_to(tmp_path / "copy.db")
    assert is_sound(tmp_path / "copy.db")
    with Snapshot(tmp_path / "copy.db") as copy, Snapshot(tmp_path / "callreel.db") as now:
        assert (copy.held(), list(copy.audio()), list(copy.recordings())) == before
        assert now.held().recordings > copy.held().recordings


def test_a_copy_is_one_file_in_place_of_an_older_one(
    catalog: SqliteCatalog, tmp_path: Path
) -> None:
    (tmp_path / "copies").mkdir()
    target = tmp_path / "copies" / "copy.db"
    target.write_bytes(b"older")
    (tmp_path / "copies" / "copy.db.new").write_bytes(b"half")  # of one that was cut short
    with Snapshot(tmp_path / "callreel.db") as kept:
        kept.copy_to(target)
    assert is_sound(target)
    assert [each.name for each in target.parent.iterdir()] == ["copy.db"]
    assert target.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (OSError(errno.ENOSPC, "full"), StorageFull),
        (OSError(errno.EIO, "broken"), Unavailable),
        (apsw.FullError("full"), StorageFull),
        (apsw.IOError("broken"), Unavailable),
    ],
)
def test_a_copy_that_fails_leaves_nothing_and_what_was_there(
    catalog: SqliteCatalog,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    failure: Exception,
    expected: type[Exception],
) -> None:
    target = tmp_path / "copy.db"
    target.write_bytes(b"older")

    def fail(_path: Path) -> None:
        raise failure

    monkeypatch.setattr(snapshot, "sync_file", fail)
    with Snapshot(tmp_path / "callreel.db") as kept, pytest.raises(expected):
        kept.copy_to(target)
    assert target.read_bytes() == b"older"
    assert not (tmp_path / "copy.db.new").exists()


def test_what_is_no_database_is_told(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="cannot be read or copied"):
        Snapshot(tmp_path / "none.db")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "other.db").write_bytes(b"no database at all" * 100)
    assert not is_sound(tmp_path / "other.db")
    assert not is_sound(tmp_path / "none.db")


def test_a_database_that_is_empty_or_of_another_program_is_told(tmp_path: Path) -> None:
    path = tmp_path / "callreel.db"
    path.touch()
    with pytest.raises(Misconfigured, match="is empty or not of this program"):
        Snapshot(path)
    apsw.Connection(str(path)).execute("CREATE TABLE other (x)")
    with pytest.raises(Misconfigured, match="is empty or not of this program"):
        Snapshot(path)


def test_what_is_asked_of_a_damaged_database_is_told(
    catalog: SqliteCatalog, tmp_path: Path
) -> None:
    connection = apsw.Connection(str(tmp_path / "callreel.db"))
    page = int(connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'entry'").get)
    size = int(connection.execute("PRAGMA page_size").get)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with (tmp_path / "callreel.db").open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    with (
        pytest.raises(Unavailable, match="cannot be read or copied"),
        Snapshot(tmp_path / "callreel.db") as damaged,
    ):
        list(damaged.recordings())


def test_a_damaged_page_is_found(catalog: SqliteCatalog, tmp_path: Path) -> None:
    add(catalog, 1, 400)
    target = tmp_path / "copy.db"
    with Snapshot(tmp_path / "callreel.db") as kept:
        kept.copy_to(target)
    content = bytearray(target.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 8192] = bytes(8192)
    target.write_bytes(content)
    assert not is_sound(target)
