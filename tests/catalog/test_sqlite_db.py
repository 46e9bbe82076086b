from __future__ import annotations

import asyncio
import itertools
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from callreel.catalog import Outcome, sqlite_db, sqlite_writer
from callreel.catalog.migrate import Migration, migrate
from callreel.catalog.sqlite import SqliteCatalog
from callreel.errors import BadParameter, Misconfigured, StorageFull, Unavailable
from callreel.model import CallFilter, ListRequest, Reach
from contracts.catalog_case import ids_of, known_of
from contracts.catalog_reference import OPENING, entry_of

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[SqliteCatalog]:
    opened = SqliteCatalog(tmp_path / "callreel.db", query_seconds=1)
    asyncio.run(opened.add_tenant("one"))
    yield opened
    asyncio.run(opened.close())


def test_commits_are_synced(catalog: SqliteCatalog) -> None:
    writer = catalog._db._writer.connection
    assert writer.execute("PRAGMA synchronous").get == 2  # FULL
    assert writer.execute("PRAGMA journal_mode").get == "wal"


def test_the_sqlite_in_use_is_free_of_the_wal_reset_bug() -> None:
    assert tuple(map(int, apsw.sqlite_lib_version().split("."))) >= (3, 51, 3)


def test_a_reader_cannot_write(catalog: SqliteCatalog) -> None:
    with pytest.raises(Unavailable):
        asyncio.run(catalog._db.read(lambda db: db.execute("DELETE FROM tenant")))


def test_more_values_than_sqlite_binds_are_refused_as_the_filters_fault(
    catalog: SqliteCatalog,
) -> None:
    wanted = CallFilter(projects=frozenset(range(40_000)))
    with pytest.raises(BadParameter, match="more values"):
        asyncio.run(catalog.page(Reach(1), ListRequest(wanted), OPENING))


def test_a_question_that_takes_too_long_is_given_up(catalog: SqliteCatalog) -> None:
    with pytest.raises(Unavailable, match="took longer than 1 s"):
        asyncio.run(catalog._db.read(lambda db: db.execute(ENDLESS).get))
    asyncio.run(catalog.check())


