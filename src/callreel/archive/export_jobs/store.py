"""The exports in the data folder.

    exports/<tenant>/<id>/order.json      what was asked for
    exports/<tenant>/<id>/progress.json   what became of it; none while it waits
    exports/<tenant>/<id>/file            the finished file, and its drafts beside it
    exports/<tenant>/turn.lock            held by the process that carries orders out

Every file is put into place whole. Several processes may use the folder at once.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from callreel.archive.export_jobs import Job, Order, Progress, Stage, is_for
from callreel.disk import closed_to_others, free_bytes, is_locked_by_us, sync_folder
from callreel.errors import NotFound, StorageFull, TooManyRequests, Unavailable
from callreel.model import Reach

FILE: Final = "file"
ORDER: Final = "order.json"
PROGRESS: Final = "progress.json"
TURN: Final = "turn.lock"
MOST_WAITING: Final = 5
MOST_KEPT: Final = 50
FORGOTTEN_SECONDS: Final = 7 * 86_400
"""For so long it is told that an export has expired, or failed."""
ASK_AGAIN_SECONDS: Final = 30
_ID: Final = re.compile(r"[0-9a-f]{32}")
_OPEN: Final = frozenset({Stage.QUEUED, Stage.RUNNING})
_NONE: Final = "There is no such export."

T = TypeVar("T")


class ExportStore:
    """Keeps orders, their progress and their files.

    Args:
        root: The folder.
        kept_seconds: How long a finished file can be fetched.
        reserve_bytes: Free bytes of the disk below which no export is begun or goes on.

    Raises (any method):
        Unavailable: the folder cannot be read or written to.
    """

    def __init__(self, root: Path, *, kept_seconds: int, reserve_bytes: int) -> None:
        self._root = root
        self._kept = kept_seconds
        self._reserve = reserve_bytes

    def add(self, order: Order) -> Job:
        """Keep an order, on stable storage.

        Raises:
            TooManyRequests: the tenant has as many as it may.
            StorageFull: there is no room for another export.
        """
        with _translated():
            self._folder(order).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.require_room()
            jobs = list(self._of_tenant(order.reach.tenant))
            if sum(job.progress.stage in _OPEN for job in jobs) >= MOST_WAITING:
                raise TooManyRequests(
                    f"There are {MOST_WAITING} exports that wait or run; wait for one to end.",
                    retry_after=ASK_AGAIN_SECONDS,
                )
            if len(jobs) >= MOST_KEPT:
                raise TooManyRequests(
                    f"There are {MOST_KEPT} exports; delete one.", retry_after=ASK_AGAIN_SECONDS
                )
            made = self._folder(order).with_name(f"new-{order.id}")
            made.mkdir(mode=0o700)
            _put(made / ORDER, order)
            made.rename(self._folder(order))
            sync_folder(self._folder(order).parent)
        return Job(order, Progress())

    def job(self, reach: Reach, job_id: str) -> Job:
        """Return an export.

        Raises:
            NotFound: there is none within this reach.
        """
        found = None
        if _ID.fullmatch(job_id):
            with _translated():
                found = self._job(self._root / str(reach.tenant) / job_id)
        if found is None or not is_for(reach, found.order):
            raise NotFound(_NONE)
        return found

    def jobs(self, reach: Reach) -> list[Job]:
        """Return the exports within a reach, newest first."""
        with _translated():
            found = list(self._of_tenant(reach.tenant))
        return [job for job in reversed(found) if is_for(reach, job.order)]

    def remove(self, reach: Reach, job_id: str) -> None:
        """Remove an export, whatever it does; raises as `job`."""
        job = self.job(reach, job_id)
        with _translated():
            self._drop(self._folder(job.order))

    def file(self, job: Job) -> Path:
        """Return where the file of an export is, or is to be."""
        return self._folder(job.order) / FILE

    def note(self, job: Job, progress: Progress) -> None:
        """Keep what became of an order.

        Raises:
            NotFound: it was removed.
        """
        with _translated():
            try:
                _put(self._folder(job.order) / PROGRESS, progress)
            except FileNotFoundError as error:
                raise NotFound(_NONE) from error

    def tenants(self) -> list[int]:
        """Return the numbers of the tenants that have exports."""
        with _translated():
            if not self._root.is_dir():
                return []
            return sorted(int(each.name) for each in self._root.iterdir() if each.name.isdigit())

    def waiting(self, tenant: int) -> Job | None:
        """Return the oldest order that nobody has ended; what was cut short is one too."""
        with _translated():
            jobs = self._of_tenant(tenant)
            return next((job for job in jobs if job.progress.stage in _OPEN), None)

    def has_waiting(self) -> bool:
        """Say whether anything is left to be carried out."""
        return any(self.waiting(tenant) is not None for tenant in self.tenants())

    @contextmanager
    def turn(self, tenant: int) -> Iterator[bool]:
        """Lend the turn to carry out a tenant's orders, and say whether it was to be had."""
        with _translated():
            descriptor = os.open(
                self._root / str(tenant) / TURN, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
            )
        try:
            yield is_locked_by_us(descriptor)
        finally:
            os.close(descriptor)

    def sweep(self) -> None:
        """Drop the files of exports that expired, in the end every trace of them, and leftovers."""
        now = time.time()
        for tenant in self.tenants():
            with _translated():
                for job in list(self._of_tenant(tenant)):
                    self._sweep(job, now)
                for left in self._left_over(tenant, now):
                    shutil.rmtree(left, ignore_errors=True)

    def require_room(self) -> None:
        """Raise StorageFull where the disk has less free space than is to be kept."""
        if free_bytes(self._root) < self._reserve:
            raise StorageFull("There is no room for an export; tell the operator to make some.")

    def _sweep(self, job: Job, now: float) -> None:
        if job.progress.ended_at is None:
            return
        if job.progress.stage is not Stage.FINISHED:
            for left in self._folder(job.order).glob(f"{FILE}*"):
                left.unlink(missing_ok=True)
        if now > job.progress.ended_at + self._kept + FORGOTTEN_SECONDS:
            self._drop(self._folder(job.order))

    def _left_over(self, tenant: int, now: float) -> list[Path]:
        """Return what was cut short while it was made or dropped."""
        oldest = now - FORGOTTEN_SECONDS
        found = list((self._root / str(tenant)).iterdir())
        halves = [each for each in found if each.name.startswith(("new-", "gone-"))]
        return [each for each in halves if each.lstat().st_mtime < oldest]

    def _of_tenant(self, tenant: int) -> Iterator[Job]:
        folder = self._root / str(tenant)
        found = folder.iterdir() if folder.is_dir() else ()
        for each in sorted(each for each in found if _ID.fullmatch(each.name)):
            job = self._job(each)
            if job is not None:
                yield job

    def _job(self, folder: Path) -> Job | None:
        order = _got(folder / ORDER, Order)
        if order is None:
            return None
        progress = _got(folder / PROGRESS, Progress) or Progress()
        if progress.stage is not Stage.FINISHED or progress.ended_at is None:
            return Job(order, progress)
        expires_at = progress.ended_at + self._kept
        if time.time() >= expires_at:
            progress = replace(progress, stage=Stage.EXPIRED)
        return Job(order, progress, expires_at)

    def _drop(self, folder: Path) -> None:
        gone = folder.with_name(f"gone-{folder.name}-{secrets.token_hex(4)}")
        with suppress(FileNotFoundError):
            folder.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)

    def _folder(self, order: Order) -> Path:
        return self._root / str(order.reach.tenant) / order.id


def new_id(now: float) -> str:
    """Return the id of an order that is made now."""
    return f"{int(now * 1000):012x}{secrets.token_hex(10)}"


def _put(path: Path, value: Order | Progress) -> None:
    fresh = path.with_suffix(".new")
    with open(fresh, "wb", opener=closed_to_others) as file:
        file.write(msgspec.json.encode(value))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def _got(path: Path, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (FileNotFoundError, NotADirectoryError):
        return None


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise Unavailable("The folder of exports cannot be used; tell the operator.") from error
