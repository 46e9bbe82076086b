"""Mirror an account elsewhere: take in its recordings, window by window, and keep up with it.

Which spans of time are all taken in is kept in the ledger. A span counts once each of its
recordings is in the archive, and never within a day of now: a call appears when it ends, so one
that began long ago may still come.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final, Protocol

from callreel.archive import Archive, imports
from callreel.archive.verdict import Became, Verdict
from callreel.importers.items import Item
from callreel.model import EARLIEST_START, Span

FORMAT: Final = "mirror"
LATE: Final = 86_400  # seconds after its start at which a call is taken to have appeared
THOROUGH: Final = 3_600  # seconds between passes over everything that is not taken in yet
FIRST_WAIT: Final = 60  # seconds until what failed is tried again; then twice as long
_FAILED: Final = frozenset({Became.REFUSED, Became.LATER})


@dataclass(frozen=True, slots=True)
class Found:
    """A recording of the account.

    Attributes:
        mark: What tells it from all others of the account, as long as it is there.
        item: Itself, or why it is none.
    """

    mark: bytes
    item: Item


@dataclass(frozen=True, slots=True)
class Portion:
    """All that there is in a part of a span.

    Attributes:
        until: Where the part ends: the last second in which one of these calls can have started.
        found: The recordings, each once.
    """

    until: int
    found: Sequence[Found]


class Account(Protocol):
    """An account elsewhere; it is read in another thread than the archive's."""

    @property
    def digest(self) -> bytes:
        """What tells it from other accounts."""
        ...

    def read(self, span: Span) -> Portion:
        """Return all recordings of calls that started in the first part of a span.

        Raises:
            CallreelError: the account cannot be read.
        """
        ...


@dataclass(frozen=True, slots=True)
class _Retry:
    due: int
    wait: int


class Mirror:
    """Takes in an account; what is there already is left as it is.

    Args:
        archive: The archive.
        tenant: Whose recordings they become.
        account: The account.
        since: Seconds UTC at or after which calls must have started, or None for all.

    Attributes:
        reached: Up to when calls started that the last pass has looked at, seconds UTC.
    """

    def __init__(
        self, archive: Archive, tenant: int, account: Account, since: int | None = None
    ) -> None:
        self._archive = archive
        self._tenant = tenant
        self._account = account
        self._since = EARLIEST_START if since is None else max(since, EARLIEST_START)
        self.reached = self._since
        self._number: int | None = None
        self._through_at: int | None = None
        self._settled: dict[bytes, int] = {}
        self._failing: dict[bytes, _Retry] = {}

    async def catch_up(self, now: int) -> AsyncGenerator[Verdict]:
        """Take in what is there and was not met before, and yield what became of it.

        A pass after the first looks at the last day only, but for one an hour.

        Args:
            now: Seconds UTC; it is asked for no later calls.

        Raises:
            StorageFull, Unavailable: the archive or the account cannot go on.
            CallreelError: the account cannot be read. What was taken in until then stays.
        """
        is_quick = self._through_at is not None and now - self._through_at < THOROUGH
        begin = max(self._since, now - LATE) if is_quick else self._since
        self._settled = {mark: at for mark, at in self._settled.items() if at >= now - LATE}
        done = await self._archive.catalog.mirrored(self._tenant, self._account.digest)
        for gap in gaps(Span(begin, now), done):
            async with aclosing(self._filled(gap, now)) as verdicts:
                async for verdict in verdicts:
                    yield verdict
        self._through_at = self._through_at if is_quick else now

    async def _filled(self, gap: Span, now: int) -> AsyncGenerator[Verdict]:
        low = gap.low
        while low <= gap.high:
            portion = await asyncio.to_thread(self._account.read, Span(low, gap.high))
            async with aclosing(self._taken_in(portion, now)) as verdicts:
                async for verdict in verdicts:
                    yield verdict
            await self._note(Span(low, min(portion.until, now - LATE)), portion)
            self.reached = portion.until
            low = portion.until + 1

    async def end(self) -> None:
        """Note that mirroring came to its end."""
        if self._number is not None:
            await imports.end(self._archive, self._number)

    async def _taken_in(self, portion: Portion, now: int) -> AsyncGenerator[Verdict]:
        """Take in as one import, however many portions there are; it begins with the first item."""
        fresh = [each for each in portion.found if self._is_due(each.mark, now)]
        if not fresh:
            return
        if self._number is None:
            self._number = await imports.begin(self._archive, self._tenant, FORMAT)
        items = [each.item for each in fresh]
        marks = iter(fresh)
        made = imports.go_on(self._archive, self._tenant, self._number, items)
        async with aclosing(made) as verdicts:
            async for verdict in verdicts:
                self._remember(next(marks).mark, verdict.became, portion.until, now)
                yield verdict

    def _is_due(self, mark: bytes, now: int) -> bool:
        retry = self._failing.get(mark)
        return mark not in self._settled and (retry is None or retry.due <= now)

    def _remember(self, mark: bytes, became: Became, until: int, now: int) -> None:
        last = self._failing.pop(mark, None)
        if became in _FAILED:
            wait = FIRST_WAIT if last is None else min(2 * last.wait, THOROUGH)
            self._failing[mark] = _Retry(now + wait, wait)
        elif until >= now - LATE:
            self._settled[mark] = until

    async def _note(self, span: Span, portion: Portion) -> None:
        """Keep that a span is taken in, where all of it is."""
        if span.is_empty or any(each.mark in self._failing for each in portion.found):
            return
        catalog = self._archive.catalog
        await catalog.note_mirrored(self._tenant, self._account.digest, span)


def gaps(span: Span, done: Sequence[Span]) -> Iterator[Span]:
    """Yield the parts of a span that others leave open; those ascend and do not meet."""
    low = span.low
    for each in done:
        if each.low > low:
            yield Span(low, min(each.low - 1, span.high))
        low = max(low, each.high + 1)
        if low > span.high:
            return
    yield Span(low, span.high)
