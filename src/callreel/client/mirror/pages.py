"""All rows of a span of time, from pages in no order that move while they are read.

What decides is that a window fits into one page, which nothing can move in: a window that holds
more is halved. Only where a second holds more than a page is it walked by offset, with pages that
overlap, again and again until a whole walk brings nothing new.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from callreel.client.errors import BadAnswerError
from callreel.model import Span

FIRST_WIDTH: Final = 86_400  # seconds
LEAST_WIDTH: Final = 1
MOST_WIDTH: Final = 3_650 * 86_400
_WIDEN: Final = 4  # an empty window is so much narrower than the next
_OVERLAP: Final = 10  # so many rows of a page, or half of it, are asked for again with the next
_STALE_PAGES: Final = 10
_MOST_WALKS: Final = 10

Rows = dict[bytes, Any]
"""Rows as they came, by what tells one from another."""
Ask = Callable[[Span, int], list[Any]]
"""Asks for a page of a window, from an offset on."""


@dataclass(frozen=True, slots=True)
class Window:
    """A window that was read whole."""

    span: Span
    rows: Rows


class Windows:
    """Reads windows one after another, as wide as the account allows.

    Args:
        ask: Asks for a page.
        identity: Tells a row from others.
    """

    def __init__(self, ask: Ask, identity: Callable[[Any], bytes], page_size: int) -> None:
        self._ask = ask
        self._identity = identity
        self._page_size = page_size
        self._width = FIRST_WIDTH

    def first(self, span: Span) -> Window:
        """Return the first window of a span, with every row in it.

        Raises:
            ClientError: the service cannot be read.
        """
        while True:
            window = span.narrowed(high=span.low + self._width - 1)
            rows = self._whole(window)
            if rows is not None:
                break
            self._width = max(min(self._width, window.high - window.low + 1) // 2, LEAST_WIDTH)
        if len(rows) <= self._page_size // 4:
            self._width = min(self._width * (2 if rows else _WIDEN), MOST_WIDTH)
        return Window(window, rows)

    def _whole(self, window: Span) -> Rows | None:
        """Return the rows of a window, or None where it should be narrower."""
        rows: Rows = {}
        can_narrow = window.high - window.low >= LEAST_WIDTH
        pages = self._walk(window, rows, most_pages=1 if can_narrow else None)
        if pages is None:
            return None
        walks = 1
        before = -1 if pages > 1 else len(rows)
        while before < len(rows) and walks < _MOST_WALKS:
            before = len(rows)
            self._walk(window, rows, most_pages=None)
            walks += 1
        return rows

    def _walk(self, window: Span, rows: Rows, most_pages: int | None) -> int | None:
        """Walk over a window; return how many pages had rows beyond those before, or None.

        Whether a page is the last cannot be told by its length, as a service may give fewer than
        it is asked for. One that reaches no further than the one before is behind the last.
        """
        met: Rows = {}
        reached = overlap = pages = stale = 0
        while True:
            offset = reached - overlap
            page = self._ask(window, offset)
            if offset + len(page) <= reached:
                rows |= {mark: row for mark, row in met.items() if mark not in rows}
                return pages
            pages += 1
            if most_pages is not None and (pages > most_pages or len(page) >= self._page_size):
                return None
            here = {self._identity(row): row for row in reversed(page)}
            stale = stale + 1 if here.keys() <= met.keys() else 0
            met |= here
            if stale == _STALE_PAGES:
                raise BadAnswerError("The server gives the same page again, whatever the offset.")
            reached = offset + len(page)
            overlap = min(_OVERLAP, len(page) // 2)
