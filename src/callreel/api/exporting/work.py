"""Carries out orders for exports, one after another."""

from __future__ import annotations

import hashlib
import time
from contextlib import aclosing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

import structlog

from callreel.api.exporting import FORMATS, Parts
from callreel.api.filters import read_filter
from callreel.api.limits import Limits
from callreel.api.log import cause_of, trace_of
from callreel.api.params import read_sort
from callreel.archive import Archive
from callreel.archive.export import export
from callreel.archive.export_jobs import Job, Progress, Stage
from callreel.archive.export_jobs.store import ExportStore
from callreel.archive.exporting import UNREADABLE, Question
from callreel.archive.exporting.drafts import TargetDraft
from callreel.archive.exporting.members import pieces_of
from callreel.errors import CallreelError, NotFound, StorageFull, Unavailable
from callreel.model import DEFAULT_SORT, Access, Scope

_log = structlog.get_logger(__name__)
NOTE_SECONDS: Final = 0.5
MOST_TRIES: Final = 3
_LARGEST: Final = Limits(
    max_filter_bytes=1 << 30,
    max_filter_objects=1 << 20,
    max_filter_items=1 << 20,
    max_number_chars=1 << 20,
)
"""What was accepted once is not refused again because limits were lowered."""


async def work_off(archive: Archive, store: ExportStore) -> None:
    """Carry out all orders that wait, of tenants for which no other process does."""
    store.sweep()
    for tenant in store.tenants():
        # An order that comes in just before a turn ends is seen by the next look.
        while store.waiting(tenant) is not None and await _take_turn(archive, store, tenant):
            pass


async def _take_turn(archive: Archive, store: ExportStore, tenant: int) -> bool:
    """Carry out what waits of a tenant; return False where another process is at it."""
    with store.turn(tenant) as is_ours:
        while is_ours and (job := store.waiting(tenant)) is not None:
            await carry_out(archive, store, job)
    return is_ours


async def carry_out(archive: Archive, store: ExportStore, job: Job) -> None:
    """Carry out an order; what goes wrong is noted with it."""
    running = _Running(store, job)
    try:
        await running.run(archive)
    except NotFound:
        return  # it was removed meanwhile
    except CallreelError as error:
        if isinstance(error, StorageFull | Unavailable):
            told = {"why": error.message, "cause": cause_of(error)}
            _log.error("export failed", export=job.order.id, **told)
        running.fail(error.message)
    except Exception as error:  # noqa: BLE001 - one order must not keep the others waiting
        _log.error("export failed", export=job.order.id, trace=trace_of(error))
        running.fail("Something went wrong in the server; tell its operator the id.")


class _Running:
    def __init__(self, store: ExportStore, job: Job) -> None:
        self._store = store
        self._job = job
        self._progress = Progress(stage=Stage.RUNNING, tries=job.progress.tries + 1)
        self._noted_at = 0.0

    async def run(self, archive: Archive) -> None:
        asked, target = self._job.order, self._store.file(self._job)
        if self._progress.tries > MOST_TRIES:
            self.fail(f"It was cut short {MOST_TRIES} times; ask for less, or tell the operator.")
            return
        self.note()
        scopes = {Scope.READ, Scope.LISTEN} if asked.has_audio else {Scope.READ}
        access = Access("", asked.reach, frozenset(scopes))
        wanted = read_filter(asked.filter, _LARGEST)
        sort = read_sort(asked.sort) if asked.sort else DEFAULT_SORT
        self.note(total=await archive.catalog.count(asked.reach, wanted))
        with TargetDraft(target, "", is_folder=False, resume=False) as draft:
            parts = Parts(archive, access, asked.base, draft, asked.created_at)
            writer = FORMATS[asked.format].make(parts)
            question = Question(wanted, parts.opening, sort)
            async with aclosing(export(archive, access, question, writer, draft)) as pages:
                async for _ in pages:
                    self._store.require_room()
                    self._tell(draft)
            self._progress = replace(
                self._progress, done=draft.count, unreadable=draft.numbers.get(UNREADABLE, 0)
            )
        self.note(
            stage=Stage.FINISHED,
            size=target.stat().st_size,
            sha256=_digest(target),
            ended_at=int(time.time()),
        )

    def fail(self, reason: str) -> None:
        """Keep that it failed, unless it was removed meanwhile."""
        with suppress(NotFound):
            self.note(stage=Stage.FAILED, ended_at=int(time.time()), reason=reason)

    def note(self, **changes: object) -> None:
        """Keep what changed."""
        self._progress = replace(self._progress, **changes)  # type: ignore[arg-type] # by name
        self._store.note(self._job, self._progress)
        self._noted_at = time.monotonic()

    def _tell(self, draft: TargetDraft) -> None:
        if time.monotonic() - self._noted_at >= NOTE_SECONDS:
            self.note(done=draft.count, unreadable=draft.numbers.get(UNREADABLE, 0))


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for piece in pieces_of(file):
            digest.update(piece)
    return digest.hexdigest()
