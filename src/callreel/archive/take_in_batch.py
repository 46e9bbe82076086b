"""Take in many recordings and calls that an importer found, each with a verdict.

What `take_in` promises of one holds of each: audio before record, twice is the same as once.
A recording's id is made of what its source calls it and of its audio, so an import that was cut
short, repeated or split finds again what is there, even where it knows more of the call by now.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Iterable, Iterator, Sequence
from contextlib import ExitStack, aclosing
from dataclasses import dataclass, replace
from typing import Final

from callreel.archive import Archive
from callreel.archive.delete import remove_if_unused
from callreel.archive.keep_call import keep_calls
from callreel.archive.look import Added, Known, copy, id_of, look, verdict_of
from callreel.archive.take_in import Arrival, check_call, entry_of, keep_peaks
from callreel.archive.verdict import Verdict, deleted_before, refused
from callreel.audio import AudioKey, AudioStore, Inspection, Staged
from callreel.catalog import Catalog, NewEntry, Outcome
from callreel.errors import (
    BadRecording,
    CallreelError,
    StorageFull,
    Unavailable,
    UnsupportedMedia,
)
from callreel.importers.items import Candidate, Fault, Item
from callreel.model import Call
from callreel.waiting import to_its_end

BATCH_ITEMS: Final = 100
BATCH_BYTES: Final = 64 << 20
BATCH_ROWS: Final = 500
AT_ONCE: Final = 6
"""More than there are processors: most of them wait for the disk, which syncs several in one."""


@dataclass(frozen=True, slots=True)
class Halt:
    """A file that was not judged, because the archive itself cannot go on."""

    error: CallreelError


@dataclass(frozen=True, slots=True)
class _Arriving:
    """A recording whose audio is staged and measured.

    Attributes:
        arrival: The call with its audio.
        inspection: What was measured.
        entry: What the catalog is to keep of it.
    """

    arrival: Arrival
    inspection: Inspection
    entry: NewEntry


Prepared = _Arriving | Known | Verdict | Halt


@dataclass(frozen=True, slots=True)
class _Group:
    """Items of which the audio is staged and measured, in their order.

    Attributes:
        items: All of them.
        candidates: Those of them that are recordings.
        prepared: What became of each candidate so far.
        files: The staged audio, until it is closed.
    """

    items: Sequence[Item]
    candidates: Sequence[Candidate]
    prepared: Sequence[Prepared]
    files: ExitStack


async def take_in_batch(
    archive: Archive, tenant: int, items: Iterable[Item], run: int | None = None
) -> AsyncGenerator[list[Verdict]]:
    """Take in all candidates, a transaction for each group, and yield a verdict for every item.

    They come group by group, in the order of the items. A verdict that a recording or a call was
    added is a promise: it is on stable storage. While a group is brought there, the next one is
    read and measured already.

    Args:
        archive: The archive.
        tenant: Whose recordings they become.
        items: What an importer found.
        run: The number of the import in the ledger, or None.

    Raises:
        StorageFull, Unavailable: the archive cannot go on. Verdicts yielded before hold.
    """
    async with aclosing(_one_ahead(_prepared(archive, tenant, items))) as coming:
        async for group in coming:
            with group.files:
                verdicts, halt = await _take_in_group(archive, tenant, group, run)
            if verdicts:
                yield verdicts
            if halt is not None:
                raise halt.error


def groups(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Yield items in groups of bounded number and bytes."""
    group: list[Item] = []
    files, weight = 0, 0
    for item in items:
        group.append(item)
        if isinstance(item, Candidate):
            files, weight = files + 1, weight + (item.size or 0)
        if files >= BATCH_ITEMS or weight >= BATCH_BYTES or len(group) >= BATCH_ROWS:
            yield group
            group, files, weight = [], 0, 0
    if group:
        yield group


async def _prepared(archive: Archive, tenant: int, items: Iterable[Item]) -> AsyncGenerator[_Group]:
    for group in groups(items):
        candidates = [item for item in group if isinstance(item, Candidate)]
        with ExitStack() as files:
            prepared = await _prepare_all(archive, tenant, candidates, files)
            unless_given = files.pop_all()
        yield _Group(group, candidates, prepared, unless_given)
        if any(isinstance(each, Halt) for each in prepared):
            return


async def _next(groups: AsyncGenerator[_Group]) -> _Group | None:
    async for group in groups:
        return group
    return None


