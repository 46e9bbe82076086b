"""The importer of this format; the package says what it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from callreel.errors import Misconfigured
from callreel.importers.audio_file import may_be_told_later, missing, refusal_by_look
from callreel.importers.call_news import CallNews, due, told_by_watch
from callreel.importers.items import Candidate, Fault, Item, Refusal, Row, RowUse, printable
from callreel.importers.records import open_records
from callreel.importers.shared_file import FILE_OF_ANOTHER, went_on_together
from callreel.importers.source import Source
from callreel.importers.spreadsheet.files import Files, Parts
from callreel.importers.spreadsheet.meaning import Meaning
from callreel.importers.spreadsheet.rows import Reader, Told
from callreel.importers.table import TableRow
from callreel.importers.tree import Found, Tree, every_file
from callreel.model import Call

NAME: Final = "csv"


class Spreadsheet:
    """The importer."""

    def __init__(self, source: Source) -> None:
        """Open the folder and the table, and read what the columns mean.

        Raises:
            Misconfigured: one of them is missing or cannot be read or meant, or no time zone is
                given although dates do not say theirs.
        """
        if source.records is None:
            raise Misconfigured("Give the table of the calls with --cdr.")
        if source.columns is None:
            raise Misconfigured(
                "Say what the columns of the table mean, in a file that --columns names."
            )
        meaning = Meaning.read(Path(source.columns))
        zone = source.zone or meaning.zone
        if zone is None and meaning.needs_zone:
            zone = source.need_zone()
        self._settle = source.settle
        self._is_whole = source.is_news is every_file
        self._news = source.calls
        self._where = source.records
        self._tree = Tree(source.root, source.is_news)
        self._records = open_records(
            source.records, meaning.needed, table=meaning.table, known=frozenset()
        )
        self._reader = Reader(meaning, zone)
        self._is_pattern = bool(meaning.pattern)
        self._files: Files | None = None
        self._told: dict[Parts, Told | Refusal] = {}
        self._joined: dict[Parts, str] = {}

    def count(self) -> int:
        """Return how many files there are."""
        count = 0
        self._files = Files()
        for found in self._tree.walk():
            count += 1
            if isinstance(found, Found) and self._is_due(found):
                self._files.add(found.parts)
        return count

    def items(self) -> Iterator[Item]:
        """Yield what becomes of each row of the table, then of each file."""
        if self._files is None:
            self.count()
        files = self._files or Files()
        yield from self._rows(files)
        for found in self._tree.walk():
            yield found if isinstance(found, Refusal) else self._item(found, files)

    def _rows(self, files: Files) -> Iterator[Item]:
        """Yield what becomes of the rows: of all, or of those that a watch tells of."""
        items = self._items_of_rows(files)
        if self._is_whole:
            yield from items
            return
        news = due(self._news, self._where)
        if news is not None:
            yield from told_by_watch((_once(item, news) for item in items), news)
        elif files:
            yield from told_by_watch(items, None)

    def _items_of_rows(self, files: Files) -> Iterator[Row | Refusal]:
        """Yield an item for each row; those of the files last, when it is sure which these are."""
        for row in self._records.rows():
            item = self._row(row, files)
            if item is not None:
                yield item
        for parts, where in self._joined.items():
            told = self._told[parts]
            if self._news is not None and isinstance(told, Told):
                self._news.note_recorded(_key(told.call))
            yield Row(where, RowUse.JOINED)

    def _row(self, row: TableRow, files: Files) -> Row | Refusal | None:
        where = f"{self._records.name}:{row.line}"
        if row.fault is not None:
            return Refusal(where, Fault.BAD_ROW, row.fault)
        try:
            name = self._reader.audio_name(row.cells)
        except ValueError as error:
            return Refusal(where, Fault.BAD_ROW, str(error))
        found = files.find(name, is_whole=self._is_pattern)
        told = self._read(where, row)
        if len(found) > 1:
            reason = "Several files in the folder have the name that the row gives."
            return Refusal(where, Fault.BAD_ROW, reason)
        if found and isinstance(told, Told):
            return self._keep(where, found[0], told)
        if isinstance(told, Refusal):
            if found:
                self._told.setdefault(found[0], told)
            return told
        return _without_audio(where, told, name)

    def _read(self, where: str, row: TableRow) -> Told | Refusal:
        try:
            return self._reader.told(row.cells)
        except ValueError as error:
            return Refusal(where, Fault.BAD_ROW, str(error))

    def _keep(self, where: str, parts: Parts, told: Told) -> Row | None:
        """Keep what a row tells of a file; of two calls, return that which has not the file."""
        kept = self._told.get(parts)
        if not isinstance(kept, Told):
            self._told[parts], self._joined[parts] = told, where
            return None
        if told.call.talking_ms <= kept.call.talking_ms:
            return _beaten(where, told, kept)
        beaten = _beaten(self._joined[parts], kept, told)
        self._told[parts], self._joined[parts] = told, where
        return beaten

    def _is_due(self, found: Found) -> bool:
        """Say whether a file's row is worth reading the table for, which may be large."""
        return self._is_whole or refusal_by_look(found, self._settle) is None

    def _item(self, found: Found, files: Files) -> Candidate | Refusal:
        refusal = refusal_by_look(found, self._settle)
        if refusal is not None:
            return refusal
        told = self._told.get(found.parts)
        if isinstance(told, Told):
            return self._candidate(found, told)
        if found.parts not in files:
            reason = "The file appeared while the import ran; the next one takes it."
            return Refusal(found.where, Fault.GROWING, reason)
        if told is None and may_be_told_later(found):
            reason = "No row of the table names the file yet; an import in an hour looks again."
            return Refusal(found.where, Fault.GROWING, reason)
        if told is None:
            reason = "No row of the table names the file."
            return Refusal(found.where, Fault.NO_CALL, reason)
        reason = f"Its row of the table cannot be used ({told.where}): {told.reason}"
        return Refusal(found.where, Fault.BAD_CALL, reason)

    def _candidate(self, found: Found, told: Told) -> Candidate:
        return Candidate(
            where=found.where,
            call=_named(told, found),
            is_measured=told.is_measured,
            native_id=told.call.dialog_id or found.where,
            native_time=told.native_time,
            path=self._tree.path(found.parts),
            open=partial(self._tree.open, found.parts),
            size=found.size,
            original_name=printable(found.name),
            source=NAME,
            agent=told.agent,
            queue=told.queue,
            notes=told.notes,
        )


