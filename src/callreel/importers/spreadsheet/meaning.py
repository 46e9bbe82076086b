"""What the columns of a table of calls mean, as a TOML file of the user's says.

    timezone = "Europe/Warsaw"
    dates = "%d.%m.%Y %H:%M:%S"

    [columns]
    id = "Call ID"
    started = "Start time"
    ...

    [audio]
    pattern = "{date}/{id}.wav"

The page `docs/how-to/import-any-table.md` tells all of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from string import Formatter
from typing import Final, Self
from zoneinfo import ZoneInfo

from callreel.importers.local_time import zone_of
from callreel.importers.spreadsheet.cells import DATE_WORDS, ISO, UNITS, says_its_zone
from callreel.importers.spreadsheet.keys import Keys
from callreel.model import Direction

TIMES: Final = ("started", "answered", "ended")
LENGTHS: Final = ("duration", "talking", "waiting")
TEXTS: Final = ("id", "call", "from", "to", "direction", "agent", "queue", "end_cause")
FIELDS: Final = (*TIMES, *LENGTHS, *TEXTS)
CLOCKS: Final = {"date": "%Y-%m-%d", "time": "%H%M%S", **dict.fromkeys(TIMES, "%Y-%m-%d %H:%M:%S")}
"""What may be part of a file's name as a clock time, and how it is written if nothing is said."""
_A_DAY: Final = datetime(2026, 12, 31, 14, 5, tzinfo=UTC)
KEYS: Final = (
    "timezone", "table", "dates", "lengths", "columns", "parts", "fixed", "directions", "audio",
)  # fmt: skip
_CAN_BE_FIXED: Final = tuple(each for each in TEXTS if each not in {"id", "call"})
_WORDS: Final = {
    "inbound": Direction.INBOUND,
    "in": Direction.INBOUND,
    "incoming": Direction.INBOUND,
    "outbound": Direction.OUTBOUND,
    "out": Direction.OUTBOUND,
    "outgoing": Direction.OUTBOUND,
}


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a pattern of file names.

    Attributes:
        literal: What comes before it.
        name: A field, `date`, `time`, or a column of the table; None at the end.
        form: How a clock time is written, in the way of `strftime`.
    """

    literal: str
    name: str | None = None
    form: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """What the columns mean.

    Attributes:
        columns: The columns of each field, in small letters; the first that is not empty counts.
        parts: Of a field, which part of the cell is meant: the first group.
        fixed: The value of fields whose columns give none.
        dates: The forms of dates; see `cells.date_of`.
        units: The unit of each length.
        directions: What the words for directions mean, in small letters.
        audio: The columns that name the audio, or nothing.
        pattern: How the name of the audio is made, or nothing.
        zone: The time zone of dates that do not say theirs, or None.
        table: The table's name in a dump or a database.
    """

    columns: Mapping[str, tuple[str, ...]]
    parts: Mapping[str, re.Pattern[str]]
    fixed: Mapping[str, str]
    dates: tuple[str, ...]
    units: Mapping[str, str]
    directions: Mapping[str, Direction]
    audio: tuple[str, ...]
    pattern: tuple[Piece, ...]
    zone: ZoneInfo | None
    table: str

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a file.

        Raises:
            Misconfigured: it cannot be read or meant; the message names the key.
        """
        keys = Keys.read(path)
        keys.only(KEYS)
        zone = keys.text("timezone")
        columns = _columns(keys.table("columns"))
        directions = _directions(keys.table("directions"))
        audio, pattern = _audio(keys.table("audio"))
        return cls(
            columns=columns,
            parts=_parts(keys.table("parts"), columns),
            fixed=_fixed(keys.table("fixed"), directions),
            dates=_dates(keys),
            units=_units(keys),
            directions=directions,
            audio=audio,
            pattern=pattern,
            zone=None if zone is None else zone_of(zone),
            table=keys.text("table") or "calls",
        )

    @property
    def needed(self) -> frozenset[str]:
        """The columns that there must be."""
        of_fields = {name for names in self.columns.values() for name in names}
        of_audio = {each.name for each in self.pattern if each.name is not None}
        return frozenset(of_fields | set(self.audio) | (of_audio - {*FIELDS, *CLOCKS}))

    @property
    def needs_zone(self) -> bool:
        """Whether a date may say no offset from UTC."""
        return not all(map(says_its_zone, self.dates))


