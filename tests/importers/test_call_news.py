"""However rows come, a watch tells of the calls that an import of the whole table tells of."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callreel.importers.call_news import LONGEST, SETTLED, CallNews
from callreel.importers.formats import importer_for
from callreel.importers.items import Item, Row, RowUse
from callreel.model import Call, DialogType, Direction
from importers.pbx_table import LONG_OVER, Cells, PbxTable, leg

CALLS = st.lists(st.integers(0, 3), max_size=6)  # the legs of each but the first


def dialogs(items: Iterable[Item]) -> Counter[tuple[str, int]]:
    calls = [each.call for each in items if each.call is not None]
    return Counter((call.dialog_id, call.started_at) for call in calls)


def ends_of(legs: list[int]) -> list[Cells]:
    """Return the rows of calls in the order that legs end in: the first of a call ends last."""
    return [
        leg(call, part, billsec=15 * (part == count))
        for call, count in enumerate(legs)
        for part in (*range(1, count + 1), 0)
    ]


@pytest.mark.parametrize("format_name", ["freepbx", "asterisk"])
@settings(max_examples=40, deadline=None)
@given(calls=CALLS, cuts=st.sets(st.integers(0, 24)), lost=st.sets(st.integers(0, 24)))
def test_wherever_passes_fall_every_call_is_told_of_once_as_an_import_tells_of_it(
    format_name: str, calls: list[int], cuts: set[int], lost: set[int]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        table = PbxTable(Path(folder), is_database=False)
        news = CallNews(every=0)
        given_source = replace(table.source(news), is_news=lambda _: False)
        told: Counter[tuple[str, int]] = Counter()
        rows = ends_of(calls)
        for place, row in enumerate(rows):
            table.write(row)
            if place in cuts or place == len(rows) - 1:
                items = list(importer_for(format_name, given_source).items())
                if place in lost and place < len(rows) - 1:
                    continue  # the pass was cut short: nothing of it is in the archive
                told += dialogs(items)
                news.settle()
        assert told == dialogs(importer_for(format_name, table.source()).items())


def told(*, ago: float, has_first: bool = True) -> Row:
    call = Call(
        dialog_id="d",
        dialog_type=DialogType.CONSULTANT,
        direction=Direction.INBOUND,
        started_at=int(time.time() - ago) - 20,
        hung_up_at=int(time.time() - ago),
        talking_ms=0,
    )
    return Row("cdr:1", RowUse.UNRECORDED, call, has_first=has_first)


@pytest.mark.parametrize(
    ("ago", "has_first", "is_news"),
    [
        (SETTLED - 100, True, False),
        (SETTLED + 1, True, True),
        (LONG_OVER, False, False),
        (LONGEST - 100, False, False),
        (LONGEST + 1, False, True),
        (400 * LONGEST, True, True),
    ],
)
def test_a_call_is_told_of_when_it_is_over_as_far_as_its_rows_tell(
    ago: float, has_first: bool, is_news: bool
) -> None:
    news = CallNews()
    assert news.begin()
    assert news.is_news("1", told(ago=ago, has_first=has_first)) is is_news


def test_what_is_known_of_calls_is_bounded_by_the_rows_of_the_last_days() -> None:
    news = CallNews(every=0)
    for _ in range(3):
        assert news.begin()
        for number in range(50):
            news.is_news(str(number), told(ago=400 * LONGEST))
        news.is_news("new", told(ago=LONG_OVER))
        news.settle()
    assert len(news._known) == 1


def test_a_call_that_has_a_recording_is_no_news() -> None:
    news = CallNews(every=0)
    assert news.begin()
    news.note_recorded("1")
    news.settle()
    assert news.begin()
    assert not news.is_news("1", told(ago=LONG_OVER))