def _named(told: Told, found: Found) -> Call:
    """Return the call, with the name of its file for an id where the row has none."""
    return told.call if told.call.dialog_id else replace(told.call, dialog_id=found.where[-128:])


def _once(item: Row | Refusal, news: CallNews) -> Row | Refusal:
    """Return a row with its call where that is to be told of as one without recording."""
    if item.call is None:
        return item
    call = item.call  # a recording that is missing may be one that was moved away
    notes = item.notes if isinstance(item, Row) else ()
    told = Row(
        item.where, RowUse.UNRECORDED, call, item.agent, item.queue, item.source, notes=notes
    )
    return told if news.is_news(_key(call), told) else replace(told, call=None)


def _key(call: Call) -> str:
    """Return what the rows of a call have in common."""
    return f"{call.dialog_id} {call.started_at}"


def _beaten(where: str, told: Told, by: Told) -> Row:
    """Return what becomes of a row whose file is told of by another: a leg, or another call."""
    has_same_id = told.call.source_call_id is not None and (
        told.call.source_call_id == by.call.source_call_id
    )
    if has_same_id or went_on_together(told.call, by.call):
        return Row(where, RowUse.JOINED)
    call = told.call if told.call.dialog_id else None
    notes = (FILE_OF_ANOTHER,)
    return Row(where, RowUse.UNRECORDED, call, told.agent, told.queue, NAME, notes=notes)


def _without_audio(where: str, told: Told, name: str) -> Row | Refusal:
    call = told.call if told.call.dialog_id else None
    has_talk = told.call.talking_ms > 0 or not told.is_measured
    if name and has_talk:
        refusal = missing(where, "The row names a recording", told.call.hung_up_at)
        return replace(refusal, call=call, agent=told.agent, queue=told.queue, source=NAME)
    return Row(where, RowUse.UNRECORDED, call, told.agent, told.queue, NAME)
