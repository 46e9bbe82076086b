"""What earlier backups have that the newest has not: it saves reading the lists of them all.

A line for each such file, in the order of their paths: the last backup that has it, two spaces, and
its path. The digest in the name of these lines is of the ids of all the backups that there were, a
line each from the oldest, and of the lines themselves. So they count only where just these backups
are there; else they are made again of the lists of the backups.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from operator import attrgetter
from typing import Final

from callreel.archive.backups import EARLIER, Item
from callreel.archive.backups.copying import beside
from callreel.archive.backups.destination import Destination
from callreel.archive.backups.files import (
    chunks_of,
    digest_of,
    is_content,
    lines_of,
    sha256_of,
    write_lines,
)

ID: Final = re.compile(r"\d{8}T\d{6}\.\d{3}Z")
_NAME: Final = re.compile(rf"{EARLIER}/({ID.pattern})\.([0-9a-f]{{64}})")


@dataclass(frozen=True, slots=True)
class Past:
    """A file that the newest backup has not: its path, and the last backup that has it."""

    path: str
    last: str

    @property
    def line(self) -> str:
        """The line that tells of it."""
        return f"{self.last}  {self.path}\n"


class Earlier:
    """What earlier backups have, kept beside them from one time to the next.

    Raises (any method):
        LostError: a file of it is gone or cannot be read.
        Misconfigured, StorageFull, Unavailable: as the place has it, or a list is damaged.
        OSError: the scratch folder cannot be used.
    """

    def __init__(self, destination: Destination, items_of: Callable[[str], Iterator[Item]]) -> None:
        """Prepare.

        Args:
            destination: Where the backups are kept; `writing` lasts.
            items_of: Returns what is in the list of a backup, in the order of the paths.
        """
        self._destination = destination
        self._items_of = items_of
        self._made = destination.scratch / EARLIER

    def bring(self, found: Sequence[str], kept: Sequence[str]) -> str:
        """Put in place what the backups before the newest have, and return where it is.

        Args:
            found: The ids of all backups that there are, oldest first.
            kept: The last of them, at least one: no other is told of.
        """
        begun = self._begun(found, kept)
        for before, after in pairwise(kept[begun:]):
            self._go_on(before, after)
        digest = digest_of(chain(_head(kept), chunks_of(self._made)))
        item = Item(f"{EARLIER}/{kept[-1]}.{digest}", sha256_of(self._made))
        self._destination.take(self._made, item)
        self._destination.settle()
        return item.path

    def read(self, path: str) -> Iterator[Past]:
        """Yield what is told at a path, in the order of the paths."""
        return _read(self._destination.read(path))

    def others(self, path: str) -> list[str]:
        """Return where the same of other times lies."""
        found = (each.path for each in self._destination.walk(EARLIER))
        return [each for each in found if each != path and _NAME.fullmatch(each)]

    def _begun(self, found: Sequence[str], kept: Sequence[str]) -> int:
        """Write what is known already, and return of which of the backups that are kept."""
        for path in reversed(self.others("")):
            match = _NAME.fullmatch(path)
            if match is None or match[1] not in kept:
                continue
            covered = found[: found.index(match[1]) + 1]
            if is_content(chain(_head(covered), self._destination.read(path)), match[2]):
                known = (each for each in self.read(path) if each.last >= kept[0])
                write_lines(self._made, (each.line for each in known))
                return kept.index(match[1])
        write_lines(self._made, ())
        return 0

    def _go_on(self, before: str, after: str) -> None:
        """Add what a backup has and the next has not, and leave out what that has again."""
        new = self._made.with_suffix(".new")
        had = (Past(each.path, before) for each in self._items_of(before))
        known = heapq.merge(_read(chunks_of(self._made)), had, key=attrgetter("path"))
        there = beside(known, self._items_of(after))
        write_lines(new, (each.line for each, again in there if again is None))
        new.replace(self._made)


def _head(ids: Sequence[str]) -> Iterator[bytes]:
    return (f"{each}\n".encode("ascii") for each in ids)


def _read(chunks: Iterable[bytes]) -> Iterator[Past]:
    """Yield what is in lines that were proven."""
    for each in lines_of(chunks):
        last, _, path = each.partition("  ")
        yield Past(path, last)
