"""What others write while a question is being answered."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import apsw
import pytest

from callreel.catalog import sqlite_db, sqlite_write
from callreel.catalog.sqlite import SqliteCatalog
from callreel.cli.eager import begun
from callreel.errors import Unavailable
from callreel.model import CallFilter, Facts, ListRequest, Reach, SortField, SortKey, Span, State
from callreel.row import ROW
from contracts.catalog_case import ids_of
from contracts.catalog_reference import NOON, OPENING, Known, entry_of, facts_in

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
EVERY = 40_000  # seconds between two calls, so that they lie on three days
KNOWN = [
    Known(
        1, f"call-{index}", Facts(NOON + EVERY * index, NOON + EVERY * index, index, 1, index % 2)
    )
    for index in range(6)
]
IN_PROJECT = CallFilter(projects=frozenset([1]))
PAGES = {
    "filtered": ListRequest(IN_PROJECT),
    "filtered twice": ListRequest(CallFilter(projects=frozenset([1]), users=frozenset([0, 1]))),
    "sorted": ListRequest(sort=(SortKey(SortField.TALKING),)),
    "from an offset": ListRequest(offset=3),
    "by its end": ListRequest(CallFilter(hung_up=Span(NOON, NOON + 6 * EVERY))),
}
COUNTS = {
    "filtered": IN_PROJECT,
    "of some days": CallFilter(started=Span(NOON, NOON + 6 * EVERY)),
    "by its end": CallFilter(hung_up=Span(NOON, NOON + 6 * EVERY)),
}


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[SqliteCatalog]:
    opened = SqliteCatalog(tmp_path / "callreel.db")
    asyncio.run(opened.add_tenant("one"))
    asyncio.run(opened.add(1, [entry_of(each) for each in KNOWN]))
    yield opened
    asyncio.run(opened.close())


class Emptied:
    """Withdraws every call over another connection before a question's statement number so many."""

    def __init__(self, catalog: SqliteCatalog, path: Path, number: int) -> None:
        self._other = apsw.Connection(str(path))
        self._number = number
        self._seen = 0
        catalog._db._fast.exec_trace = self._before

    def _before(self, _cursor: object, sql: str, _bindings: object) -> bool:
        self._seen += sql.startswith("SELECT")
        if self._seen == self._number:
            self._number = -1
            empty(self._other)
        return True


def empty(other: apsw.Connection) -> None:
    """Withdraw every call over a connection of its own, as another process would."""
    with other:
        for each in KNOWN:
            how = sqlite_write.Withdrawal(State.DELETING, facts_in)
            sqlite_write.withdraw(other, Reach(1), each.id, how)


@pytest.mark.parametrize("number", range(2, 7))
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_of_one_moment(
    catalog: SqliteCatalog, tmp_path: Path, name: str, number: int
) -> None:
    request = PAGES[name]
    Emptied(catalog, tmp_path / "callreel.db", number)
    page = asyncio.run(catalog.page(Reach(1), request, OPENING))
    assert ids_of(page) == [each.id for each in KNOWN][request.offset :]


@pytest.mark.parametrize("number", [2, 3])
@pytest.mark.parametrize("name", COUNTS)
def test_a_count_is_of_one_moment(
    catalog: SqliteCatalog, tmp_path: Path, name: str, number: int
) -> None:
    Emptied(catalog, tmp_path / "callreel.db", number)
    assert asyncio.run(catalog.count(Reach(1), COUNTS[name])) == len(KNOWN)


def test_what_was_written_is_seen_by_the_next_question(
    catalog: SqliteCatalog, tmp_path: Path
) -> None:
    for number, left in ((2, 6), (-1, 0)):
        Emptied(catalog, tmp_path / "callreel.db", number)
        page = asyncio.run(catalog.page(Reach(1), PAGES["sorted"], OPENING))
        assert page.count == left


def test_a_question_that_was_given_up_does_not_keep_the_others_at_its_moment(
    catalog: SqliteCatalog,
) -> None:
    is_over = threading.Event()

    def ask(connection: apsw.Connection) -> int:
        rows = connection.execute("SELECT k FROM recording")
        next(rows)
        if connection is catalog._db._fast:
            raise apsw.InterruptError("late")
        assert is_over.wait(10)
        return len(rows.fetchall())

    async def play() -> None:
        slow = asyncio.create_task(catalog._db.read(ask))
        await asyncio.sleep(0)
        try:
            await catalog.add_tenant("two")
            assert [each.name for each in await catalog.tenants()] == ["one", "two"]
        finally:
            is_over.set()
        assert await slow == len(KNOWN) - 1

    asyncio.run(play())


class Asked:
    """Counts the calls, and keeps what was found, in its order."""

    def __init__(self, catalog: SqliteCatalog) -> None:
        self._catalog = catalog
        self.found: list[int] = []

    async def ask(self) -> None:
        self.found.append(await self._catalog.count(Reach(1), IN_PROJECT))

    def ask_at_once(self) -> None:
        assert begun(self.ask(), asyncio.get_running_loop()) is None


