"""What others write while a question is being answered."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from callreel.catalog import sqlite_write
from callreel.catalog.sqlite import SqliteCatalog
from callreel.model import CallFilter, Facts, ListRequest, Reach, SortField, SortKey, Span, State
from contracts.catalog_case import ids_of
from contracts.catalog_reference import NOON, OPENING, Known, entry_of, facts_in

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
            with self._other:
                for each in KNOWN:
                    how = sqlite_write.Withdrawal(State.DELETING, facts_in)
                    sqlite_write.withdraw(self._other, Reach(1), each.id, how)
        return True


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