def _columns(keys: Keys) -> dict[str, tuple[str, ...]]:
    keys.only(FIELDS)
    columns = {name: _lower(keys.texts(name)) for name in keys.names()}
    if "started" not in columns:
        raise keys.error("started", "must say which column holds the start of the call.")
    return columns


def _parts(keys: Keys, columns: Mapping[str, tuple[str, ...]]) -> dict[str, re.Pattern[str]]:
    keys.only(columns)
    parts = {}
    for name in keys.names():
        try:
            part = re.compile(keys.text(name) or "")
        except re.error as error:
            raise keys.error(name, f"is no regular expression: {error}.") from error
        if part.groups != 1:
            raise keys.error(name, "must have one group in parentheses: the part that is meant.")
        parts[name] = part
    return parts


def _fixed(keys: Keys, directions: Mapping[str, Direction]) -> dict[str, str]:
    keys.only(_CAN_BE_FIXED)
    fixed = {name: keys.text(name) or "" for name in keys.names()}
    if fixed.get("direction", "in").casefold() not in directions:
        raise keys.error("direction", "must be inbound, outbound or a word that directions names.")
    return fixed


def _dates(keys: Keys) -> tuple[str, ...]:
    forms = keys.texts("dates") or (ISO,)
    for form in forms:
        if form not in DATE_WORDS and not _is_form(form):
            raise keys.error(
                "dates",
                f"must be {', '.join(DATE_WORDS)}, or a form of a whole date such as "
                "%d.%m.%Y %H:%M:%S.",
            )
    return forms


def _is_form(form: str) -> bool:
    """Say whether a form of dates can be written and read again without losing the day."""
    try:
        return datetime.strptime(_A_DAY.strftime(form), form).date() == _A_DAY.date()  # noqa: DTZ007
    except ValueError:
        return False


def _units(keys: Keys) -> dict[str, str]:
    if not keys.is_table("lengths"):
        return dict.fromkeys(LENGTHS, _unit(keys, "lengths"))
    table = keys.table("lengths")
    table.only(LENGTHS)
    return {name: _unit(table, name) for name in LENGTHS}


def _unit(keys: Keys, key: str) -> str:
    unit = keys.text(key) or UNITS[0]
    if unit not in UNITS:
        raise keys.error(key, f"must be one of {', '.join(UNITS)}.")
    return unit


def _directions(keys: Keys) -> dict[str, Direction]:
    keys.only(("inbound", "outbound"))
    words = dict(_WORDS)
    for name in keys.names():
        words |= dict.fromkeys((each.casefold() for each in keys.texts(name)), _WORDS[name])
    return words


def _audio(keys: Keys) -> tuple[tuple[str, ...], tuple[Piece, ...]]:
    keys.only(("column", "pattern"))
    if keys.has("column") == keys.has("pattern"):
        raise keys.error(
            "column", 'or audio.pattern must say how audio is found, as in "{date}/{id}.wav".'
        )
    pattern = keys.text("pattern")
    return _lower(keys.texts("column")), () if pattern is None else _pieces(keys, pattern)


def _pieces(keys: Keys, pattern: str) -> tuple[Piece, ...]:
    try:
        parsed = list(Formatter().parse(pattern))
    except ValueError as error:
        raise keys.error("pattern", f"cannot be understood: {error}.") from error
    pieces = []
    for literal, name, form, _ in parsed:
        if name == "" or (form and name not in CLOCKS):
            raise keys.error("pattern", "must have names in its braces, and a form of dates only.")
        clock = CLOCKS.get(name or "", "")
        plain = name if name is None or name in {*FIELDS, *CLOCKS} else name.lower()
        pieces.append(Piece(literal, plain, form or clock))
    if not any(piece.name for piece in pieces):
        raise keys.error("pattern", "must have something in braces that differs from call to call.")
    return tuple(pieces)


def _lower(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name.strip().lower() for name in names)
