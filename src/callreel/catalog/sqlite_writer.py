"""The one connection that writes: its thread, its transactions and its log.

Changes that wait while another is brought to the disk are brought there together, in one
transaction and with one sync, which is most of what a change costs.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any, Final, TypeVar

import apsw

from callreel.waiting import to_its_end

Result = TypeVar("Result")

BUSY_MS: Final = 10_000
CHECKPOINT_PAGES: Final = 8_000
LONG_LOG: Final = 4
"""The log is told to be long when it holds so many times the pages after which it is moved."""
MOST_TOGETHER: Final = 64
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Job:
    """A change, which must bear to be made again after it was taken back, and who waits for it."""

    change: Callable[[apsw.Connection], Any]
    done: Future[Any] = field(default_factory=Future)


class Writer:
    """Makes changes one after the other, each whole or not at all.

    Args:
        connection: A connection that writes; it is used by no one else from now on.
        translated: Makes the error that a caller gets of one of SQLite's, or of text that is none.
    """

    def __init__(
        self,
        connection: apsw.Connection,
        translated: Callable[[apsw.Error | UnicodeDecodeError], Exception],
    ) -> None:
        self.connection = connection
        self._translated = translated
        self._thread = ThreadPoolExecutor(1, "catalog-writer")
        self._waiting: SimpleQueue[_Job] = SimpleQueue()
        self._wal_pages = 0
        self._is_full = False
        self._is_long = False
        connection.set_wal_hook(self._note_wal)

    async def write(self, change: Callable[[apsw.Connection], Result]) -> Result:
        """Make a change; it is on stable storage when this returns."""
        job = _Job(change)
        self._waiting.put(job)
        self._thread.submit(self._work_off)
        result: Result = await to_its_end(asyncio.wrap_future(job.done))
        return result

    def _work_off(self) -> None:
        """Make the changes that wait; those of an earlier call may have been made with others."""
        jobs: list[_Job] = []
        while len(jobs) < MOST_TOGETHER:
            try:
                jobs.append(self._waiting.get_nowait())
            except Empty:
                break
        if jobs and not self._commit(jobs):
            for job in jobs:
                self._commit([job])
        if self._is_full or self._wal_pages >= CHECKPOINT_PAGES:
            self._checkpoint()

    def _commit(self, jobs: Sequence[_Job]) -> bool:
        """Make changes in one transaction.

        Return False, all being taken back, where one of several fails: it need not be the fault of
        the others. Where it is the transaction that fails, it does for all.
        """
        results = []
        try:
            self.connection.execute("BEGIN IMMEDIATE")
            for job in jobs:
                try:
                    results.append(job.change(self.connection))
                except BaseException:
                    if len(jobs) > 1:
                        self._take_back()
                        return False
                    raise
            self.connection.execute("COMMIT")
        except BaseException as error:  # noqa: BLE001 - whoever waits for it is told
            self._take_back()
            self._fail(jobs, error)
        else:
            for job, result in zip(jobs, results, strict=True):
                job.done.set_result(result)
        return True

    def _take_back(self) -> None:
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")

    def _fail(self, jobs: Sequence[_Job], error: BaseException) -> None:
        self._is_full |= isinstance(error, apsw.FullError)
        for job in jobs:
            told: BaseException = error
            if isinstance(error, apsw.Error | UnicodeDecodeError):
                told = self._translated(error)
            told.__cause__ = None if told is error else error
            job.done.set_exception(told)

    def _note_wal(self, _connection: apsw.Connection, _name: str, pages: int) -> int:
        self._wal_pages = pages
        was_long, self._is_long = self._is_long, pages >= LONG_LOG * CHECKPOINT_PAGES
        if self._is_long and not was_long:
            _log.warning(
                "the log of the database grows, as something has been reading for long: end what "
                "reads it, or watch callreel_database_log_bytes"
            )
        return apsw.SQLITE_OK

    def _checkpoint(self) -> None:
        self._wal_pages = 0
        try:
            if self._is_full:
                self._empty_log()
            else:
                self.connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        except apsw.Error:
            return  # the next commit finds the log still long and asks again

    def _empty_log(self) -> None:
        """Move all of the log into the file, and give its room back to the disk.

        Raises:
            apsw.Error: somebody reads it, or the file finds no room to grow by what it lacks, which
                is less than the log holds. What is moved stays so; every change tries again.
        """
        self.connection.set_busy_timeout(0)
        try:
            self.connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        finally:
            self.connection.set_busy_timeout(BUSY_MS)
        self._is_full = False

    def close(self) -> None:
        """Finish the changes under way and give the file back."""
        self._thread.shutdown()
        self.connection.close()
