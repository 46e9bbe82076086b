"""A row of a table of calls, read by what its columns mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from callreel.importers.items import plain_text
from callreel.importers.local_time import inside, note_of, readings, span
from callreel.importers.parties import is_outside, known
from callreel.importers.spreadsheet.cells import date_of, length_of
from callreel.importers.spreadsheet.meaning import CLOCKS, TIMES, Meaning
from callreel.model import Call, DialogType, Direction

LONGEST_TEXT: Final = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a row tells.

    Attributes:
        call: The call; its id is empty where the row has none.
        is_measured: Whether the row says when the call ended.
        native_time: The start as the row's own clock shows it, whatever the zone, in seconds.
        notes: What a person should know.
    """

    call: Call
    is_measured: bool
    native_time: int
    agent: str | None
    queue: str | None
    notes: tuple[str, ...]


class Reader:
    """Reads rows."""

    def __init__(self, meaning: Meaning, zone: ZoneInfo | None) -> None:
        self._meaning = meaning
        self._zone = zone

    def audio_name(self, cells: Mapping[str, str]) -> str:
        """Return what the row calls its audio, or nothing.

        Raises:
            ValueError: a date that is part of it cannot be read.
        """
        if self._meaning.audio:
            return next((cells[name] for name in self._meaning.audio if cells[name]), "")
        pieces = []
        for piece in self._meaning.pattern:
            text = "" if piece.name is None else self._piece(cells, piece.name, piece.form)
            if piece.name is not None and not text:
                return ""
            pieces.append(piece.literal + text)
        return "".join(pieces)

    def told(self, cells: Mapping[str, str]) -> Told:
        """Return what a row tells.

        Raises:
            ValueError: it cannot be meant; a sentence with the column.
        """
        clock = self.clock(cells, "started")
        if clock is None:
            raise ValueError(f"The column {self._column('started')} is empty.")
        times = _Times(self, cells, clock)
        from_number, to_number = (self._number(cells, side) for side in ("from", "to"))
        call = Call(
            dialog_id=self._text(cells, "id"),
            dialog_type=DialogType.CONSULTANT,
            direction=self._direction(cells, from_number),
            started_at=times.started_at,
            hung_up_at=times.started_at if times.hung_up_at is None else times.hung_up_at,
            talking_ms=times.talking_ms or 0,
            waiting_ms=times.waiting_ms,
            answered_at=times.answered_at,
            from_number=from_number,
            to_number=to_number,
            end_cause=self._text(cells, "end_cause") or None,
            source_call_id=self._text(cells, "call") or self._text(cells, "id") or None,
        )
        return Told(
            call=call,
            is_measured=times.hung_up_at is not None,
            native_time=int(clock.timestamp() if clock.tzinfo else _utc(clock)),
            agent=self._text(cells, "agent") or None,
            queue=self._text(cells, "queue") or None,
            notes=times.notes,
        )

    def clock(self, cells: Mapping[str, str], field: str) -> datetime | None:
        """Return a time as the row has it, or None where it has none."""
        text = self._cell(cells, field)
        if not text:
            return None
        try:
            return date_of(text, self._meaning.dates)
        except ValueError as error:
            raise ValueError(f"The column {self._column(field)} {error}.") from error

    def readings(self, clock: datetime | None) -> tuple[int, ...]:
        """Return the readings of a time (`local_time.readings`); of none there are none."""
        if clock is None:
            return ()
        if self._zone is None:  # of rfc2822's -0000 no place is known, but it is UTC
            return (_utc(clock) if clock.tzinfo is None else int(clock.timestamp()),)
        return readings(clock, self._zone)

    def notes(self, *taken: tuple[datetime | None, int | None]) -> tuple[str, ...]:
        """Return what to tell of unclear times, each with the reading that was taken."""
        notes = (
            note_of(clock, self._zone, moment)
            for clock, moment in taken
            if clock is not None and moment is not None and self._zone is not None
        )
        return tuple(dict.fromkeys(note for note in notes if note is not None))

    def length(self, cells: Mapping[str, str], field: str) -> int | None:
        """Return a length in milliseconds, or None where the row has none."""
        text = self._cell(cells, field)
        if not text:
            return None
        try:
            return length_of(text, self._meaning.units[field])
        except ValueError as error:
            raise ValueError(f"The column {self._column(field)} {error}.") from error

    def knows(self, field: str) -> bool:
        """Say whether a column is of a field."""
        return field in self._meaning.columns

    def _cell(self, cells: Mapping[str, str], field: str) -> str:
        part = self._meaning.parts.get(field)
        for name in self._meaning.columns.get(field, ()):
            found = None if part is None else part.search(cells[name])
            text = cells[name] if part is None else (found[1] or "" if found else "")
            if text.strip():
                return text.strip()
        return self._meaning.fixed.get(field, "")

    def _text(self, cells: Mapping[str, str], field: str) -> str:
        text = plain_text(self._cell(cells, field))
        if len(text) > LONGEST_TEXT:
            longest = f"is longer than {LONGEST_TEXT} characters"
            raise ValueError(f"The column {self._column(field)} {longest}.")
        return text

    def _number(self, cells: Mapping[str, str], field: str) -> str | None:
        return known(self._text(cells, field))

    def _direction(self, cells: Mapping[str, str], from_number: str | None) -> Direction:
        word = self._cell(cells, "direction").casefold()
        if not word:
            is_inbound = from_number is None or is_outside(from_number)
            return Direction.INBOUND if is_inbound else Direction.OUTBOUND
        direction = self._meaning.directions.get(word)
        if direction is None:
            named = f"The column {self._column('direction')}"
            raise ValueError(f"{named} holds a word that directions does not name.")
        return direction

    def _piece(self, cells: Mapping[str, str], name: str, form: str) -> str:
        if name not in CLOCKS:
            return self._cell(cells, name) if self.knows(name) or name not in cells else cells[name]
        clock = self.clock(cells, name if name in TIMES else "started")
        if clock is None:
            return ""
        shown = clock.astimezone(self._zone) if clock.tzinfo and self._zone else clock
        return shown.strftime(form)

    def _column(self, field: str) -> str:
        return " or ".join(self._meaning.columns.get(field, (field,)))


