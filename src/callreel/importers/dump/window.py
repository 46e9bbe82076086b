"""The text of a dump, a bounded piece at a time, and what has to be passed over in it."""

from __future__ import annotations

import re
from typing import Final, TextIO

from callreel.errors import Misconfigured

CHUNK: Final = 1 << 20
AHEAD: Final = 1 << 17  # what is to be matched at once is at most this long
_OVERLAP: Final = 64  # no mark that is looked for is longer

_ESCAPING_STOP: Final = re.compile(r"[;'\"`]|--|#|/\*")
_PLAIN_STOP: Final = re.compile(r"[;'\"]|--|/\*|\$\w*\$")
_PARENTHESIS: Final = re.compile(r"['\"`()]")
_END_OF_LINE: Final = re.compile(r"\n")
_END_OF_COMMENT: Final = re.compile(r"\*/")


class Window:
    """A piece of the text, moved on as it is read.

    Attributes:
        is_escaping: Whether a backslash escapes within quotes, as MySQL has it; in PostgreSQL and
            SQLite it is a character like any other.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._text = ""
        self._at = 0
        self._is_done = False
        self._fill()
        self.is_escaping = not is_plain(self._text)

    @property
    def is_at_end(self) -> bool:
        """Whether all of the text has been read."""
        return self._at == len(self._text) and not self._fill()

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Return what matches here and go behind it, or stay where nothing does."""
        if len(self._text) - self._at < AHEAD:
            self._fill()
        match = pattern.match(self._text, self._at)
        if match is not None:
            self._at = match.end()
        return match

    def find(self, pattern: re.Pattern[str]) -> str | None:
        """Go behind the next match and return it, or None at the end."""
        while True:
            match = pattern.search(self._text, self._at)
            if match is not None:
                self._at = match.end()
                return match.group()
            self._at = max(self._at, len(self._text) - _OVERLAP)
            if not self._fill():
                self._at = len(self._text)
                return None

    def pass_statement(self) -> None:
        """Go behind the semicolon that ends the statement."""
        stops = _ESCAPING_STOP if self.is_escaping else _PLAIN_STOP
        while (stop := self.find(stops)) not in {None, ";"}:
            self._pass(stop or "")

    def pass_row(self) -> bool:
        """Go behind the parenthesis that ends the row; False where the text breaks off before."""
        depth = 1
        while depth:
            stop = self.find(_PARENTHESIS)
            if stop is None:
                return False
            depth += {"(": 1, ")": -1}.get(stop, 0)
            if stop not in {"(", ")"}:
                self._pass(stop)
        return True

    def pass_line(self) -> None:
        """Go behind the end of the line."""
        self.find(_END_OF_LINE)

    def pass_comment(self) -> None:
        """Go behind the end of the comment."""
        self.find(_END_OF_COMMENT)

    def _pass(self, mark: str) -> None:
        """Go behind the end of what a mark begins: a quotation or a comment."""
        if mark in {"--", "#"}:
            self.pass_line()
        elif mark == "/*":
            self.pass_comment()
        elif mark == "'" and self.is_escaping:
            while self.find(_ESCAPED_END) not in {None, "'"}:
                pass
        else:
            self.find(re.compile(re.escape(mark)))

    def _fill(self) -> bool:
        if self._is_done:
            return False
        try:
            piece = self._stream.read(CHUNK)
        except OSError as error:
            says = (error.strerror or "it failed").lower()
            raise Misconfigured(f"The file of call records cannot be read: {says}.") from error
        self._is_done = not piece
        self._text = self._text[self._at :] + piece
        self._at = 0
        return bool(piece)


_ESCAPED_END: Final = re.compile(r"'|\\.", re.DOTALL)
_PLAIN_SIGNS: Final = re.compile(r"PostgreSQL|standard_conforming_strings|\A\s*PRAGMA ")


def is_plain(beginning: str) -> bool:
    """Say whether the beginning of a dump shows that backslashes escape nothing in it."""
    return _PLAIN_SIGNS.search(beginning[:4096]) is not None
