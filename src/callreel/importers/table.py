"""A table of call records as text: comma, semicolon, tab or bar between the cells, a header first.

Read as a stream, a bounded piece at a time, whatever is in it. Broken rows are named and the
reading goes on.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TextIO

from callreel.errors import Misconfigured

MAX_LINE: Final = 1 << 17
_NULLS: Final = frozenset({"NULL", "\\N"})
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
        self.name = path.name
        self._path = path
        with open_text(self._path) as stream:
            header = stream.readline(MAX_LINE)
        self._delimiter = max(",;\t|", key=header.count)
        # What mysql prints has tabs and no quoting, so a quote in a name is a plain character.
        self._is_quoted = self._delimiter != "\t" or header.startswith('"')
        self.columns = [each.strip().lower() for each in next(self._reader(iter([header])), [])]
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
                begin = lines.count + 1
                lines.is_cut = False
                try:
                    cells = next(reader)
                except StopIteration:
                    return
                except csv.Error as error:
                    fault = f"Lines {begin} to {lines.count} cannot be read: {error}."
                    yield TableRow(begin, {}, fault)
                    continue
                if begin > 1 and cells:
                    yield self._row(begin, cells, is_cut=lines.is_cut)

    def _row(self, line: int, cells: list[str], *, is_cut: bool) -> TableRow:
        if is_cut:
            return TableRow(line, {}, f"The line is longer than {MAX_LINE} characters.")
        if len(cells) != len(self.columns):
            fault = f"The row has {len(cells)} cells, but there are {len(self.columns)} columns."
            return TableRow(line, {}, fault)
        if "\0" in "".join(cells):
            return TableRow(line, {}, "The row holds a NUL character.")
        clean = ["" if cell in _NULLS else cell.strip() for cell in cells]
        return TableRow(line, dict(zip(self.columns, clean, strict=True)))

    def _reader(self, lines: Iterator[str]) -> Iterator[list[str]]:
        if self._is_quoted:
            return csv.reader(lines, delimiter=self._delimiter)
        return csv.reader(lines, delimiter=self._delimiter, quoting=csv.QUOTE_NONE)


def open_text(path: Path) -> TextIO:
    """Open a file of call records as text, whatever its encoding.

    Bytes that are not in it stay what they are (see PEP 383).

    Raises:
        Misconfigured: it cannot be read.
    """
    try:
        with path.open("rb") as raw:
            encoding = _OTHER_ENCODINGS.get(raw.read(2), "utf-8-sig")
        errors = "surrogateescape" if encoding == "utf-8-sig" else "replace"
        return path.open(encoding=encoding, errors=errors, newline="")
    except OSError as error:
        says = (error.strerror or "it failed").lower()
        raise Misconfigured(f"The file of call records cannot be read: {says}.") from error


class _Lines:
    """The lines of a stream, counted, with what exceeds `MAX_LINE` cut off.

    Attributes:
        count: How many were read.
        is_cut: Set once a line was cut; for the reader to unset.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.count = 0
        self.is_cut = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._stream.readline(MAX_LINE)
        if not line:
            raise StopIteration
        self.count += 1
        rest = line
        while len(rest) == MAX_LINE and not rest.endswith(("\n", "\r")):
            self.is_cut = True
            rest = self._stream.readline(MAX_LINE)
        return line
