"""Which calls without recording a watch has yet to tell of, where its call records are a table.

Nothing tells that a database got new rows, so it is read again and again: first all of it, then the
rows of the last days. A file is read again once it has changed, or a call in it has to wait. A call
is told of once it is over, as far as its rows tell.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from callreel.importers.items import Item, Row, RowUse
from callreel.importers.local_time import clock_of
from callreel.importers.records import state_of

SETTLED: Final = 300
"""Seconds from the end of a call for which its rows may still be written, all at once."""
LONGEST: Final = 86_400
"""Seconds for which a call waits for the row of its first leg, which is written when that ends."""
LONGEST_BEFORE: Final = timedelta(days=1)
"""How long before its recording a call may have begun, where not all of the rows are read."""


class CallNews:
    """What is known of the calls of a table, from one pass of a watch to the next.

    Attributes:
        first: Since when rows are to be read for them, seconds UTC.
    """

    def __init__(self, every: float = 60, since: int | None = None) -> None:
        """Begin with none.

        Args:
            every: Seconds between two readings of the table for news.
            since: Seconds UTC before which no call is wanted, or None.
        """
        self.first: float = since or 0
        self._every = every
        self._since = since or 0
        self._due_at = 0.0
        self._began = 0.0
        self._has_waiting = False
        self._state: tuple[int, int] | None = None
        self._settled: tuple[int, int] | None = None
        self._known: set[int] = set()
        self._met: set[int] = set()

    def clock(self, zone: ZoneInfo) -> datetime:
        """Return since when rows are to be read, by the clock of a zone."""
        return clock_of(self.first, zone)

    def begin(self, state: tuple[int, int] | None = None) -> bool:
        """Begin a pass; return whether the table is to be read for news in it.

        Args:
            state: What differs once the table has changed (`records.state_of`), or None.
        """
        is_changed = state is None or state != self._settled
        is_due = is_changed and time.monotonic() >= self._due_at
        self._began = time.time() if is_due else 0
        self._state, self._has_waiting, self._met = state, False, set()
        return is_due

    def note_recorded(self, key: str) -> None:
        """Note that a call has a recording at hand; see `is_news`."""
        self._met.add(hash(key))

    def is_news(self, key: str, told: Row) -> bool:
        """Say whether a call is to be told of in this pass.

        Args:
            key: What its rows have in common, whichever of them are read.
            told: What its rows tell of it.
        """
        call = told.call
        if call is None or call.started_at < self._since or call.hung_up_at < self.first:
            return False
        mark = hash(key)
        is_known = mark in self._known or mark in self._met
        quiet = self._began - call.hung_up_at
        if not is_known and quiet < (SETTLED if told.has_first else LONGEST):
            self._has_waiting = True
            return False
        if quiet < 2 * LONGEST:
            self._met.add(mark)
        return not is_known

    def settle(self) -> None:
        """Note that what a pass told of is safe; else the next tells it again."""
        if self._began:
            self._known = self._met
            self._settled = None if self._has_waiting else self._state
            self._due_at = time.monotonic() + self._every
            self.first = self._began - 2 * LONGEST


def due(news: CallNews | None, records: str | None) -> CallNews | None:
    """Return the news of a pass that begins, or None where no calls are to be told of in it.

    Args:
        news: What is known of the calls, or None where none are ever to be told of.
        records: Where the call records are, or None.
    """
    state = None if records is None else state_of(records)
    return news if news is not None and news.begin(state) else None


def rows_wanted_from(
    news: CallNews | None, recording: datetime | None, zone: ZoneInfo
) -> datetime | None:
    """Return since when a watch reads rows, by the clock of a zone, or None where it reads none.

    Args:
        news: The news of the pass, or None.
        recording: When the first of the new recordings began, or None where there are none.
        zone: The telephone system's own.
    """
    firsts = [] if news is None else [news.clock(zone)]
    if recording is not None:
        firsts.append(recording - LONGEST_BEFORE)
    return min(firsts, default=None)


def told_by_watch(items: Iterable[Item], news: CallNews | None) -> Iterator[Item]:
    """Yield what a watch tells of rows: those of new recordings and, if asked for, calls."""
    for item in items:
        is_call = news is not None and item.call is not None
        if isinstance(item, Row) and (is_call or item.use is RowUse.JOINED):
            yield item