class _Times:
    """When a call began, was answered and ended, and how long was talked and waited.

    None is unknown.
    """

    def __init__(self, reader: Reader, cells: Mapping[str, str], started: datetime) -> None:
        answered, ended = reader.clock(cells, "answered"), reader.clock(cells, "ended")
        self.talking_ms = reader.length(cells, "talking")
        self.waiting_ms = reader.length(cells, "waiting")
        duration_ms = reader.length(cells, "duration")
        starts, ends = reader.readings(started), reader.readings(ended)
        answers = reader.readings(answered)
        self.started_at, self.hung_up_at = self._span(starts, ends, duration_ms)
        self.answered_at = self._answer(answers) if answers else None
        self.notes: tuple[str, ...] = ()
        if len(starts) > 1 or len(answers) > 1 or len(ends) > 1:
            self.notes = reader.notes(
                (started, self.started_at), (answered, self.answered_at), (ended, self.hung_up_at)
            )
        if self.hung_up_at is None:
            self.hung_up_at = self._end(duration_ms)
        is_unanswered = reader.knows("answered") and self.answered_at is None
        if self.talking_ms is None and is_unanswered:
            self.talking_ms = 0
        if self.waiting_ms is None and self.answered_at is not None:
            self.waiting_ms = (self.answered_at - self.started_at) * 1000
        if self.talking_ms is None and self.hung_up_at is not None:
            whole = self._whole_ms(self.hung_up_at) if duration_ms is None else duration_ms
            self.talking_ms = max(0, whole - (self.waiting_ms or 0))
        self._check()

    def _span(
        self, starts: tuple[int, ...], ends: tuple[int, ...], duration_ms: int | None
    ) -> tuple[int, int | None]:
        """Return when the call began and, where the row has a time for it, ended."""
        if not ends:
            return starts[0], None
        if len(starts) == len(ends) == 1:
            return starts[0], ends[0]
        length_ms = duration_ms
        if length_ms is None and self.talking_ms is not None:
            length_ms = (self.waiting_ms or 0) + self.talking_ms
        return span(starts, ends, None if length_ms is None else _seconds(length_ms))

    def _answer(self, answers: tuple[int, ...]) -> int:
        if len(answers) == 1:
            return answers[0]
        near = None
        if self.waiting_ms is not None:
            near = self.started_at + _seconds(self.waiting_ms)
        elif self.talking_ms is not None and self.hung_up_at is not None:
            near = self.hung_up_at - _seconds(self.talking_ms)
        return inside(answers, self.started_at, self.hung_up_at, near)

    def _end(self, duration_ms: int | None) -> int | None:
        if duration_ms is not None:
            return self.started_at + _seconds(duration_ms)
        if self.talking_ms is None:
            return None
        begun = self.started_at if self.answered_at is None else self.answered_at
        waited = (self.waiting_ms or 0) if self.answered_at is None else 0
        return begun + _seconds(waited + self.talking_ms)

    def _whole_ms(self, hung_up_at: int) -> int:
        return (hung_up_at - self.started_at) * 1000

    def _check(self) -> None:
        """Raise a ValueError where the times contradict each other."""
        if self.hung_up_at is not None and self.hung_up_at < self.started_at:
            raise ValueError("The call ends before it starts.")
        if self.answered_at is not None and self.answered_at < self.started_at:
            raise ValueError("The call was answered before it starts.")
        if self.hung_up_at is None or self.talking_ms is None:
            return
        whole_ms = self._whole_ms(self.hung_up_at)
        if self.talking_ms > whole_ms + 1000:  # by a second they may differ, as each is rounded
            raise ValueError("The talk is longer than the call.")
        self.talking_ms = min(self.talking_ms, whole_ms)


def _seconds(milliseconds: int) -> int:
    return -(-milliseconds // 1000)


def _utc(clock: datetime) -> int:
    return int(clock.replace(tzinfo=UTC).timestamp())