async def _one_ahead(groups: AsyncGenerator[_Group]) -> AsyncGenerator[_Group]:
    """Yield groups, of which the next is made while one is worked on; drop it where none asks."""
    async with aclosing(groups):
        coming = asyncio.create_task(_next(groups))
        try:
            while (group := await coming) is not None:
                coming = asyncio.create_task(_next(groups))
                yield group
        finally:
            coming.cancel()
            await asyncio.wait({coming})
            if not coming.cancelled() and coming.exception() is None:
                unused = coming.result()
                if unused is not None:
                    unused.files.close()


async def _take_in_group(
    archive: Archive, tenant: int, group: _Group, run: int | None
) -> tuple[list[Verdict], Halt | None]:
    async with archive.audio.taking_in():
        prepared = await _kept(archive, tenant, group.prepared)
        arriving = [each for each in prepared if isinstance(each, _Arriving)]
        waveforms = [(each.entry.digest.hex(), each.inspection) for each in arriving]
        await keep_peaks(archive, tenant, waveforms)
        entries = [replace(each.entry, import_run=run) for each in arriving]
        added = await _add(archive.catalog, tenant, entries)
    await _drop_unused(archive, tenant, entries, added)
    if told := _told_of(prepared, added):
        await archive.catalog.note_call_records(tenant, told)
    outcomes = iter(added)
    halts = [each for each in prepared if isinstance(each, Halt)]
    rows = [item for item in group.items if not isinstance(item, Candidate)]
    of_rows = iter(await keep_calls(archive, tenant, rows, run))
    of_candidates = iter(
        _verdict(candidate, made, outcomes)
        for candidate, made in zip(group.candidates, prepared, strict=True)
    )
    verdicts = [
        next(of_candidates) if isinstance(item, Candidate) else next(of_rows)
        for item in group.items
    ]
    sound = [verdict for verdict in verdicts if not isinstance(verdict, Halt)]
    return sound, halts[0] if halts else None


def _verdict(candidate: Candidate, made: Prepared, outcomes: Iterator[Added]) -> Verdict | Halt:
    if isinstance(made, _Arriving):
        return verdict_of(candidate, next(outcomes), made.entry.id)
    return made.verdict if isinstance(made, Known) else made


def _told_of(prepared: Sequence[Prepared], added: Sequence[Added]) -> list[tuple[str, bytes]]:
    """Return the ids and audio that were there, and of whose calls a call record tells now."""
    known = [
        (each.id, bytes.fromhex(each.audio.sha256))
        for each in prepared
        if isinstance(each, Known) and each.is_first_told
    ]
    arriving = [each for each in prepared if isinstance(each, _Arriving)]
    return known + [
        (each.entry.id, each.entry.digest)
        for each, outcome in zip(arriving, added, strict=True)
        if each.arrival.has_call_record and outcome in {Outcome.SAME, Outcome.CONFLICT}
    ]


async def _prepare_all(
    archive: Archive, tenant: int, candidates: Sequence[Candidate], files: ExitStack
) -> list[Prepared]:
    """Prepare candidates, a few at once; after one that halts no other is begun.

    Nothing of it goes on where it is cancelled: what is staged is given back then.
    """
    slots = asyncio.Semaphore(AT_ONCE)
    halts: list[Halt] = []

    async def prepare(candidate: Candidate) -> Prepared:
        async with slots:
            prepared = halts[0] if halts else await _prepare(archive, tenant, candidate, files)
        if isinstance(prepared, Halt):
            halts.append(prepared)
        return prepared

    tasks = [asyncio.create_task(prepare(candidate)) for candidate in candidates]
    try:
        return await asyncio.gather(*tasks)
    finally:
        await _ended(tasks)


async def _ended(tasks: Sequence[asyncio.Task[Prepared]]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)


async def _add(catalog: Catalog, tenant: int, entries: Sequence[NewEntry]) -> list[Added]:
    """Add all entries together; where one of them cannot be added, each alone."""
    if not entries:
        return []
    try:
        return [*await catalog.add(tenant, entries)]
    except BadRecording as error:
        if len(entries) == 1:
            return [error]
    return [added for entry in entries for added in await _add(catalog, tenant, [entry])]


async def _drop_unused(
    archive: Archive, tenant: int, entries: Sequence[NewEntry], added: Sequence[Added]
) -> None:
    """Remove the audio of what was not added after all, such as what was deleted meanwhile."""
    kept = {Outcome.ADDED, Outcome.SAME}
    pairs = zip(entries, added, strict=True)
    digests = {entry.digest for entry, outcome in pairs if outcome not in kept}
    if digests:
        async with archive.audio.removing():
            for digest in digests:
                await remove_if_unused(archive, AudioKey(tenant, digest.hex()))


