"""A row of work that the event loop does without looking for anything new in between."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final


class Row:
    """What is done in a row on the thread of the event loop, and what comes at its end.

    Whoever works in a row may do things once for all of it: at its end others ask to be called.
    """

    def __init__(self) -> None:
        self._at_end: list[Callable[[], None]] | None = None  # none while there is no row

    @contextmanager
    def running(self) -> Iterator[None]:
        """Let what is done within be one row; it must not wait."""
        self._at_end = []
        try:
            yield
        finally:
            ends, self._at_end = self._at_end, None
            for end in ends:
                end()

    def at_end(self, end: Callable[[], None]) -> bool:
        """Have something called at the end of the row, which does not fail; say whether one is."""
        if self._at_end is None:
            return False
        self._at_end.append(end)
        return True


ROW: Final = Row()
"""The row of this process; it has one event loop at a time."""