def test_a_long_question_too_many_is_turned_away_while_others_wait(catalog: SqliteCatalog) -> None:
    async def play() -> None:
        asked = [
            asyncio.create_task(catalog._db.read_slowly(lambda db: db.execute("SELECT 1").get))
            for _ in range(sqlite_db.SLOW_MOST // 2 + 1)
        ]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        assert answers[:-1] == [1] * (sqlite_db.SLOW_MOST // 2)
        assert isinstance(answers[-1], Unavailable)
        assert await catalog._db.read_slowly(lambda db: db.execute("SELECT 2").get) == 2

    asyncio.run(play())


NAP = "SELECT nap(), (SELECT count(*) FROM (WITH RECURSIVE n(i) AS "
NAP += "(SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 5000) SELECT i FROM n))"


def _nap(*_: object) -> None:
    time.sleep(0.05)


@pytest.mark.parametrize(("work", "wait", "is_late"), [(10.0, 0.01, True), (0.03, 10.0, False)])
def test_waiting_and_working_have_a_time_limit_each_in_the_fast_lane(
    catalog: SqliteCatalog,
    monkeypatch: pytest.MonkeyPatch,
    work: float,
    wait: float,
    is_late: bool,
) -> None:
    monkeypatch.setattr(sqlite_db, "FAST_SECONDS", work)
    monkeypatch.setattr(sqlite_db, "FAST_WAIT_SECONDS", wait)
    catalog._db._fast.create_scalar_function("nap", _nap)
    if is_late:
        with pytest.raises(apsw.InterruptError):
            catalog._db.read_now(lambda db: db.execute(NAP).get)
    else:
        assert catalog._db.read_now(lambda db: db.execute(NAP).get) == (None, 5000)


def test_a_long_question_does_not_hold_up_the_short_ones(catalog: SqliteCatalog) -> None:
    async def play() -> int:
        long = asyncio.create_task(catalog._db.read(lambda db: db.execute(ENDLESS).get))
        answered = 0
        while not long.done():
            await catalog.check()
            answered += 1
            await asyncio.sleep(0)
        assert isinstance(long.exception(), Unavailable)
        return answered

    assert asyncio.run(play()) > 20


def test_a_write_waits_for_another_process_and_is_then_done(
    catalog: SqliteCatalog, tmp_path: Path
) -> None:
    other = apsw.Connection(str(tmp_path / "callreel.db"))
    other.execute("BEGIN IMMEDIATE")
    threading.Timer(0.2, lambda: other.execute("COMMIT")).start()
    assert asyncio.run(catalog.add_tenant("two")).number == 2


def test_a_write_that_waits_too_long_is_refused(catalog: SqliteCatalog, tmp_path: Path) -> None:
    catalog._db._writer.connection.set_busy_timeout(50)
    other = apsw.Connection(str(tmp_path / "callreel.db"))
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable, match="busy"):
        asyncio.run(catalog.add_tenant("two"))
    other.execute("ROLLBACK")
    assert asyncio.run(catalog.add_tenant("two")).number == 2


def test_a_full_disk_refuses_writes_keeps_nothing_of_them_and_reading_goes_on(
    catalog: SqliteCatalog,
) -> None:
    known = known_of(2_000, seed=2, tenants=1)
    writer = catalog._db._writer.connection
    pages = writer.execute("PRAGMA page_count").get
    writer.execute(f"PRAGMA max_page_count={pages + 4}")
    with pytest.raises(StorageFull):
        asyncio.run(catalog.add(1, [entry_of(each) for each in known]))
    assert asyncio.run(catalog.count(Reach(1), CallFilter())) == 0
    writer.execute("PRAGMA max_page_count=1000000")
    assert set(asyncio.run(catalog.add(1, [entry_of(k) for k in known]))) == {Outcome.ADDED}


@pytest.mark.parametrize("name", ["callreel.db", "callreel.db-wal"])
def test_nothing_is_written_to_a_file_that_is_no_longer_in_its_place(
    catalog: SqliteCatalog, tmp_path: Path, name: str
) -> None:
    there, away = tmp_path / name, tmp_path / "away"
    there.rename(away)
    for is_replaced in (False, True):
        if is_replaced:
            there.touch()
        with pytest.raises(Unavailable, match="no longer in its place"):
            asyncio.run(catalog.add_tenant("two"))
        with pytest.raises(Unavailable, match="no longer in its place"):
            asyncio.run(catalog.check())
    away.rename(there)
    asyncio.run(catalog.check())
    assert asyncio.run(catalog.add_tenant("two")).number == 2


def test_a_database_that_goes_away_while_it_is_opened_is_told_without_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(connection: apsw.Connection, steps: list[Migration]) -> None:
        migrate(connection, steps)
        (tmp_path / "some.db").unlink()

    monkeypatch.setattr(sqlite_db, "_open_reader", lambda *_, **__: apsw.Connection(":memory:"))
    monkeypatch.setattr(sqlite_db, "migrate", gone)
    with pytest.raises(Misconfigured) as refused:
        SqliteCatalog(tmp_path / "some.db")
    assert refused.value.message == "The database cannot be opened: no such file or directory."


def test_text_that_is_none_is_damage_to_who_writes_too(
    catalog: SqliteCatalog, tmp_path: Path
) -> None:
    asyncio.run(catalog.add_tag(1, "sold", 7))
    with closing(apsw.Connection(str(tmp_path / "callreel.db"))) as connection:
        connection.execute("UPDATE named SET name = CAST(x'ff' AS TEXT)")
    with pytest.raises(Unavailable, match="cannot be reached"):
        asyncio.run(catalog.add_tag(1, "lost", 7))
    assert asyncio.run(catalog.add_tag(1, "lost", 8))[1]


def test_a_page_that_is_longer_than_sqlite_can_make_is_refused(catalog: SqliteCatalog) -> None:
    known = known_of(200, seed=2, tenants=1)
    asyncio.run(catalog.add(1, [entry_of(each) for each in known]))
    catalog._db._fast.limit(apsw.SQLITE_LIMIT_LENGTH, 10_000)
    with pytest.raises(BadParameter, match="fewer"):
        asyncio.run(catalog.page(Reach(1), ListRequest(), OPENING))
    page = asyncio.run(catalog.page(Reach(1), ListRequest(limit=10), OPENING))
    assert page.count == 10


def test_the_log_is_carried_over_and_stays_short(
    catalog: SqliteCatalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_writer, "CHECKPOINT_PAGES", 20)

    async def play() -> None:
        for seed in range(30):
            batch = [entry_of(known) for known in known_of(20, seed=seed, tenants=1)]
            await catalog.add(1, batch)

    asyncio.run(play())
    assert (tmp_path / "callreel.db-wal").stat().st_size < 200 * sqlite_db.PAGE_BYTES
    assert asyncio.run(catalog.count(Reach(1), CallFilter())) == 600


def test_a_log_that_a_reader_keeps_long_is_told_of_once_and_is_short_again_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sqlite_writer, "CHECKPOINT_PAGES", 20)
    monkeypatch.setattr(sqlite_db, "CHECKPOINT_PAGES", 20)
    log = tmp_path / "callreel.db-wal"
    seeds = itertools.count()

    async def write(catalog: SqliteCatalog, batches: int) -> None:
        for _ in range(batches):
            known = known_of(20, seed=next(seeds), tenants=1)
            await catalog.add(1, [entry_of(each) for each in known])

    async def play() -> None:
        catalog = SqliteCatalog(tmp_path / "callreel.db")
        await catalog.add_tenant("one")
        await write(catalog, 5)
        reader = apsw.Connection(str(tmp_path / "callreel.db"))
        for times in (1, 2):
            assert reader.execute("BEGIN; SELECT count(*) FROM recording").get
            await write(catalog, 20)
            assert log.stat().st_size > sqlite_writer.LONG_LOG * 20 * sqlite_db.PAGE_BYTES
            assert [each.levelname for each in caplog.records] == ["WARNING"] * times
            reader.execute("COMMIT")
            await write(catalog, 3)
            assert log.stat().st_size < 80 * sqlite_db.PAGE_BYTES
        assert await catalog.count(Reach(1), CallFilter()) == 51 * 20
        reader.close()
        await catalog.close()

    asyncio.run(play())


