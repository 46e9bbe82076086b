"""Errors of the disk at each system call with which an operation writes, one after another."""

from __future__ import annotations

import errno
import threading
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Final

from faults.checker import WRONG, make_old, temporary
from faults.clients import Writer
from faults.gate import Gate, Held, gate
from faults.kills import sounds
from faults.points import CASES, Site, is_change, spread
from faults.running import Served, new_key, served
from faults.table import Figures, figures_of

_WRITING: Final = frozenset({"write", "writev", "pwrite64", "pwritev", "ftruncate", "fallocate"})
_NAMING: Final = frozenset({"openat", "rename", "renameat", "renameat2", "mkdir", "link"})
_SYNCING: Final = frozenset({"fsync", "fdatasync"})
_REMOVING: Final = frozenset({"unlink", "unlinkat", "rmdir"})
ERRORS: Final = {
    errno.EIO: _WRITING | _NAMING | _SYNCING | _REMOVING | {"close"},
    errno.ENOSPC: _WRITING | _NAMING,
    errno.EDQUOT: _WRITING | _NAMING,
    errno.EROFS: _NAMING | _REMOVING,
    errno.EMFILE: frozenset({"openat"}),
}
"""Which calls fail with which error."""
_LOCKS: Final = frozenset({".lock", ".turn"})


class FailAt:
    """Lets the call of a number fail, or all from that number on, of those that can fail so.

    Attributes:
        seen: How many calls could have failed so.
        left: How many temporary files could not be removed: a later start does.
    """

    def __init__(self, error: int, number: int, *, goes_on: bool) -> None:
        self.seen = 0
        self.left = 0
        self._error = error
        self._number = number
        self._goes_on = goes_on
        self._lock = threading.Lock()

    def __call__(self, held: Held) -> int:
        if held.name not in ERRORS[self._error] or not _may_fail(held):
            return 0
        with self._lock:
            self.seen += 1
            later = self._goes_on and self.seen > self._number
            if not self._number or not (self.seen == self._number or later):
                return 0
            self.left += held.name in _REMOVING and Path(held.path).parent.name == "tmp"
        return self._error


def _may_fail(held: Held) -> bool:
    """Say whether a call may be made to fail.

    One that closes is not carried out then, other than in earnest, and a lock would stay locked.
    """
    return is_change(held) or (held.name == "close" and Path(held.path).suffix not in _LOCKS)


def run(scratch: Path, count: int, seed: int) -> Figures:
    """Let so many calls of each operation fail with each error; every one where it is 0."""
    data = scratch / "data"
    site = Site(data, new_key(data), Random(seed), sounds(scratch))
    failed: dict[str, int] = {}
    left = 0
    with gate(data, scratch) as before:
        with served(data, site.key, before.before) as server:
            Writer(server, site.history, site.chance).upload("first", site.sounds[0])
            for error in ERRORS:
                done = list(_fail_each(site, server, before, error, count))
                failed[errno.errorcode[error]] = len(done)
                site.checker.check(server, data)
                left += sum(each.left for each in done)
                _require_left(site, left)
        make_old(data)
        with served(data, site.key) as server:
            site.checker.check(server, data)
            _require_left(site, 0)
    figures = figures_of(
        f"an error at {sum(failed.values())} system calls", site.history, site.checker.verdict
    )
    figures.notes["calls that failed"] = ", ".join(f"{name} {n}" for name, n in failed.items())
    return figures


def _fail_each(
    site: Site, server: Served, before: Gate, error: int, count: int
) -> Iterator[FailAt]:
    for name in CASES:
        counting = FailAt(error, 0, goes_on=False)
        site.do(server, before, name, f"e{error}-0", counting)
        for number in spread(counting.seen, count):
            for goes_on in (False, True):
                one = f"e{error}-{number}-{goes_on:d}"
                failing = FailAt(error, number, goes_on=goes_on)
                site.do(server, before, name, one, failing)
                yield failing


def _require_left(site: Site, most: int) -> None:
    """See to it that no more files are left of uploads that failed than could not be removed."""
    left = len(temporary(site.data))
    if left > most:
        site.checker.verdict.tell(WRONG, f"{left} files are left of uploads that failed")
