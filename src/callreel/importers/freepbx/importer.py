"""The importer of this format; the package says what it is."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

from callreel.importers.audio_file import may_be_told_later, refusal_by_look
from callreel.importers.call_news import due, rows_wanted_from, told_by_watch
from callreel.importers.freepbx import names
from callreel.importers.freepbx.calls import call_of, unrecorded
from callreel.importers.freepbx.cdr import COLUMNS, MORE_COLUMNS, Leg, Legs, Wanted
from callreel.importers.freepbx.people import agent_of, queue_of
from callreel.importers.items import Candidate, Fault, Item, Refusal, printable
from callreel.importers.open_calls import OpenCalls
from callreel.importers.records import CallRecords, open_records, rows_since
from callreel.importers.source import Source
from callreel.importers.tree import Found, Tree, every_file

NAME: Final = "freepbx"


class FreePbx:
    """The importer."""

    def __init__(self, source: Source) -> None:
        """Open the folder and the table.

        Raises:
            Misconfigured: either cannot be read, or no time zone is given.
        """
        self._zone: ZoneInfo = source.need_zone()
        self._settle = source.settle
        self._is_whole = source.is_news is every_file
        self._news = source.calls
        self._where = source.records
        self._tree = Tree(source.root, source.is_news)
        self._table = (
            None
            if source.records is None
            else open_records(source.records, COLUMNS, known=MORE_COLUMNS)
        )
        self._legs = Legs(self._zone)
        self._wanted: Wanted | None = None

    def count(self) -> int:
        """Return how many files there are."""
        return self._survey()[0]

    def items(self) -> Iterator[Item]:
        """Yield what becomes of each row of the table, then of each file."""
        if self._table is not None:
            wanted = self._wanted or self._survey()[1]
            yield from self._rows(self._table, wanted)
        for found in self._tree.walk():
            yield found if isinstance(found, Refusal) else self._item(found)

    def _rows(self, table: CallRecords, wanted: Wanted) -> Iterator[Item]:
        """Yield what becomes of the rows: of all, or of those that a watch tells of."""
        told = partial(unrecorded, zone=self._zone, source=NAME)
        if self._is_whole:
            yield from self._legs.read(table.name, table.rows(), wanted, OpenCalls(told))
            return
        news = due(self._news, self._where)
        since = rows_wanted_from(news, wanted.first, self._zone)
        if since is not None:
            rows = rows_since(table, since)
            calls = OpenCalls(told, news=news)
            yield from told_by_watch(self._legs.read(table.name, rows, wanted, calls), news)

    def _survey(self) -> tuple[int, Wanted]:
        """Count the files and note which of the table's rows are worth keeping."""
        wanted = Wanted()
        count = 0
        for found in self._tree.walk():
            count += 1
            if self._table is not None and isinstance(found, Found) and self._is_due(found):
                wanted.want(names.parse(found.name))
        self._wanted = wanted
        return count, wanted

    def _is_due(self, found: Found) -> bool:
        """Say whether a file's row is worth reading the table for, which may be large."""
        return self._is_whole or refusal_by_look(found, self._settle) is None

    def _item(self, found: Found) -> Candidate | Refusal:
        refusal = refusal_by_look(found, self._settle)
        if refusal is not None:
            return refusal
        name = names.parse(found.name)
        if name is None:
            reason = "The name does not end in -YYYYMMDD-HHMMSS-uniqueid as FreePBX writes it."
            return Refusal(found.where, Fault.BAD_NAME, reason)
        if self._is_late(name):
            reason = "The file appeared while the import ran; the next one takes it."
            return Refusal(found.where, Fault.GROWING, reason)
        leg = self._legs.of(name)
        if isinstance(leg, Refusal):
            reason = f"Its row of the call records cannot be used ({leg.where}): {leg.reason}"
            return Refusal(found.where, Fault.BAD_CALL, reason)
        if leg is None and self._table is not None and may_be_told_later(found):
            reason = "The call records have no row of it yet; an import in an hour takes it."
            return Refusal(found.where, Fault.GROWING, reason)
        return self._candidate(found, name, leg)

    def _candidate(self, found: Found, name: names.RecordingName, leg: Leg | None) -> Candidate:
        waiting = None if leg is None else self._legs.waiting(leg)
        call, notes = call_of(name, leg, self._zone, waiting)
        if leg is None and self._table is not None:
            notes = (*notes, "The call records have no row of it; its name alone was used.")
        return Candidate(
            where=found.where,
            call=call,
            is_measured=leg is not None,
            native_id=name.uniqueid,
            native_time=name.epoch,
            path=self._tree.path(found.parts),
            open=partial(self._tree.open, found.parts),
            size=found.size,
            original_name=printable(found.name),
            source=NAME,
            agent=agent_of(name, leg, call.direction),
            queue=queue_of(name, leg),
            notes=notes,
            has_call_record=leg is not None,
        )

    def _is_late(self, name: names.RecordingName) -> bool:
        """Say whether the rows were read without looking for this file's."""
        if self._table is None or self._wanted is None:
            return False
        return name.key not in self._wanted.keys
