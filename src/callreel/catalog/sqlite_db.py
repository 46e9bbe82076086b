"""Connections to one SQLite file, and who may use which; no rules of the archive are here.

Three lanes. Short questions run on the event loop's own thread, since a hop to another thread
costs more than most of them take; one that has not ended after `FAST_SECONDS` is given up and
asked again in the slow lane, a few threads with connections of their own, of which no tenant
holds all. What counts is processor time, or else a busy machine would ask twice what is quickly
answered; a slow disk, for which that stands still, is given `FAST_WAIT_SECONDS`. Writes go through
the writer's thread (`sqlite_writer`), so that a sync of the disk never holds up the event loop.
"""

from __future__ import annotations

import asyncio
import math
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Final, TypeVar

import apsw

from callreel.catalog.migrate import Migration, migrate, require_newest
from callreel.catalog.sqlite_writer import BUSY_MS, CHECKPOINT_PAGES, Writer
from callreel.disk import NEW
from callreel.errors import BadParameter, Misconfigured, StorageFull, Unavailable
from callreel.room import Lanes, Room
from callreel.row import ROW

Result = TypeVar("Result")

FAST_SECONDS: Final = 0.010
FAST_WAIT_SECONDS: Final = 0.040
SLOW_LANES: Final = 3
SLOW_SHARE: Final = 2
"""Of these, how many one tenant may hold."""
SLOW_MOST: Final = 128
"""Questions in the slow lane, those that wait too; half of them at most of one tenant."""
CHECK_EVERY: Final = 5_000  # steps of SQLite's machine between looks at the clock, about 0.2 ms
PAGE_BYTES: Final = 8192
_GONE: Final = ("no such table", "no such column", "no such index")
NOBODY: Final = 0
"""In place of a tenant, for what no tenant asked."""


