"""A table of call records in a dump of a database: what mysqldump, mariadb-dump and pg_dump write.

Read as SQL is read, so that nothing inside of a quotation, a comment or another table passes for
a row, and a bounded piece at a time, although one statement may hold megabytes of rows. Known
are `CREATE TABLE`, `INSERT INTO … VALUES` with and without columns, `REPLACE`, and `COPY … FROM
stdin`; everything else is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from callreel.errors import Misconfigured
from callreel.importers.dump.values import ESCAPED_VALUE, PLAIN_VALUE, copied, text_of
from callreel.importers.dump.window import AHEAD, Window
from callreel.importers.items import printable
from callreel.importers.table import TableRow, open_text

Cells = list[str] | str  # or what is wrong with the row

_NAME: Final = r"(?:`[^`]+`|\"[^\"]+\"|\[[^\]]+\]|[\w$]+)"
_TABLE: Final = rf"(?:{_NAME}\s*\.\s*)*(?P<table>{_NAME})\s*"
_COLUMNS: Final = r"\((?P<columns>[^()]*)\)\s*"

_BEGINNING: Final = re.compile(
    r"\s*(?:--|/\*|\\|(?:INSERT|REPLACE|CREATE|DROP|ALTER|SET|USE|LOCK|COPY|SELECT|PRAGMA)\s"
    r"|BEGIN\b|START\s+TRANSACTION)",
    re.IGNORECASE,
)
_BLANK: Final = re.compile(r"[\s;]+")
_LINE_MARK: Final = re.compile(r"--|#|\\|DELIMITER\b", re.IGNORECASE)  # what fills a line
_COMMENT: Final = re.compile(r"/\*")
_CREATE: Final = re.compile(
    rf"CREATE\s+(?:\w+\s+)?TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?{_TABLE}\(", re.IGNORECASE
)
_INSERT: Final = re.compile(
    rf"(?:INSERT|REPLACE)\s+(?:\w+\s+){{0,2}}INTO\s+{_TABLE}(?:{_COLUMNS})?"
    r"(?:OVERRIDING\s+\w+\s+VALUE\s+)?VALUES?\b",
    re.IGNORECASE,
)
_COPY: Final = re.compile(
    rf"COPY\s+{_TABLE}(?:{_COLUMNS})?FROM\s+stdin[^;\n]*;[^\n]*\n", re.IGNORECASE
)
_OPEN: Final = re.compile(r"\s*\(")
_COMMA: Final = re.compile(r"\s*,")
_LINE: Final = re.compile(rf"([^\n]{{0,{AHEAD - 1}}})(?:\n|\Z)")
_PART: Final = re.compile(
    rf"\s*(?:({_NAME})|'(?:[^'\\]|''|\\.)*+'|--[^\n]*|/\*.*?\*/|([^\w\s]))", re.DOTALL
)
_NO_COLUMNS: Final = frozenset(
    {"primary", "key", "unique", "index", "constraint", "fulltext", "spatial", "foreign", "check"}
)


def is_dump(path: Path) -> bool:
    """Say whether a file of call records is a dump, by how it begins.

    Raises:
        Misconfigured: it cannot be read.
    """
    with open_text(path) as stream:
        return _BEGINNING.match(stream.read(4096)) is not None


class Dump:
    """A table in a dump.

    Attributes:
        name: The name of the file.
        columns: The names of the table's columns, in small letters.
    """

    def __init__(self, path: Path, needed: frozenset[str], table: str) -> None:
        """Open a dump and look for the columns of the table.

        Args:
            path: The file.
            needed: The columns that there must be.
            table: The table, with or without its schema.

        Raises:
            Misconfigured: it cannot be read, or lacks the table or a needed column.
        """
        self.name = printable(path.name)
        self._path = path
        self._needed = needed
        self._table = table.rpartition(".")[2].lower()
        with open_text(path) as stream:
            self.columns = self._first_columns(Window(stream))
        missing = needed - set(self.columns)
        if missing:
            raise Misconfigured(
                f"The table {table} of the dump has no column {', '.join(sorted(missing))}."
            )

    def rows(self) -> Iterator[TableRow]:
        """Yield every row of the table, numbered from 1 across all statements.

        Raises:
            Misconfigured: the file can no longer be read.
        """
        number = 0
        with open_text(self._path) as stream:
            for columns, cells in self._all(Window(stream)):
                number += 1
                yield self._row(number, columns, cells)

    def _row(self, number: int, columns: list[str], cells: Cells) -> TableRow:
        if isinstance(cells, str):
            return TableRow(number, {}, cells)
        if len(cells) != len(columns):
            fault = f"The row has {len(cells)} cells, but there are {len(columns)} columns."
            return TableRow(number, {}, fault)
        if missing := self._needed - set(columns):
            return TableRow(number, {}, f"The row has no column {', '.join(sorted(missing))}.")
        if any("\0" in cell for cell in cells):
            return TableRow(number, {}, "The row holds a NUL character.")
        return TableRow(number, dict(zip(columns, cells, strict=True)))

    def _first_columns(self, window: Window) -> list[str]:
        is_there = False
        for head in self._heads(window):
            columns = _created(window) if head.re is _CREATE else _listed(head)
            if columns:
                return columns
            is_there = True
            _pass(window, head)
        if is_there:
            raise Misconfigured(
                "The dump does not say what the columns of the table are called; make it anew "
                "with the structure of the table."
            )
        raise Misconfigured(f"The dump holds no table {self._table}.")

    def _all(self, window: Window) -> Iterator[tuple[list[str], Cells]]:
        """Yield each row's columns with its cells, or with what is wrong with it."""
        for head in self._heads(window):
            columns = _listed(head) or self.columns
            if head.re is _CREATE:
                window.pass_statement()
            else:
                rows = _inserted(window) if head.re is _INSERT else _lines(window)
                yield from ((columns, cells) for cells in rows)

    def _heads(self, window: Window) -> Iterator[re.Match[str]]:
        """Yield the beginning of each statement about the table; the rest is the caller's."""
        while not window.is_at_end:
            if _is_passed(window):
                continue
            head = window.take(_INSERT) or window.take(_COPY) or window.take(_CREATE)
            if head is None:
                window.pass_statement()
            elif _plain(head["table"]) == self._table:
                yield head
            else:
                _pass(window, head)


