"""Finds the call of each recording at hand, reading the call records twice.

The first reading tells which calls the recordings are of, the second keeps the rows of these. So
what is held is bounded by the recordings, however many the rows are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from zoneinfo import ZoneInfo

from callreel.importers.asterisk.calls import AsteriskCall, substitute
from callreel.importers.asterisk.ids import AudioName, bare
from callreel.importers.asterisk.legs import (
    Leg,
    call_of,
    leg_of,
    recording,
    surely_names_audio,
)
from callreel.importers.audio_file import missing
from callreel.importers.call_news import CallNews
from callreel.importers.items import Fault, Item, Refusal, Row, RowUse
from callreel.importers.open_calls import OpenCalls
from callreel.importers.shared_file import FILE_OF_ANOTHER, went_on_together
from callreel.importers.table import TableRow


class Wanted:
    """What the recordings at hand can be named by.

    Attributes:
        keys: The names that rows may have for them.
        ids: The unique ids in their names.
        first: When the earliest of them was made, as far as is known: seconds UTC, or None.
    """

    def __init__(self) -> None:
        self.keys: set[str] = set()
        self.ids: set[str] = set()
        self.first: int | None = None

    def want(self, name: AudioName, modified_at: int) -> None:
        """Add a recording, last written to at a moment in seconds UTC."""
        made = name.native_time or modified_at
        self.first = made if self.first is None else min(self.first, made)
        self.keys.add(name.key)
        self.ids.update(name.ids)


class Calls:
    """The calls of the recordings at hand."""

    def __init__(self, zone: ZoneInfo, source: str) -> None:
        self._zone = zone
        self._source = source
        # The calls that are named by a file, by a unique id and by a linked id.
        self._by_key: dict[str, list[str]] = defaultdict(list)
        self._by_uniqueid: dict[str, list[str]] = defaultdict(list)
        self._by_linkedid: dict[str, list[str]] = defaultdict(list)
        self._calls: dict[str, AsteriskCall | None] = {}
        self._broken: dict[str, Refusal] = {}
        # Of the calls that name a file which others name too: a row, whose file it is, and which
        # calls have a file.
        self._shared: dict[str, Row | None] = {}
        self._taken_by: dict[str, str] = {}
        self._recorded: set[str] = set()

    def read(
        self,
        records: str,
        rows: Callable[[], Iterator[TableRow]],
        wanted: Wanted,
        news: CallNews | None = None,
    ) -> Iterator[Item]:
        """Keep the rows of the calls that are wanted; yield what became of each row.

        Args:
            records: The name of the call records.
            rows: Reads them, from the beginning each time.
            wanted: What to look for.
            news: Which calls without recording to tell of; all if None.
        """
        for row in rows():
            self._look(row.cells, wanted)
        for calls in self._by_key.values():
            self._shared.update(dict.fromkeys(calls) if len(calls) > 1 else ())
        others = OpenCalls(self._unrecorded, news=news)
        for row in rows():
            yield from self._items(f"{records}:{row.line}", row, others)
        yield from others.rest()

    def of(self, name: AudioName, file_name: str) -> AsteriskCall | Refusal | None:
        """Return the call of a recording, the reason why its rows are of no use, or None.

        Looked for by the name of the file that a row has, then by the unique ids in the name,
        then by linked ids. Of several, the one whose whole id, with the system's name, is in the
        name, then the one that was talked longest.
        """
        places = (
            _named(self._by_key, (name.key,)),
            _named(self._by_uniqueid, name.ids),
            _named(self._by_linkedid, name.ids),
        )
        for place in places:
            found = {key: call for key in place if (call := self._calls.get(key)) is not None}
            if found:
                best = max(found, key=lambda key: (*_fit(found[key], file_name), key))
                self._recorded.add(best)
                self._taken_by.update(dict.fromkeys(found, best))
                return found[best]
        reasons = (self._broken.get(key) for place in places for key in place)
        return next((each for each in reasons if each is not None), None)

    def of_shared(self, news: CallNews | None = None) -> Iterator[Row]:
        """Yield the rows that were held back until it was known which call has the file.

        Args:
            news: Which calls without recording to tell of; all if None.
        """
        for key, row in self._shared.items():
            call, winner = self._calls[key], self._calls.get(self._taken_by.get(key, ""))
            if row is None or call is None:
                continue
            if key in self._recorded or winner is None or _are_one(call, winner):
                if news is not None:
                    news.note_recorded(key)
                yield row
                continue
            told = self._row(row.where, call, sorted(call.ids))
            told = replace(told, notes=(FILE_OF_ANOTHER,))
            yield told if news is None or news.is_news(key, told) else row

    def _look(self, cells: Mapping[str, str], wanted: Wanted) -> None:
        call = call_of(cells)
        for place, name, names in (
            (self._by_key, recording(cells), wanted.keys),
            (self._by_uniqueid, bare(cells.get("uniqueid", "")), wanted.ids),
            (self._by_linkedid, bare(cells.get("linkedid", "")), wanted.ids),
        ):
            if name and name in names and call not in place[name]:
                place[name].append(call)
                self._calls[call] = None

    def _items(self, where: str, row: TableRow, others: OpenCalls[Leg]) -> Iterator[Item]:
        """Yield what becomes of a row, or of others that it is found not to belong to."""
        if row.fault is not None:
            yield Refusal(where, Fault.BAD_ROW, row.fault)
            return
        call = call_of(row.cells)
        try:
            leg = leg_of(where, row.cells, self._zone)
        except ValueError as error:
            refusal = Refusal(where, Fault.BAD_ROW, f"{error}.")
            if call in self._calls:
                self._broken.setdefault(call, refusal)
            yield refusal
        else:
            yield from self._of_leg(call, leg, row.cells, others)

    def _of_leg(
        self, call: str, leg: Leg, cells: Mapping[str, str], others: OpenCalls[Leg]
    ) -> Iterator[Item]:
        key = call or substitute(leg)
        if call in self._calls:
            kept = self._calls[call]
            if kept is None:
                self._calls[call] = AsteriskCall(leg)
            else:
                kept.add(leg)
            row = Row(leg.where, RowUse.JOINED)
            if call in self._shared and self._shared[call] is None:
                self._shared[call] = row
                return
            if call not in self._shared:
                yield from others.note_recorded(key)
            yield row
        elif leg.talk_ms > 0 and surely_names_audio(cells):
            item = missing(leg.where, "The row names a recording", leg.talk[1] / 1000)
            yield from others.take(key, leg, item)
        else:
            yield from others.take(key, leg, Row(leg.where, RowUse.UNRECORDED))

    def _unrecorded(self, legs: Iterable[Leg]) -> Row:
        """Return the row of a call without recording."""
        first, *others = legs = list(legs)
        call = AsteriskCall(first)
        for leg in others:
            call.add(leg)
        return self._row(first.where, call, (leg.uniqueid for leg in legs if leg.uniqueid))

    def _row(self, where: str, call: AsteriskCall, uniqueids: Iterable[str]) -> Row:
        told = call.call()
        return Row(
            where,
            RowUse.UNRECORDED,
            told,
            call.agent(),
            call.queue,
            self._source,
            has_first=call.has_first,
            legs=tuple((told.started_at, each) for each in uniqueids),
        )


def _are_one(call: AsteriskCall, other: AsteriskCall) -> bool:
    return bool(call.ids & other.ids) or went_on_together(call.call(), other.call())


def _fit(call: AsteriskCall, file_name: str) -> tuple[bool, int]:
    return call.has(file_name), call.talk_ms


def _named(place: Mapping[str, list[str]], names: Iterable[str]) -> list[str]:
    return [call for name in names for call in place.get(name, ())]
