"""The importer of this format; the package says what it is."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

from callreel.errors import Misconfigured
from callreel.importers.audio_file import may_be_told_later, missing, refusal_by_look
from callreel.importers.freeswitch.calls import Claim, claim_of
from callreel.importers.freeswitch.files import Ambiguous, Files, has_uuid, stem_of
from callreel.importers.freeswitch.leg import Leg, leg_of
from callreel.importers.freeswitch.record_files import RecordFile, RecordFiles, Stranger, uuid_of
from callreel.importers.freeswitch.record_table import RecordRow, RecordTable
from callreel.importers.items import Candidate, Fault, Item, Refusal, Row, RowUse, printable
from callreel.importers.open_calls import OpenCalls
from callreel.importers.source import Source
from callreel.importers.tree import Found, Tree, every_file

NAME: Final = "freeswitch"

Parts = tuple[str, ...]


class FreeSwitch:
    """The importer."""

    def __init__(self, source: Source) -> None:
        """Open the folder and the records.

        Raises:
            Misconfigured: either cannot be read, or no records are given.
        """
        if source.records is None:
            raise Misconfigured("Give the folder of FreeSWITCH's call records with --cdr.")
        self._source = source
        self._tree = Tree(source.root)
        self._records = _opened(source, Path(source.records))
        self._files = Files()
        self._claims: dict[Parts, list[Claim]] = defaultdict(list)
        self._newly_told: set[Parts] = set()
        self._silent = OpenCalls(_unrecorded)

    def count(self) -> int:
        """Return how many files there are."""
        return sum(1 for _ in self._audio(self._source.is_news))

    def items(self) -> Iterator[Item]:
        """Yield what becomes of each record, then of each file."""
        if not self._has_news():
            return
        for found in self._tree.walk():
            if isinstance(found, Found):
                self._files.add(found.parts)
        for each in self._records.walk():
            yield from self._items_of_record(each)
        yield from self._silent.rest()
        for seen in self._audio(self._is_due):
            yield seen if isinstance(seen, Refusal) else self._item(seen)

    def _has_news(self) -> bool:
        """Say whether there is a file or a record to look at; records need not be read for none."""
        if next(self._audio(self._source.is_news), None) is not None:
            return True
        return self._records.has_news(self._source.is_news)

    def _is_due(self, found: Found) -> bool:
        """Say whether to speak of a file: one of before too, if its record came only now."""
        return self._source.is_news(found) or found.parts in self._newly_told

    def _audio(self, is_wanted: Callable[[Found], bool]) -> Iterator[Found | Refusal]:
        for seen in Tree(self._source.root, is_wanted).walk():
            if isinstance(seen, Refusal) or not self._records.speaks_of(
                self._tree.path(seen.parts)
            ):
                yield seen

    def _items_of_record(self, each: RecordFile | RecordRow | Stranger | Refusal) -> Iterator[Item]:
        if isinstance(each, Refusal):
            yield each
        elif isinstance(each, Stranger):
            is_spoken_of = each.path.is_relative_to(self._tree.root)
            if not is_spoken_of and self._source.is_news(each.found):
                yield each.refusal
        else:
            is_news = self._source.is_news(each.found)
            yield from self._judged(each, is_news=is_news)

    def _judged(self, told: RecordFile | RecordRow, *, is_news: bool) -> Iterator[Item]:
        """Keep the leg that a record is of, and yield what it is, if it is news, and of others."""
        read = self._read(told)
        if isinstance(read, Refusal):
            if is_news:
                yield read
            return
        leg, claimed = read
        claim = claim_of(leg)
        for parts in claimed:
            self._claims[parts].append(claim)
        if claimed:
            yield from self._silent.note_recorded(leg.call_id)
        if is_news:
            self._newly_told.update(claimed)
            yield from (Row(leg.where, RowUse.JOINED),) if claimed else self._other(leg, claim)

    def _other(self, leg: Leg, claim: Claim) -> Iterator[Item]:
        """Yield what is known by now of a leg that leads to no file, and of others."""
        item = self._unclaimed(leg, claim)
        if isinstance(item, Row) and item.use is RowUse.JOINED:
            yield item
        else:
            yield from self._silent.take(leg.call_id, (isinstance(item, Refusal), claim), item)

    def _unclaimed(self, leg: Leg, claim: Claim) -> Row | Refusal:
        """Say what a sound record is good for that leads to no file."""
        is_discarded = leg.record.variables.get("RECORD_DISCARDED") == "true"
        if leg.paths and leg.is_answered and not is_discarded:
            # A watch reads a record once, and takes a recording that comes later all the same.
            end = claim.call.hung_up_at if self._source.is_news is every_file else None
            return missing(leg.where, "It names a recording", end)
        return Row(leg.where, RowUse.JOINED if leg.is_b else RowUse.UNRECORDED)

    def _read(self, told: RecordFile | RecordRow) -> tuple[Leg, list[Parts]] | Refusal:
        """Return the leg that a record is of and the files that are its recordings."""
        where = told.where
        try:
            leg = leg_of(where, told.read(), told.uuid, self._source.zone)
            return leg, self._claimed(leg)
        except Ambiguous:
            reason = "Several files could be its recording; import the folder of one system alone."
            return Refusal(where, Fault.BAD_ROW, reason)
        except ValueError as error:
            if isinstance(told, RecordFile) and self._is_young(told.found):
                reason = f"It was written to a moment ago. {error}"
                return Refusal(where, Fault.GROWING, reason, is_row=True)
            return Refusal(where, Fault.BAD_ROW, str(error))

    def _claimed(self, leg: Leg) -> list[Parts]:
        """Return the files that a leg says are its recordings.

        Raises:
            Ambiguous: for one of them there are several.
        """
        told = [parts for path in leg.paths if (parts := self._files.find(path))]
        if told:
            return list(dict.fromkeys(told))
        by_name = (self._files.find_by_uuid(each) for each in (leg.uuid, leg.bridged_to))
        return [parts for parts in by_name if parts][:1]

    def _item(self, found: Found) -> Candidate | Refusal:
        refusal = refusal_by_look(found, self._source.settle)
        if refusal is not None:
            return refusal
        if not self._files.has(found.parts):
            reason = "The file appeared while the import ran; the next one takes it."
            return Refusal(found.where, Fault.GROWING, reason)
        claims = self._claims.get(found.parts, [])
        if not claims:
            return self._without_call(found)
        best = max(claims, key=lambda claim: claim.rank)
        for claim in claims:
            if not claim.is_of_one_call_with(best):
                reason = f"Records of several calls name it: {best.where} and {claim.where}."
                return Refusal(found.where, Fault.BAD_CALL, reason)
        return self._candidate(found, best)

    def _without_call(self, found: Found) -> Refusal:
        if may_be_told_later(found):
            reason = "No call record names it yet; an import in an hour looks again."
            return Refusal(found.where, Fault.GROWING, reason)
        reason = "Audio without a call: no call record names it, and its name does not tell of one."
        return Refusal(found.where, Fault.NO_CALL, reason)

    def _candidate(self, found: Found, claim: Claim) -> Candidate:
        stem = stem_of(found.name)
        return Candidate(
            where=found.where,
            call=claim.call,
            is_measured=True,
            native_id=printable(stem if has_uuid(stem) else f"{claim.call.source_call_id} {stem}"),
            native_time=0,  # neither the uuid nor the name holds a time, and legs differ in theirs
            path=self._tree.path(found.parts),
            open=partial(self._tree.open, found.parts),
            size=found.size,
            original_name=printable(found.name),
            source=NAME,
            agent=claim.agent,
            queue=claim.queue,
            notes=claim.notes,
        )

    def _is_young(self, found: Found) -> bool:
        return abs(time.time() - found.modified_at) < self._source.settle


def _opened(source: Source, path: Path) -> RecordFiles | RecordTable:
    """Open records: a table is whatever file is no single record by its name.

    Raises:
        Misconfigured: there are none, or they cannot be read.
    """
    if path.is_file() and uuid_of(path.name) is None:
        return RecordTable(path.resolve(), source)
    if source.columns is not None:
        raise Misconfigured("Records in files of their own name what they hold; omit --columns.")
    return RecordFiles(path)


def _unrecorded(legs: Iterable[tuple[bool, Claim]]) -> Row:
    """Return the row of a call without recording; a leg that names one tells of the call."""
    _, best = max(legs, key=lambda each: (each[0], each[1].rank))
    return Row(best.where, RowUse.UNRECORDED, best.call, best.agent, best.queue, NAME)