def _is_passed(window: Window) -> bool:
    """Go behind spaces, or a comment, or a line for the program that reads the dump."""
    if window.take(_LINE_MARK):
        window.pass_line()
        return True
    if window.take(_COMMENT):
        window.pass_comment()
        return True
    return window.take(_BLANK) is not None


def _pass(window: Window, head: re.Match[str]) -> None:
    if head.re is not _COPY:
        window.pass_statement()
        return
    for _ in _lines(window):
        pass


def _inserted(window: Window) -> Iterator[Cells]:
    while window.take(_OPEN):
        yield _cells(window)
        if not window.take(_COMMA):
            break
    window.pass_statement()


def _cells(window: Window) -> Cells:
    pattern = ESCAPED_VALUE if window.is_escaping else PLAIN_VALUE
    cells: list[str] = []
    is_broken = False
    while value := window.take(pattern):
        try:
            cells.append(text_of(value, is_escaping=window.is_escaping))
        except ValueError:
            is_broken = True
        if value[4] == ")":
            return "The row holds a broken hexadecimal value." if is_broken else cells
    if not window.pass_row():
        return "The dump breaks off within the row."
    return f"A value of the row is longer than {AHEAD} characters, or no plain value."


def _lines(window: Window) -> Iterator[Cells]:
    while not window.is_at_end:
        line = window.take(_LINE)
        if line is None:
            window.pass_line()
            yield f"The line is longer than {AHEAD} characters."
        elif line[1].rstrip("\r") == "\\.":
            return
        else:
            yield copied(line[1])


def _created(window: Window) -> list[str]:
    """Return the columns of a CREATE TABLE, whose parenthesis is open."""
    columns: list[str] = []
    depth, is_beginning = 1, True
    while depth and (part := window.take(_PART)):
        name, mark = part[1], part[2]
        if is_beginning and name and name.lower() not in _NO_COLUMNS:
            columns.append(_plain(name))
        depth += {"(": 1, ")": -1}.get(mark, 0)
        is_beginning = mark == "," and depth == 1
    window.pass_statement()
    return columns


def _listed(head: re.Match[str]) -> list[str]:
    """Return the columns that a statement names, if it does."""
    listed = head.groupdict().get("columns") or ""
    return [_plain(name) for name in re.findall(_NAME, listed)]


def _plain(name: str) -> str:
    return name.strip('`"[]').lower()
