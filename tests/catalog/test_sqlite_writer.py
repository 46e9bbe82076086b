from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import pytest

from callreel.catalog.sqlite_db import open_writer
from callreel.catalog.sqlite_writer import MOST_TOGETHER, Writer
from callreel.errors import NotFound

Change = Callable[[apsw.Connection], Any]


class TranslatedError(Exception):
    """In place of an error of SQLite's."""


class Commits:
    """Counts the transactions that were committed; a hook of SQLite's may refuse one."""

    def __init__(self, connection: apsw.Connection) -> None:
        self.count = 0
        self.are_refused = False
        connection.set_commit_hook(self)

    def __call__(self) -> bool:
        self.count += not self.are_refused
        return self.are_refused


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with closing(open_writer(tmp_path / "some.db")) as connection:
        connection.execute("CREATE TABLE thing (name TEXT PRIMARY KEY)")
    return tmp_path / "some.db"


@pytest.fixture
def writer(path: Path) -> Iterator[Writer]:
    opened = Writer(open_writer(path), lambda error: TranslatedError(type(error).__name__))
    yield opened
    opened.close()


def put(name: str) -> Change:
    return lambda db: db.execute("INSERT INTO thing VALUES (?) RETURNING name", (name,)).get


def names(path: Path) -> list[str]:
    with closing(apsw.Connection(str(path))) as connection:
        return [name for (name,) in connection.execute("SELECT name FROM thing ORDER BY name")]


def made(writer: Writer, *changes: Change) -> list[Any]:
    """Make changes that all wait while another one is made, and return what became of each."""

    async def make() -> list[Any]:
        entered, go_on = threading.Event(), threading.Event()

        def hold(_: apsw.Connection) -> None:
            entered.set()
            assert go_on.wait(20)

        first = asyncio.create_task(writer.write(hold))
        await asyncio.to_thread(entered.wait, 20)
        waiting = [asyncio.create_task(writer.write(change)) for change in changes]
        await asyncio.sleep(0)
        go_on.set()
        await first
        return await asyncio.gather(*waiting, return_exceptions=True)

    return asyncio.run(make())


def test_changes_that_wait_are_brought_to_the_disk_together(writer: Writer, path: Path) -> None:
    commits = Commits(writer.connection)
    wanted = [f"{number:03}" for number in range(MOST_TOGETHER)]
    assert made(writer, *map(put, wanted)) == wanted
    assert commits.count == 2, "that which held the others up, and theirs"
    assert names(path) == wanted


def test_so_many_together_and_no_more(writer: Writer, path: Path) -> None:
    commits = Commits(writer.connection)
    wanted = [f"{number:03}" for number in range(2 * MOST_TOGETHER + 1)]
    assert made(writer, *map(put, wanted)) == wanted
    assert commits.count == 4
    assert names(path) == wanted


def test_one_that_fails_fails_alone(writer: Writer, path: Path) -> None:
    def fail(db: apsw.Connection) -> None:
        db.execute("INSERT INTO thing VALUES ('half')")
        raise NotFound("There is none.")

    found = made(writer, put("a"), fail, put("b"), put("a"))
    assert found[0] == "a"
    assert isinstance(found[1], NotFound)
    assert found[2] == "b"
    assert isinstance(found[3], TranslatedError)
    assert str(found[3]) == "ConstraintError"
    assert names(path) == ["a", "b"]


def test_each_sees_what_those_before_it_did(writer: Writer) -> None:
    def count(db: apsw.Connection) -> int:
        return int(db.execute("SELECT count(*) FROM thing").get)

    assert made(writer, count, put("a"), count, put("b"), count) == [0, "a", 1, "b", 2]


def test_a_commit_that_fails_fails_for_all_and_is_not_tried_again(
    writer: Writer, path: Path
) -> None:
    commits = Commits(writer.connection)
    asked = 0

    def refuse(db: apsw.Connection) -> None:
        nonlocal asked
        asked += 1
        commits.are_refused = True

    found = made(writer, put("a"), refuse, put("b"))
    assert [type(each) for each in found] == [TranslatedError] * 3
    assert asked == 1
    assert names(path) == []
    commits.are_refused = False
    assert made(writer, put("a")) == ["a"]


def test_who_gives_up_waiting_does_not_undo_what_is_being_done(writer: Writer, path: Path) -> None:
    async def give_up() -> None:
        entered, go_on = threading.Event(), threading.Event()

        def slow(db: apsw.Connection) -> None:
            put("kept")(db)
            entered.set()
            assert go_on.wait(20)

        asked = asyncio.create_task(writer.write(slow))
        await asyncio.to_thread(entered.wait, 20)
        asked.cancel()
        await asyncio.wait([asked])
        assert asked.cancelled()
        go_on.set()
        assert await writer.write(put("next")) == "next"

    asyncio.run(give_up())
    assert names(path) == ["kept", "next"]


def test_closing_finishes_what_was_asked(path: Path) -> None:
    writer = Writer(open_writer(path), lambda error: error)

    async def ask_and_leave() -> None:
        asked = [asyncio.create_task(writer.write(put(str(number)))) for number in range(5)]
        await asyncio.sleep(0)
        writer.close()
        assert await asyncio.gather(*asked) == ["0", "1", "2", "3", "4"]

    asyncio.run(ask_and_leave())
    assert names(path) == ["0", "1", "2", "3", "4"]