ADDING = """
import asyncio, pathlib, sys
sys.path[:0] = [{tests!r}]
from callreel.catalog.migrate import Migration, migrate
from callreel.catalog.sqlite import SqliteCatalog
from callreel.model import Facts
from contracts.catalog_reference import NOON, Known, entry_of

async def play():
    catalog = SqliteCatalog(pathlib.Path({path!r}))
    for index in range({first}, {last}):
        await catalog.add(1, [entry_of(Known(1, str(index), Facts(NOON + index, NOON + index, 0)))])
        print(index, flush=True)

asyncio.run(play())
"""


def adding(folder: Path, first: int, last: int) -> subprocess.Popen[bytes]:
    """Start a process that adds calls one by one, and prints each that was acknowledged."""
    tests, path = str(Path(__file__).parents[1]), str(folder / "callreel.db")
    script = ADDING.format(tests=tests, path=path, first=first, last=last)
    return subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)


def all_in(catalog: SqliteCatalog) -> list[int]:
    page = asyncio.run(catalog.page(Reach(1), ListRequest(limit=10_000), OPENING))
    return list(map(int, ids_of(page)))


def test_two_processes_write_at_once_and_nothing_is_lost(
    catalog: SqliteCatalog, tmp_path: Path
) -> None:
    with adding(tmp_path, 0, 40) as one, adding(tmp_path, 40, 80) as other:
        assert (one.wait(), other.wait()) == (0, 0)
    assert all_in(catalog) == list(range(80))


def test_what_was_acknowledged_survives_kill_9(catalog: SqliteCatalog, tmp_path: Path) -> None:
    acknowledged: list[int] = []
    for _ in range(3):
        with adding(tmp_path, len(acknowledged), 100_000) as child:
            assert child.stdout is not None
            acknowledged += [int(child.stdout.readline()) for _ in range(40)]
            child.kill()
            acknowledged += map(int, child.stdout.read().split())
        found = all_in(catalog)
        assert set(acknowledged) <= set(found)
        assert len(found) <= len(acknowledged) + 1
        assert catalog._db._fast.execute("PRAGMA integrity_check").get == "ok"