async def _prepare(
    archive: Archive, tenant: int, candidate: Candidate, files: ExitStack
) -> Prepared:
    """Stage and measure the audio of a candidate, or say why there is nothing to take in."""
    try:
        found = await look(archive.catalog, archive.bodies, tenant, candidate)
        if isinstance(found, Verdict):
            return found
        if found is not None and await _is_whole(archive.audio, tenant, found):
            return found
        return await _staged(archive, tenant, candidate, files)
    except (StorageFull, Unavailable) as error:
        return Halt(error)


async def judged(
    candidate: Candidate, measuring: Awaitable[Inspection]
) -> tuple[Call, Inspection] | Verdict:
    """Return the whole call of a candidate and what was measured of its audio, or a refusal.

    Raises:
        StorageFull, Unavailable: as `measuring`, which is no fault of the candidate.
    """
    try:
        inspection = await measuring
    except UnsupportedMedia as error:
        return refused(candidate, Fault.NOT_AUDIO, error.message)
    except BadRecording as error:
        return refused(candidate, Fault.BROKEN, error.message)
    call = candidate.complete(inspection.duration_ms)
    try:
        check_call(call)
    except BadRecording as error:
        return refused(candidate, Fault.BAD_CALL, error.message)
    return call, inspection


async def _staged(
    archive: Archive, tenant: int, candidate: Candidate, files: ExitStack
) -> _Arriving | Verdict:
    """Return a candidate whose audio is staged until `files` are closed, or why it is refused."""
    with ExitStack() as unless_taken:
        staged = unless_taken.enter_context(archive.audio.stage())
        try:
            await _copied(candidate, staged)
        except BadRecording as error:
            return refused(candidate, Fault.UNREADABLE, error.message)
        if candidate.size not in (None, staged.size):
            reason = "The file changed while it was read; the next import takes it."
            return refused(candidate, Fault.GROWING, reason)
        sha256 = staged.sha256
        recording_id = id_of(candidate, sha256)
        if candidate.is_remote and await archive.catalog.is_deleted(tenant, recording_id):
            return deleted_before(candidate, recording_id)  # who is far was not looked at before
        made = await judged(candidate, archive.sound.inspect(staged.path))
        if isinstance(made, Verdict):
            return made
        call, inspection = made
        arrival = Arrival(
            call=call,
            staged=staged,
            id=recording_id,
            original_name=candidate.original_name,
            source=candidate.source,
            has_call_record=candidate.has_call_record,
        )
        try:
            entry = entry_of(archive, arrival, sha256, inspection)
        except BadRecording as error:
            return refused(candidate, Fault.BAD_CALL, error.message)
        files.enter_context(unless_taken.pop_all())
        return _Arriving(arrival, inspection, entry)


async def _copied(candidate: Candidate, staged: Staged) -> None:
    """Copy audio and bring it to the disk, in another thread; nobody leaves that one behind.

    In one step, since each step of another thread costs a twentieth of what a recording does.

    Raises:
        BadRecording: it cannot be read.
        StorageFull, Unavailable: it cannot be written.
    """

    def copy_and_sync() -> None:
        copy(candidate, staged.write)
        staged.sync()

    copying = asyncio.get_running_loop().run_in_executor(None, copy_and_sync)
    try:
        await to_its_end(copying)
    except asyncio.CancelledError:
        await asyncio.wait({copying})
        raise


async def _kept(archive: Archive, tenant: int, prepared: Sequence[Prepared]) -> list[Prepared]:
    """Put the audio of all on stable storage; where that fails, the candidate becomes a halt."""
    arriving = [each for each in prepared if isinstance(each, _Arriving)]
    faults = iter(
        await archive.audio.keep_all(
            [(each.arrival.staged, AudioKey(tenant, each.entry.digest.hex())) for each in arriving]
        )
    )
    return [
        Halt(fault) if isinstance(each, _Arriving) and (fault := next(faults)) else each
        for each in prepared
    ]


async def _is_whole(store: AudioStore, tenant: int, known: Known) -> bool:
    """Say whether what is known needs not be taken in again, as far as can be told at a glance.

    Its audio is judged by its length alone: to read all that is there again, for each import that
    is repeated, would read the archive once more for what `callreel verify` finds. What that
    marked is not available, so that the next import brings good audio back.
    """
    audio = known.audio
    return known.is_available and await store.size(AudioKey(tenant, audio.sha256)) == audio.size
