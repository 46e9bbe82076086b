"""Puts the legs of calls without recording together, while the rows of call records come.

Telephone systems write the legs of a call when they end, so these stand near to each other, but
not side by side. Calls are held until many others came after them.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final, Generic, TypeVar

from callreel.importers.call_news import CallNews
from callreel.importers.items import Item, Refusal, Row, RowUse

MOST_OPEN: Final = 4_000
"""A leg that comes after so many other calls is taken for a call of its own."""
MOST_LEGS: Final = 1_000
"""Further legs of a call change nothing of it."""

Leg = TypeVar("Leg")


@dataclass(frozen=True, slots=True)
class _Open(Generic[Leg]):
    item: Row | Refusal
    legs: list[Leg]


class OpenCalls(Generic[Leg]):
    """The calls of which more legs may come."""

    def __init__(
        self,
        tell: Callable[[list[Leg]], Row],
        most: int = MOST_OPEN,
        news: CallNews | None = None,
    ) -> None:
        """Begin with none.

        Args:
            tell: Tells of a call by its legs.
            most: How many calls to hold.
            news: Which calls to tell of; all if None.
        """
        self._tell = tell
        self._most = most
        self._news = news
        self._open: OrderedDict[str, _Open[Leg]] = OrderedDict()  # a dict finds its first slowly
        self._recorded: set[str] = set()

    def take(self, key: str, leg: Leg, item: Row | Refusal) -> Iterator[Item]:
        """Take a leg that names no recording at hand; yield items that are finished.

        One item of each call has the call; it comes when no more legs are waited for.

        Args:
            key: What the legs of a call have in common.
            leg: The leg.
            item: What its row is, without a call.
        """
        if key in self._recorded:
            yield _joined(item)
            return
        known = self._open.pop(key, None)
        if known is None:
            self._open[key] = _Open(item, [leg])
            if len(self._open) > self._most:
                yield self._oldest_finished()
            return
        self._open[key] = known
        if len(known.legs) < MOST_LEGS:
            known.legs.append(leg)
        yield item

    def note_recorded(self, key: str) -> Iterator[Item]:
        """Note that a call has a recording, so that it is not told as one without."""
        self._recorded.add(key)
        if self._news is not None:
            self._news.note_recorded(key)
        known = self._open.pop(key, None)
        if known is not None:
            yield _joined(known.item)

    def rest(self) -> Iterator[Item]:
        """Yield the items of all calls that are held: no more legs come."""
        while self._open:
            yield self._oldest_finished()

    def _oldest_finished(self) -> Item:
        key, known = self._open.popitem(last=False)
        told = self._tell(known.legs)
        if self._news is not None:  # a recording that is missing may be one that was moved away
            return told if self._news.is_news(key, told) else known.item
        if isinstance(known.item, Row) and told.where == known.item.where:
            return told
        return replace(
            known.item, call=told.call, agent=told.agent, queue=told.queue, source=told.source
        )


def _joined(item: Row | Refusal) -> Row | Refusal:
    return replace(item, use=RowUse.JOINED) if isinstance(item, Row) else item