def test_what_is_asked_in_a_row_is_of_one_moment(catalog: SqliteCatalog, tmp_path: Path) -> None:
    other = apsw.Connection(str(tmp_path / "callreel.db"))
    asked = Asked(catalog)

    async def play() -> None:
        with ROW.running():
            asked.ask_at_once()
            empty(other)
            asked.ask_at_once()
        # Nothing holds on to the log any more, so all of it can be moved and cut off.
        assert other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone() == (0, 0, 0)
        with ROW.running():
            asked.ask_at_once()

    asyncio.run(play())
    assert asked.found == [len(KNOWN), len(KNOWN), 0]


def test_what_is_asked_in_no_row_sees_the_newest(catalog: SqliteCatalog, tmp_path: Path) -> None:
    other = apsw.Connection(str(tmp_path / "callreel.db"))
    asked = Asked(catalog)

    async def play() -> None:
        await asked.ask()
        empty(other)
        await asked.ask()

    asyncio.run(play())
    assert asked.found == [len(KNOWN), 0]


def test_a_moment_that_an_error_ended_is_followed_by_another(catalog: SqliteCatalog) -> None:
    asked = Asked(catalog)

    async def play() -> None:
        with ROW.running():
            await catalog._db.read(lambda db: db.execute("ROLLBACK").fetchall())
            assert await catalog._db.read(lambda db: db.in_transaction)
            asked.ask_at_once()
        assert not catalog._db._fast.in_transaction

    asyncio.run(play())
    assert asked.found == [len(KNOWN)]


@pytest.mark.parametrize("in_row", [True, False])
def test_a_moment_ends_however_late_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_row: bool
) -> None:
    """Where the clock is looked at, as at each 5,000th step of SQLite's, may be anywhere."""
    monkeypatch.setattr(sqlite_db, "CHECK_EVERY", 1)
    monkeypatch.setattr(sqlite_db, "FAST_SECONDS", 60)
    monkeypatch.setattr(sqlite_db, "FAST_WAIT_SECONDS", 0.2)
    catalog = SqliteCatalog(tmp_path / "callreel.db")
    asked = Asked(catalog)

    async def play() -> None:
        for _ in range(2):
            with ROW.running() if in_row else nullcontext():
                asked.ask_at_once()
                time.sleep(0.3)  # noqa: ASYNC251 - as a busy event loop does
            assert not catalog._db._fast.in_transaction

    asyncio.run(play())
    asyncio.run(catalog.close())
    assert asked.found == [0, 0]


@pytest.mark.parametrize("in_row", [True, False])
def test_a_moment_ends_though_a_question_in_it_was_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_row: bool
) -> None:
    monkeypatch.setattr(sqlite_db, "CHECK_EVERY", 1)
    catalog = SqliteCatalog(tmp_path / "callreel.db")

    def ask(connection: apsw.Connection) -> int:
        if connection is catalog._db._fast:
            connection.execute(ENDLESS).fetchall()
        return 7

    async def answer() -> None:
        assert await catalog._db.read(ask) == 7

    async def play() -> None:
        with ROW.running() if in_row else nullcontext():
            rest = begun(answer(), asyncio.get_running_loop())
        assert not catalog._db._fast.in_transaction
        assert rest is not None, "it went to the slow lane"
        await rest

    asyncio.run(play())
    asyncio.run(catalog.close())


def test_all_of_a_slow_question_is_of_one_moment(catalog: SqliteCatalog, tmp_path: Path) -> None:
    other = apsw.Connection(str(tmp_path / "callreel.db"), flags=apsw.SQLITE_OPEN_READWRITE)
    count = "SELECT count(*) FROM recording"

    def ask(connection: apsw.Connection) -> tuple[int, int]:
        before = connection.execute(count).get
        empty(other)
        return before, connection.execute(count).get

    assert asyncio.run(catalog._db.read_slowly(ask)) == (len(KNOWN), len(KNOWN))
    assert asyncio.run(catalog._db.read_slowly(lambda db: db.execute(count).get)) == 0


def test_a_slow_lane_lets_go_of_the_moment_of_what_was_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_db, "CHECK_EVERY", 1)
    catalog = SqliteCatalog(tmp_path / "callreel.db")

    def ask(connection: apsw.Connection) -> int:
        return int(connection.execute("SELECT count(*) FROM tenant").get)

    def ask_for_ever(connection: apsw.Connection) -> None:
        while True:
            ask(connection)

    async def play() -> list[int]:
        for _ in range(sqlite_db.SLOW_LANES):
            with pytest.raises(Unavailable):
                await catalog._db.read_slowly(ask_for_ever, seconds=1)
        await catalog.add_tenant("one")
        return [await catalog._db.read_slowly(ask) for _ in range(sqlite_db.SLOW_LANES)]

    assert asyncio.run(play()) == [1] * sqlite_db.SLOW_LANES
    asyncio.run(catalog.close())
