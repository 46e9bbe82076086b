"""Opens call records of Asterisk: files without header in a known order, tables, databases."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from callreel.errors import Misconfigured
from callreel.importers.asterisk.columns import (
    NAMES,
    SKIP,
    Shape,
    check_columns,
    csv_order,
    given_order,
    is_data,
    order_of,
)
from callreel.importers.items import printable
from callreel.importers.records import CallRecords, open_records
from callreel.importers.table import MAX_LINE, TableRow, open_text

_NEEDED: Final = frozenset({"disposition"})
_LOOKED_AT: Final = 50  # lines, as the first may be broken
_SEPARATORS: Final = ",;\t|"


class Headerless:
    """A file of call records without header, a line each; see `columns`.

    Each line is read by itself: Asterisk writes none inside a cell, so a quote that is left open
    spoils one row.
    """

    def __init__(self, path: Path, shape: Shape, delimiter: str) -> None:
        self.name = printable(path.name)
        self.columns: list[str] = []
        self._path = path
        self._shape = shape
        self._delimiter = delimiter

    def rows(self) -> Iterator[TableRow]:
        """Yield every row.

        Raises:
            Misconfigured: the file can no longer be read.
        """
        for number, line in _lines(self._path):
            cells = _cells(line, self._delimiter)
            if not cells or (number == 1 and _is_header(cells)):
                continue
            yield self._row(number, line, cells)

    def _row(self, number: int, line: str, cells: list[str]) -> TableRow:
        if len(line) >= MAX_LINE:
            return TableRow(number, {}, f"The line is longer than {MAX_LINE} characters.")
        if "\0" in line:
            return TableRow(number, {}, "The row holds a NUL character.")
        names = self._shape(cells)
        if names is None:
            fault = f"The row has {len(cells)} cells, which is not as many as the others."
            return TableRow(number, {}, fault)
        named = zip(names, cells, strict=True)
        return TableRow(number, {name: cell.strip() for name, cell in named if name != SKIP})


def open_calls(where: str, columns: str | None) -> CallRecords:
    """Open call records.

    Args:
        where: A file of any of Asterisk's own forms, or what `open_records` takes.
        columns: The names of the columns of a file without header; else they are told by the
            file.

    Raises:
        Misconfigured: they cannot be read, or it is not clear which column is which.
    """
    is_file = "://" not in where
    if columns is not None and not is_file:
        raise Misconfigured("A database names its columns itself; leave out --columns.")
    if columns is not None:
        path = Path(where)
        return Headerless(path, given_order(columns), _delimiter(path))
    recognised = _recognised(Path(where)) if is_file else None
    if recognised is not None:
        return recognised
    records = open_records(where, _NEEDED, known=frozenset(NAMES))
    check_columns(records.columns)
    return records


def _recognised(path: Path) -> Headerless | None:
    delimiter = _delimiter(path)
    is_empty, has_data = True, False
    for number, line in _lines(path):
        if number > _LOOKED_AT:
            break
        is_empty = False
        cells = _cells(line, delimiter)
        if number == 1 and _begins_table(cells):
            return None
        shape = order_of(cells)
        if shape is not None:
            return Headerless(path, shape, delimiter)
        has_data = has_data or (number == 1 and is_data(cells))
    if has_data:
        raise Misconfigured(
            "The call records have no header and are in no order of Asterisk's own; name their "
            "columns with --columns, such as --columns clid,src,dst,start,duration,billsec,"
            "disposition,uniqueid."
        )
    return Headerless(path, csv_order, delimiter) if is_empty else None


def _delimiter(path: Path) -> str:
    first = next((line for _, line in _lines(path)), "")
    return max(_SEPARATORS, key=first.count)


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield each line with its number, cut off where it is too long to be one of a record."""
    with open_text(path) as stream:
        number = 0
        while line := stream.readline(MAX_LINE):
            number += 1
            rest = line
            while len(rest) == MAX_LINE and not rest.endswith("\n"):
                rest = stream.readline(MAX_LINE)
            yield number, line


def _cells(line: str, delimiter: str) -> list[str]:
    return next(csv.reader([line.rstrip("\r\n")], delimiter=delimiter), [])


def _begins_table(cells: list[str]) -> bool:
    """Say whether a first row names columns, in whatever order, which then counts."""
    return sum(cell.strip().lower() in NAMES for cell in cells) > 1


def _is_header(cells: list[str]) -> bool:
    return all(cell.strip().lower() in NAMES for cell in cells)