class Database:
    """The three lanes to one file."""

    def __init__(
        self, path: Path, query_seconds: int, steps: list[Migration], *, read_only: bool = False
    ) -> None:
        """Open the file, making it where there is none, and bring its schema up to date.

        With `read_only` the file is neither made nor changed, and every write fails.

        Raises:
            Misconfigured: the file cannot be opened, is no database of ours, or is to be read
                only and has an older schema.
        """
        self._query_seconds = query_seconds
        self._deadline = math.inf
        self._worked_from: float | None = None
        self._is_shared = False
        with _explained(path):
            if read_only:
                writing = _open_untouched(path, steps)
            else:
                writing = open_writer(path)
                migrate(writing, steps)
            self._fast = _open_reader(path, cache_mib=64)
            slow = [_open_reader(path, cache_mib=16) for _ in range(SLOW_LANES)]
            self._files = None if read_only else _Files(path)
        self._fast.set_progress_handler(self._is_late, CHECK_EVERY)
        self._slow: SimpleQueue[apsw.Connection] = SimpleQueue()
        for connection in slow:
            self._slow.put(connection)
        self._writer = Writer(writing, _translated)
        self._slow_threads = ThreadPoolExecutor(SLOW_LANES, "catalog-slow")
        busy = "The archive is busy; ask again in a moment."
        self._slow_room = Room(SLOW_MOST, busy, share=SLOW_MOST // 2)
        self._slow_lanes = Lanes(SLOW_LANES, share=SLOW_SHARE)

    def read_now(self, question: Callable[[apsw.Connection], Result]) -> Result:
        """Ask on this thread; all of one question sees one moment.

        To begin and end a moment for each takes a short list a tenth of its time, so the questions
        of a row share one.

        Raises:
            apsw.InterruptError: it takes long; ask `read_slowly`.
            Unavailable: the store is away.
        """
        if not self._is_shared and not ROW.at_end(self._end_shared_moment):
            with _moment(self._fast):
                return self._ask_now(question)
        self._is_shared = True
        if not self._fast.in_transaction:  # it is the first, or the one before failed and ended it
            self._fast.execute("BEGIN")
        return self._ask_now(question)

    def _end_shared_moment(self) -> None:
        self._is_shared = False
        with suppress(apsw.Error):  # the next row tries again
            _end_moment(self._fast)

    def _ask_now(self, question: Callable[[apsw.Connection], Result]) -> Result:
        self._deadline = time.perf_counter() + FAST_WAIT_SECONDS
        self._worked_from = None
        try:
            return question(self._fast)
        except apsw.InterruptError:
            raise
        except (apsw.Error, UnicodeDecodeError) as error:
            raise _translated(error) from error
        finally:  # what ends the moment is not given up
            self._deadline, self._worked_from = math.inf, None

    async def read(
        self, question: Callable[[apsw.Connection], Result], tenant: int = NOBODY
    ) -> Result:
        """Ask on this thread, and if that takes long, in the slow lane."""
        try:
            return self.read_now(question)
        except apsw.InterruptError:
            pass  # and let go of it: its cursors would keep this lane at their moment
        return await self.read_slowly(question, tenant)

    async def read_slowly(
        self,
        question: Callable[[apsw.Connection], Result],
        tenant: int = NOBODY,
        *,
        seconds: int | None = None,
    ) -> Result:
        """Ask in the slow lane.

        Args:
            question: What to ask.
            tenant: Who waits for it.
            seconds: The time limit, where it is not that of every question.

        Raises:
            Unavailable: it took longer than its time limit, too many wait, or the store is away.
        """
        loop = asyncio.get_running_loop()
        limit = seconds or self._query_seconds
        with self._slow_room.entered(tenant):
            async with self._slow_lanes.entered(tenant):
                return await loop.run_in_executor(
                    self._slow_threads, self._ask_slowly, question, limit
                )

    def _ask_slowly(self, question: Callable[[apsw.Connection], Result], limit: int) -> Result:
        connection = self._slow.get()
        try:
            with _moment(connection), _at_most(limit, connection):
                return question(connection)
        except apsw.InterruptError as error:
            raise Unavailable(
                f"The answer took longer than {limit} s; ask for less, such as a "
                "shorter span of start_time.",
                retry_after=limit,
            ) from error
        except (apsw.Error, UnicodeDecodeError) as error:
            raise _translated(error) from error
        finally:
            self._slow.put(connection)

    async def write(self, change: Callable[[apsw.Connection], Result]) -> Result:
        """Make a change, whole or not at all; it is on stable storage when this returns.

        It bears to be made again: with others in one transaction, then alone where one of them
        fails.

        Raises:
            Unavailable: the file is not in its place any more, or the store is away.
        """
        self.require_in_place()
        return await self._writer.write(change)

    def require_in_place(self) -> None:
        """Raise Unavailable where the file was moved, removed or replaced since it was opened.

        What is written then would go to a file that the next start does not find.
        """
        if self._files is not None and not self._files.are_in_place():
            raise Unavailable(
                "The database is no longer in its place; tell the operator to put it back."
            )

    def _is_late(self) -> bool:
        worked = time.thread_time()
        if self._worked_from is None:  # most questions end before they are looked at even once
            self._worked_from = worked
        return worked - self._worked_from > FAST_SECONDS or time.perf_counter() > self._deadline

    def close(self) -> None:
        """Finish the writes under way and give the file back."""
        self._writer.close()
        self._slow_threads.shutdown()
        while not self._slow.empty():
            self._slow.get().close()
        self._fast.close()


class _Files:
    """Knows the database and its log again, which SQLite goes on writing to wherever they are."""

    def __init__(self, path: Path) -> None:
        self._paths = path, path.with_name(f"{path.name}-wal")
        self._known = self._now()

    def are_in_place(self) -> bool:
        try:
            return self._now() == self._known
        except OSError:
            return False

    def _now(self) -> list[tuple[int, int]]:
        found = map(os.stat, self._paths)
        return [(each.st_dev, each.st_ino) for each in found]


def open_writer(path: Path) -> apsw.Connection:
    """Return a connection that may write, as durable as all of ours are.

    Raises:
        apsw.Error: the file cannot be opened or made.
    """
    # SQLite gives the files beside it the same mode. One that is there is left to SQLite: closing
    # it here would end the locks of this process on it.
    with suppress(OSError):
        os.close(os.open(path, NEW, 0o600))
    connection = apsw.Connection(str(path))
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
    connection.set_busy_timeout(BUSY_MS)
    connection.execute(f"PRAGMA page_size={PAGE_BYTES}")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA wal_autocheckpoint=0")
    # Once who made the log grow has read, the first change cuts it back to what it mostly needs.
    connection.execute(f"PRAGMA journal_size_limit={CHECKPOINT_PAGES * PAGE_BYTES}")
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA temp_store=MEMORY")
    connection.execute("PRAGMA cache_size=-16384")
    return connection


def _open_untouched(path: Path, steps: list[Migration]) -> apsw.Connection:
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    connection.set_busy_timeout(BUSY_MS)
    require_newest(connection, steps)
    return connection


def _open_reader(path: Path, *, cache_mib: int) -> apsw.Connection:
    connection = apsw.Connection(str(path), statementcachesize=512)
    # Without this, SQLite plans a statement anew for each set of values that it is given.
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
    connection.set_busy_timeout(BUSY_MS)
    connection.execute("PRAGMA query_only=1")
    connection.execute("PRAGMA temp_store=MEMORY")
    connection.execute(f"PRAGMA cache_size=-{cache_mib * 1024}")
    return connection


@contextmanager
def _moment(connection: apsw.Connection) -> Iterator[None]:
    """Let all statements see the catalog as it is at one moment, whoever writes meanwhile."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        _end_moment(connection)


def _end_moment(connection: apsw.Connection) -> None:
    if connection.in_transaction:  # some errors have ended it
        connection.execute("ROLLBACK")  # after others there is no COMMIT


@contextmanager
def _at_most(seconds: float, connection: apsw.Connection) -> Iterator[None]:
    """Give up what is asked after so long, but not what ends its moment."""
    end = time.perf_counter() + seconds
    connection.set_progress_handler(lambda: time.perf_counter() > end, CHECK_EVERY)
    try:
        yield
    finally:
        connection.set_progress_handler(None)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except apsw.NotADBError as error:
        raise Misconfigured(f"{path.name} in the data folder is no database of ours.") from error
    except apsw.Error as error:
        raise Misconfigured(f"The database cannot be opened: {error}.") from error
    except OSError as error:  # what it says has the path
        why = (error.strerror or "it failed").lower()
        raise Misconfigured(f"The database cannot be opened: {why}.") from error


def _translated(error: apsw.Error | UnicodeDecodeError) -> Exception:
    if isinstance(error, apsw.FullError):
        return StorageFull("There is no room for more; reading goes on. Tell the operator.")
    if isinstance(error, apsw.BusyError | apsw.LockedError):
        return Unavailable("The archive is busy; ask again in a moment.")
    if isinstance(error, apsw.SQLError) and "too many SQL variables" in str(error):
        return BadParameter("The filter holds more values than can be looked for.", field="filter")
    if isinstance(error, apsw.TooBigError):
        return BadParameter("So long a page cannot be made; ask for fewer records.", field="limit")
    is_gone = isinstance(error, apsw.SQLError) and str(error).startswith(_GONE)
    foreign = (apsw.IOError, apsw.CantOpenError, apsw.CorruptError, apsw.NotADBError)
    # Text of damaged rows may be none.
    if is_gone or isinstance(error, (*foreign, apsw.ReadOnlyError, UnicodeDecodeError)):
        return Unavailable("The catalog cannot be reached; tell the operator.", retry_after=5)
    return error
