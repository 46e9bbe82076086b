"""A table of call records as text: comma, semicolon, tab or bar between the cells, a header first.

Read as a stream, a bounded piece at a time, whatever is in it. Broken rows are named and the
reading goes on. A quoted cell may have several lines; but a quotation mark too many would make one
cell of all up to the next one, so a row of several lines is looked at twice, and where it is not
sound, only its first line is given up.
"""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TextIO

from callreel.errors import Misconfigured
from callreel.importers.items import printable

MAX_LINE: Final = 1 << 17
MOST_LINES: Final = 100
"""Lines of one row; so a table full of quotation marks is not read over and over."""

_NULLS: Final = frozenset({"NULL", "\\N"})
_COMPRESSED: Final = (b"\x1f\x8b", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")  # gzip, xz, zstd
_OTHER_ENCODINGS: Final = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row.

    Attributes:
        line: Where it begins, counted from 1.
        cells: The cells by their columns' names; empty where something is wrong.
        fault: What is wrong, or None.
    """

    line: int
    cells: dict[str, str]
    fault: str | None = None


class Table:
    """A file of call records.

    Bytes that are not in the file's encoding stay what they are (see PEP 383), as file names do.
    """

    def __init__(self, path: Path, needed: frozenset[str]) -> None:
        """Open a table and read its header.

        Raises:
            Misconfigured: it cannot be read, or it lacks a needed column.
        """
        self.name = printable(path.name)
        self._path = path
        with open_text(self._path) as stream:
            header = stream.readline(MAX_LINE)
        self._delimiter = max(",;\t|", key=header.count)
        # What mysql prints has tabs and no quoting, so a quote in a name is a plain character.
        self._is_quoted = self._delimiter != "\t" or header.startswith('"')
        self.columns = [each.strip().lower() for each in next(self._reader(iter([header])), [])]
        self._sound_row = _sound_row(self._delimiter, len(self.columns))
        missing = needed - set(self.columns)
        if missing:
            raise Misconfigured(
                f"The file of call records has no column {', '.join(sorted(missing))}; its first "
                "line must hold the names of the columns."
            )

    def rows(self) -> Iterator[TableRow]:
        """Yield every row but the header.

        Raises:
            Misconfigured: the file can no longer be read.
        """
        with open_text(self._path) as stream:
            lines = _Lines(stream)
            reader = self._reader(lines)
            while True:
                begin, fault = lines.count + 1, None
                lines.of_row.clear()
                try:
                    cells = next(reader)
                except StopIteration:
                    return
                except csv.Error as error:
                    cells, fault = [], f"The row cannot be read: {error}."
                if len(lines.of_row) > 1 and not self._is_sound(lines):
                    lines.return_all_but_first()
                    reader = self._reader(lines)
                    fault = "A quotation mark in the row opens a cell that does not end in it."
                if begin > 1 and (cells or fault):
                    yield self._row(begin, cells, fault, lines)

    def _is_sound(self, lines: _Lines) -> bool:
        """Say whether several lines are one row, of which no line but the first begins another."""
        if lines.is_cut:
            return False
        texts = lines.of_row
        try:
            rows = list(csv.reader(texts, delimiter=self._delimiter, strict=True))
        except csv.Error:
            return False
        if len(rows) != 1 or len(rows[0]) != len(self.columns):
            return False
        return not any(
            self._sound_row.match("".join(texts[first:])) for first in range(1, len(texts))
        )

    def _row(self, line: int, cells: list[str], fault: str | None, lines: _Lines) -> TableRow:
        if lines.is_cut:
            return TableRow(line, {}, f"The line is longer than {MAX_LINE} characters.")
        if fault is not None:
            return TableRow(line, {}, fault)
        if len(cells) != len(self.columns):
            fault = f"The row has {len(cells)} cells, but there are {len(self.columns)} columns."
            return TableRow(line, {}, fault)
        if "\0" in "".join(lines.of_row):
            return TableRow(line, {}, "The row holds a NUL character.")
        clean = ["" if cell in _NULLS else cell.strip() for cell in cells]
        return TableRow(line, dict(zip(self.columns, clean, strict=True)))

    def _reader(self, lines: Iterable[str]) -> Iterator[list[str]]:
        if self._is_quoted:
            return csv.reader(lines, delimiter=self._delimiter)
        return csv.reader(lines, delimiter=self._delimiter, quoting=csv.QUOTE_NONE)


def open_text(path: Path) -> TextIO:
    """Open a file of call records as text, whatever its encoding.

    Bytes that are not in it stay what they are (see PEP 383).

    Raises:
        Misconfigured: it cannot be read, or is compressed.
    """
    try:
        with path.open("rb") as raw:
            begin = raw.read(5)
        if begin.startswith(_COMPRESSED):
            raise Misconfigured(
                "The file of call records is compressed; unpack it first, as with gunzip, and give "
                "the unpacked file."
            )
        encoding = _OTHER_ENCODINGS.get(begin[:2], "utf-8-sig")
        errors = "surrogateescape" if encoding == "utf-8-sig" else "replace"
        return path.open(encoding=encoding, errors=errors, newline="")
    except OSError as error:
        says = (error.strerror or "it failed").lower()
        raise Misconfigured(f"The file of call records cannot be read: {says}.") from error


def _sound_row(delimiter: str, count: int) -> re.Pattern[str]:
    """Return what matches a row of so many cells, with a quotation mark in quoted ones only."""
    mark = re.escape(delimiter)
    cell = rf'(?:"(?:[^"]|"")*+"|[^"\r\n{mark}]*+)'
    return re.compile(rf"{cell}(?:{mark}{cell}){{{count - 1}}}(?:[\r\n]|\Z)")


class _Lines:
    """The lines of a stream, counted, with what exceeds `MAX_LINE` cut off.

    Attributes:
        count: How many were read.
        of_row: Those of the present row; for the reader to empty.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._returned: deque[str] = deque()
        self._cut: set[int] = set()
        self.count = 0
        self.of_row: list[str] = []

    def __iter__(self) -> Iterator[str]:
        """Yield the lines from where the one before stopped, but no more than a row may have."""
        of_row, returned, read = self.of_row, self._returned, self._stream.readline
        while len(of_row) < MOST_LINES:
            line = returned.popleft() if returned else read(MAX_LINE)
            if not line:
                return
            self.count += 1
            of_row.append(line)
            if len(line) == MAX_LINE and self.count not in self._cut:
                self._pass_over_the_rest(line)
            yield line

    @property
    def is_cut(self) -> bool:
        """Whether a line of the row was cut."""
        first = self.count - len(self.of_row) + 1
        return bool(self._cut) and any(first <= each <= self.count for each in self._cut)

    def return_all_but_first(self) -> None:
        """Have all lines of the row but the first come again."""
        self._returned.extendleft(reversed(self.of_row[1:]))
        self.count -= len(self.of_row) - 1
        del self.of_row[1:]

    def _pass_over_the_rest(self, line: str) -> None:
        while len(line) == MAX_LINE and not line.endswith(("\n", "\r")):
            self._cut.add(self.count)
            line = self._stream.readline(MAX_LINE)
