"""The importer of this format; the package says what it is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

from callreel.importers.asterisk.ids import AudioName
from callreel.importers.asterisk.matching import Calls, Wanted
from callreel.importers.asterisk.records import open_calls
from callreel.importers.audio_file import may_be_told_later, refusal_by_look
from callreel.importers.call_news import CallNews, due, rows_wanted_from, told_by_watch
from callreel.importers.freepbx.calls import call_of as call_by_name
from callreel.importers.freepbx.names import parse
from callreel.importers.freepbx.people import agent_of, queue_of
from callreel.importers.items import Candidate, Fault, Item, Refusal, printable
from callreel.importers.local_time import clock_of
from callreel.importers.records import CallRecords, rows_since
from callreel.importers.source import Source
from callreel.importers.tree import Found, Tree, every_file
from callreel.model import Call

NAME: Final = "asterisk"
_NO_ROW: Final = "The call records have no row of it; its name alone was used."
_OTHER_SIDE: Final = {"in": "out", "out": "in"}


class Asterisk:
    """The importer."""

    def __init__(self, source: Source) -> None:
        """Open the folder and the call records.

        Raises:
            Misconfigured: either cannot be read, it is not clear what the columns of the call
                records mean, or no time zone is given.
        """
        self._zone: ZoneInfo = source.need_zone()
        self._settle = source.settle
        self._is_whole = source.is_news is every_file
        self._news = source.calls
        self._where = source.records
        self._tree = Tree(source.root, source.is_news)
        self._records = (
            None if source.records is None else open_calls(source.records, source.columns)
        )
        self._calls = Calls(self._zone, NAME)
        self._wanted: Wanted | None = None
        self._due: CallNews | None = None

    def count(self) -> int:
        """Return how many files there are."""
        return self._survey()[0]

    def items(self) -> Iterator[Item]:
        """Yield what becomes of each row of the call records, then of each file."""
        wanted = self._wanted or self._survey()[1]
        if self._records is not None:
            yield from self._rows(self._records, wanted)
        for found in self._tree.walk():
            yield found if isinstance(found, Refusal) else self._item(found, wanted)
        shared = self._calls.of_shared(self._due)
        yield from shared if self._is_whole else told_by_watch(shared, self._due)

    def _rows(self, records: CallRecords, wanted: Wanted) -> Iterator[Item]:
        """Yield what becomes of the rows: of all, or of those that a watch tells of."""
        if self._is_whole:
            yield from self._calls.read(records.name, records.rows, wanted)
            return
        self._due = news = due(self._news, self._where)
        recording = None if wanted.first is None else clock_of(wanted.first, self._zone)
        since = rows_wanted_from(news, recording, self._zone)
        if since is not None:
            rows = partial(rows_since, records, since)
            yield from told_by_watch(self._calls.read(records.name, rows, wanted, news), news)

    def _survey(self) -> tuple[int, Wanted]:
        """Count the files and note by what the rows may name them."""
        wanted = Wanted()
        count = 0
        for found in self._tree.walk():
            count += 1
            if isinstance(found, Found) and self._is_due(found):
                wanted.want(AudioName.of(found.name), int(found.modified_at))
        self._wanted = wanted
        return count, wanted

    def _is_due(self, found: Found) -> bool:
        """Say whether a file's rows are worth reading the call records for, which may be large."""
        return self._is_whole or refusal_by_look(found, self._settle) is None

    def _item(self, found: Found, wanted: Wanted) -> Candidate | Refusal:
        name = AudioName.of(found.name)
        refusal = refusal_by_look(found, self._settle) or self._unready(found, name, wanted)
        if refusal is not None:
            return refusal
        call = self._calls.of(name, found.name)
        if isinstance(call, Refusal):
            reason = f"Its row of the call records cannot be used ({call.where}): {call.reason}"
            return Refusal(found.where, Fault.BAD_CALL, reason)
        if call is None:
            return self._by_name(found, name)
        made = self._candidate(found, name, call.call(name), call.notes())
        return replace(made, agent=call.agent(name), queue=call.queue)

    def _unready(self, found: Found, name: AudioName, wanted: Wanted) -> Refusal | None:
        if name.key not in wanted.keys:
            reason = "The file appeared while the import ran; the next one takes it."
            return Refusal(found.where, Fault.GROWING, reason)
        if self._is_of_pair(found, name):
            reason = (
                "Monitor wrote the two sides of this call into two files; mix them, as with "
                "sox -M NAME-in.wav NAME-out.wav NAME.wav, and move the two elsewhere."
            )
            return Refusal(found.where, Fault.NOT_AUDIO, reason)
        return None

    def _by_name(self, found: Found, name: AudioName) -> Candidate | Refusal:
        if self._records is not None and may_be_told_later(found):
            reason = "The call records have no row of it yet; an import in an hour takes it."
            return Refusal(found.where, Fault.GROWING, reason)
        told = parse(found.name)
        if told is None:
            return Refusal(found.where, Fault.NO_CALL, self._why_no_call())
        call, notes = call_by_name(told, None, self._zone)
        if self._records is not None:
            notes = (*notes, _NO_ROW)
        made = self._candidate(found, name, call, notes)
        agent = agent_of(told, None, call.direction)
        return replace(
            made,
            is_measured=False,
            agent=agent,
            queue=queue_of(told, None),
            has_call_record=False,
        )

    def _why_no_call(self) -> str:
        if self._records is None:
            return "This is audio without a call; give the call records with --cdr."
        return (
            "This is audio without a call: no row of the call records has its name or the "
            "unique id in it, and the name alone does not tell the call."
        )

    def _candidate(
        self, found: Found, name: AudioName, call: Call, notes: tuple[str, ...]
    ) -> Candidate:
        if name.side is not None:
            notes = (*notes, f"By its name, this is only one side of the call: {name.side}.")
        return Candidate(
            where=found.where,
            call=call,
            is_measured=True,
            native_id=name.native_id,
            native_time=name.native_time,
            path=self._tree.path(found.parts),
            open=partial(self._tree.open, found.parts),
            size=found.size,
            original_name=printable(found.name),
            source=NAME,
            notes=notes,
        )

    def _is_of_pair(self, found: Found, name: AudioName) -> bool:
        if name.side is None:
            return False
        stem, dot, extension = found.name.rpartition(".")
        other = stem.removesuffix(name.side) + _OTHER_SIDE[name.side] + dot + extension
        return os.path.lexists(self._tree.path((*found.parts[:-1], other)))
