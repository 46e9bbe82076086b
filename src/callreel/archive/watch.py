"""Watch a folder: take in what is new in it, pass by pass, and remember what was looked at."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from callreel.archive import Archive, imports
from callreel.archive.keep_call import foresee_call
from callreel.archive.verdict import Became, Verdict
from callreel.catalog.ledger import WatchedFile
from callreel.importers.call_news import CallNews
from callreel.importers.items import Candidate, Item, printable
from callreel.importers.moving import move
from callreel.importers.tree import Found

ITEMS_AT_ONCE: Final = 100
"""Items that are met again before the event loop hears of anything else, such as SIGTERM."""
_MET_AGAIN: Final = frozenset({Became.LATER, Became.CALL_SAME})
_IN_THE_ARCHIVE: Final = frozenset({Became.ADDED, Became.SAME})


class Looks(Protocol):
    """What yields the items of one pass."""

    def items(self) -> Iterator[Item]: ...


IsNews = Callable[[Found], bool]


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder that is watched.

    Attributes:
        path: Where it is.
        format: The format's name.
        importer: Makes the importer of one pass, given which files are news.
        move_to: Where to put what is in the archive, or None to leave it.
        calls: What the importers ask which calls of a table to tell of, or None.
    """

    path: Path
    format: str
    importer: Callable[[IsNews], Looks]
    move_to: Path | None = None
    calls: CallNews | None = None


class Watch:
    """Takes in what is new in a folder; what was looked at is remembered over restarts.

    A file is looked at again when its length or its time changed, or when it was left for later.

    Attributes:
        is_waiting: Whether the last pass left something for later.
    """

    def __init__(self, archive: Archive, tenant: int, folder: Folder) -> None:
        self.is_waiting = False
        self._archive = archive
        self._tenant = tenant
        self._folder = folder
        self._name = printable(os.fspath(folder.path.resolve()))
        self._known: set[int] | None = None
        self._number: int | None = None

    async def look(self) -> AsyncGenerator[Verdict]:
        """Take in what is new, and yield what became of it.

        Raises:
            StorageFull, Unavailable: the archive cannot go on, or a file cannot be moved; look
                again later.
            Misconfigured: the folder or the call records cannot be read.
        """
        known = await self._remembered()
        news: dict[tuple[str, ...], Found] = {}

        def is_news(found: Found) -> bool:
            if hash(_mark(found)) in known:
                return False
            news[found.parts] = found
            return True

        later: set[str] = set()
        done: set[str] = set()
        items = self._folder.importer(is_news).items()
        async with aclosing(self._taken_in(items)) as verdicts:
            async for verdict in verdicts:
                if verdict.became is Became.LATER:
                    later.add(verdict.where)
                elif verdict.became in _IN_THE_ARCHIVE:
                    done.add(verdict.where)
                yield verdict
        self.is_waiting = bool(later)
        settled = [found for found in news.values() if found.where not in later]
        await self._settle(settled, done)
        if self._folder.calls is not None:
            self._folder.calls.settle()

    async def end(self) -> None:
        """Note that watching came to its end."""
        if self._number is not None:
            await imports.end(self._archive, self._number)

    async def _taken_in(self, items: Iterable[Item]) -> AsyncGenerator[Verdict]:
        """Take in as one import, however many passes there are; it begins with the first news."""
        rest = iter(items)
        met = itertools.count(1)
        while self._number is None:
            item = next(rest, None)
            if item is None:
                return
            verdict = await self._met_again(item)
            if verdict is not None:
                yield verdict
                if not next(met) % ITEMS_AT_ONCE:
                    await asyncio.sleep(0)
                continue
            self._number = await imports.begin(self._archive, self._tenant, self._folder.format)
            rest = _chained(item, rest)
        made = imports.go_on(self._archive, self._tenant, self._number, rest, leaves_out=_MET_AGAIN)
        async with aclosing(made) as verdicts:
            async for verdict in verdicts:
                yield verdict

    async def _met_again(self, item: Item) -> Verdict | None:
        """Return the verdict of what needs no import, as a new process meets calls of before."""
        if isinstance(item, Candidate):
            return None
        archive = self._archive
        verdict = await foresee_call(archive.catalog, archive.bodies, self._tenant, item)
        return verdict if verdict.became in _MET_AGAIN else None

    async def _settle(self, settled: list[Found], done: Collection[str]) -> None:
        """Move what is in the archive, where that is wanted, and remember the rest."""
        staying = settled
        if self._folder.move_to is not None:
            staying = [found for found in settled if found.where not in done]
            for found in settled:
                if found.where in done:
                    await asyncio.to_thread(move, self._folder.path, found, self._folder.move_to)
        known = await self._remembered()
        known.update(hash(_mark(found)) for found in staying)
        if staying:
            marks = [_mark(found) for found in staying]
            await self._archive.catalog.note_watched(self._tenant, self._name, marks)

    async def _remembered(self) -> set[int]:
        """Return the hashes of all marks: a whole mark of a million files would fill the memory."""
        if self._known is None:
            marks = await self._archive.catalog.watched_files(self._tenant, self._name)
            self._known = {hash(mark) for mark in marks}
        return self._known


def _chained(first: Item, rest: Iterator[Item]) -> Iterator[Item]:
    yield first
    yield from rest


def _mark(found: Found) -> WatchedFile:
    return os.fsencode("/".join(found.parts)), found.size, found.modified_at
