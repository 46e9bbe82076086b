"""A watch over a table keeps the calls without recording that come to be in it, each once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path

import pytest

from archive.watching import aged, counts, looked, watch_of
from callreel.archive.verdict import Became
from callreel.archive.watch import ITEMS_AT_ONCE, Watch
from callreel.importers.call_news import CallNews
from callreel.importers.items import Item
from house import House
from importers.monitor import put
from importers.pbx_table import LONG_OVER, PbxTable, leg, recording_of

DAY = 86_400

Begin = Callable[..., Watch]


@pytest.fixture(params=["file", "database"])
def table(tmp_path: Path, request: pytest.FixtureRequest) -> PbxTable:
    return PbxTable(tmp_path, is_database=request.param == "database")


@pytest.fixture(params=["freepbx", "asterisk"])
def begin(house: House, table: PbxTable, request: pytest.FixtureRequest) -> Begin:
    """Begin to watch the table, as a process that has just started."""

    def watch(move_to: Path | None = None, since: int | None = None) -> Watch:
        return watch_of(house, request.param, table.source(CallNews(0, since)), move_to)

    return watch


def became(house: House, watch: Watch) -> list[Became]:
    return [each for _, each in looked(house, watch)]


def test_calls_are_kept_when_they_come_each_once_over_restarts_too(
    house: House, table: PbxTable, begin: Begin
) -> None:
    table.write(leg(1, age=400 * DAY), leg(2))
    watch = begin()
    assert became(house, watch) == [Became.CALL_ADDED] * 2
    assert became(house, watch) == []
    table.write(leg(3), leg(4))
    assert became(house, watch) == [Became.CALL_ADDED] * 2
    assert became(house, watch) == []
    table.write(leg(5))
    again = begin()
    assert became(house, again) == [Became.CALL_SAME] * 4 + [Became.CALL_ADDED]
    assert became(house, again) == []
    assert counts(house) == (5, 0)
    kept = [run.rows for run in house.run(house.archive.catalog.imports())]
    assert sorted(kept, key=str) == [{"call_added": 1}, {"call_added": 4}]


def test_a_restart_that_finds_nothing_new_begins_no_import(
    house: House, table: PbxTable, begin: Begin
) -> None:
    table.write(leg(1), leg(2))
    assert became(house, begin()) == [Became.CALL_ADDED] * 2
    again = begin()
    aged(put(table.root, recording_of(9), day=""), 0)
    assert sorted(became(house, again)) == [Became.CALL_SAME] * 2 + [Became.LATER]
    house.run(again.end())
    assert len(house.run(house.archive.catalog.imports())) == 1
    assert again.is_waiting
    table.write(leg(3))
    assert Became.CALL_ADDED in became(house, again)
    assert len(house.run(house.archive.catalog.imports())) == 2


def test_a_watch_can_be_ended_while_it_meets_calls_again(house: House, table: PbxTable) -> None:
    table.write(*(leg(number) for number in range(1, 2 * ITEMS_AT_ONCE + 2)))
    met = looked(house, watch_of(house, "freepbx", table.source(CallNews(0))))
    again = watch_of(house, "freepbx", table.source(CallNews(0)))
    seen: list[Became] = []

    async def look() -> None:
        looking = asyncio.current_task()
        assert looking is not None
        async with aclosing(again.look()) as verdicts:
            async for verdict in verdicts:
                if not seen:
                    asyncio.get_running_loop().call_soon(looking.cancel)
                seen.append(verdict.became)

    with pytest.raises(asyncio.CancelledError):
        house.run(look())
    assert seen == [Became.CALL_SAME] * ITEMS_AT_ONCE
    assert len(met) > 2 * ITEMS_AT_ONCE


def test_a_call_of_a_moment_ago_is_waited_for(house: House, table: PbxTable, begin: Begin) -> None:
    table.write(leg(1, age=30), leg(2))
    watch = begin()
    assert became(house, watch) == [Became.CALL_ADDED]
    assert became(house, watch) == []


def test_a_call_whose_first_leg_has_not_ended_is_waited_for(
    house: House, table: PbxTable, begin: Begin
) -> None:
    table.write(leg(1, 1), leg(1, 2, billsec=15))
    watch = begin()
    assert became(house, watch) == []
    table.write(leg(1))
    assert became(house, watch) == [Became.CALL_ADDED]
    assert became(house, watch) == []


def test_a_call_whose_first_leg_never_comes_is_kept_after_a_day(
    house: House, table: PbxTable, begin: Begin
) -> None:
    watch = begin()
    assert became(house, watch) == []
    table.write(leg(1, 1, age=DAY + 60), leg(2, 1, age=DAY - 60))
    assert became(house, watch) == [Became.CALL_ADDED]
    assert became(house, watch) == []


def test_a_recording_takes_the_place_of_its_call_that_was_kept_before(
    house: House, table: PbxTable, begin: Begin
) -> None:
    name = recording_of(1)
    table.write(leg(1, 1), leg(1, billsec=15, file=name))
    watch = begin()
    assert became(house, watch) == [Became.CALL_ADDED]
    put(table.root, name)
    assert became(house, watch) == [Became.JOINED, Became.JOINED, Became.ADDED]
    assert counts(house) == (1, 1)
    assert became(house, watch) == []


def test_the_call_of_a_recording_is_not_told_of_though_the_file_was_moved_away(
    house: House, table: PbxTable, begin: Begin, tmp_path: Path
) -> None:
    name = recording_of(1)
    put(table.root, name)
    table.write(leg(1, 1), leg(1, billsec=15, file=name))
    watch = begin(tmp_path / "done")
    assert became(house, watch) == [Became.JOINED, Became.JOINED, Became.ADDED]
    assert list(table.root.rglob("*.wav")) == []
    assert became(house, watch) == []
    assert became(house, begin(tmp_path / "done")) == [Became.CALL_SAME]
    assert counts(house) == (1, 1)


def test_a_call_of_which_a_shorter_leg_is_recorded_is_no_other_call_after_a_restart(
    house: House, table: PbxTable, begin: Begin
) -> None:
    name = recording_of(1)
    put(table.root, name)
    table.write(leg(1, billsec=5), leg(1, 1, billsec=15), leg(2))
    assert Became.ADDED in became(house, begin())
    assert counts(house) == (2, 1)
    assert became(house, begin()) == [Became.CALL_SAME] * 2
    assert counts(house) == (2, 1)


def test_calls_before_the_time_that_was_given_are_left_out(
    house: House, table: PbxTable, begin: Begin
) -> None:
    table.write(leg(1, age=400 * DAY), leg(2))
    (table_epoch,) = {each.split(".")[0] for each in (leg(2)["uniqueid"],)}
    assert became(house, begin(since=int(table_epoch) - LONG_OVER)) == [Became.CALL_ADDED]
    assert counts(house) == (1, 0)


def test_a_table_is_read_for_calls_no_more_often_than_told(house: House, table: PbxTable) -> None:
    watch = watch_of(house, "freepbx", table.source(CallNews(3600)))
    table.write(leg(1))
    assert became(house, watch) == [Became.CALL_ADDED]
    table.write(leg(2), leg(3, billsec=15, file=recording_of(3)))
    assert became(house, watch) == []
    put(table.root, recording_of(3))
    assert became(house, watch) == [Became.JOINED, Became.ADDED]


def test_what_a_pass_that_was_cut_short_told_is_told_again(table: PbxTable, house: House) -> None:
    table.write(leg(1), leg(2))
    news = CallNews(3600)
    given = table.source(news)

    def told() -> list[Item]:
        importer = watch_of(house, "freepbx", given)._folder.importer(lambda _: False)
        return list(importer.items())

    assert len(told()) == 2
    assert len(told()) == 2
    news.settle()
    assert told() == []
