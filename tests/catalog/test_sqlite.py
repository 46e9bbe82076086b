from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from callreel.catalog import Catalog, Outcome, sqlite_calls, sqlite_list, sqlite_plan, sqlite_write
from callreel.catalog.sqlite import SqliteCatalog
from callreel.errors import BadRecording
from callreel.model import CallFilter, Facts, Reach
from contracts.catalog_contract import CatalogContract
from contracts.catalog_list_contract import ListContract
from contracts.catalog_reference import NOON, Known, entry_of


class TestSqlite(CatalogContract):
    def open(self, folder: Path) -> Catalog:
        return SqliteCatalog(folder / "callreel.db")


class TestSqliteWhereEverythingIsCommon(CatalogContract):
    """With tiny caps, few records take the ways that a million take with the real ones."""

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def tiny_caps(cls) -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sqlite_list, "NEAR_FACTOR", 1)
            patch.setattr(sqlite_list, "NEAR_LEAST", 1)
            patch.setattr(sqlite_list, "RARE", 1)
            patch.setattr(sqlite_write, "USES_TO_SORT", 1)
            yield

    def open(self, folder: Path) -> Catalog:
        return SqliteCatalog(folder / "callreel.db")


class TestSqliteWhereTwoValuesAreMany(ListContract):
    """With tiny caps, short lists of values take the ways of those too long to be merged."""

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def tiny_caps(cls) -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sqlite_plan, "MERGED_MOST", 1)
            patch.setattr(sqlite_list, "NEAR_LEAST", 1)
            sqlite_list._alone.cache_clear()
            yield
        sqlite_list._alone.cache_clear()

    def open(self, folder: Path) -> Catalog:
        return SqliteCatalog(folder / "callreel.db")


def test_a_second_with_no_place_left_takes_no_more_and_spills_into_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_calls, "_LAST_ARRIVAL", 2)
    entries = [entry_of(Known(1, f"n{index}", Facts(NOON, NOON, 0))) for index in range(4)]

    async def play() -> None:
        catalog = SqliteCatalog(tmp_path / "callreel.db")
        await catalog.add_tenant("one")
        with pytest.raises(BadRecording, match="one second"):
            await catalog.add(1, entries)
        assert await catalog.count(Reach(1), CallFilter()) == 0
        await catalog.add(1, entries[:3])
        with pytest.raises(BadRecording, match="one second"):
            await catalog.add(1, entries[3:])
        assert await catalog.count(Reach(1), CallFilter()) == 3
        await catalog.close()

    asyncio.run(play())


def test_a_recording_is_added_without_reading_the_others_that_start_in_its_second(
    tmp_path: Path,
) -> None:
    path = tmp_path / "callreel.db"
    first, *others = (
        entry_of(Known(1, f"n{index}", Facts(NOON, NOON, 0), f"dialog {index % 300}"))
        for index in range(301)
    )

    async def prepare() -> None:
        catalog = SqliteCatalog(path)
        await catalog.add_tenant("one")
        await catalog.add(1, others)
        await catalog.close()

    asyncio.run(prepare())
    read: list[apsw.SQLiteValues] = []

    def note(_cursor: apsw.Cursor, row: apsw.SQLiteValues) -> apsw.SQLiteValues:
        read.append(row)
        return row

    with closing(apsw.Connection(str(path))) as connection:
        connection.row_trace = note
        assert sqlite_write.add(connection, 1, [first], deleted_too=False) == [Outcome.ADDED]
    assert 0 < len(read) < 30
