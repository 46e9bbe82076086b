"""Sweep: remove what no recording refers to, such as a crash leaves; never what one does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence

from callreel.archive import Archive, delete
from callreel.archive.damage import Damage, Finding
from callreel.archive.verify import NOT_OURS, Orphans, leftover, surely_unused, unused
from callreel.audio import Part, Stored
from callreel.errors import Unavailable
from callreel.model import Reach

GRACE_SECONDS = 24 * 3600
_DAMAGED = (
    "The catalog is damaged, so what is still needed cannot be told for sure; run "
    "`callreel repair` first. Nothing was removed."
)
_MANY = (
    "No recording has {}, as where the database is older than the audio or lost its log, so "
    "nothing was removed; put callreel.db and callreel.db-wal back as they were, or say --many to "
    "remove that audio."
)


async def sweep(
    archive: Archive,
    *,
    older_than: int = GRACE_SECONDS,
    is_dry: bool = False,
    is_many: bool = False,
    tell: Callable[[int], None] = lambda _count: None,
) -> AsyncIterator[list[Finding]]:
    """Remove leftovers, end deletions that were cut short, and yield what was, or would be.

    Audio is removed while nothing can be on its way in, after it was asked for once more.

    Args:
        archive: The archive.
        older_than: Seconds for which a file must have been left alone.
        is_dry: Whether to change nothing.
        is_many: Whether to remove audio even where much of it has no recording.
        tell: Called with how many files of audio were looked at so far. Without `is_many` they
            are gone through twice: first they are counted.

    Raises:
        Unavailable: the catalog is damaged, or does not know much of the audio; nothing was
            removed.
    """
    if await archive.catalog.damages() or not await archive.catalog.knows_its_audio():
        raise Unavailable(_DAMAGED)
    orphans = Orphans() if is_many else await _counted(archive, tell)
    if orphans.are_many and not is_dry:
        raise Unavailable(_MANY.format(orphans.finding().says))
    if orphans.are_many:
        yield [orphans.finding()]
    yield await _end_deletions(archive, is_dry=is_dry)
    if archive.exports is not None and not is_dry:
        await asyncio.to_thread(archive.exports.store.sweep)
    looked_at = 0
    async for batch in archive.audio.walk():
        looked_at += sum(each.part is Part.AUDIO for each in batch)
        tell(looked_at)
        old = _left_alone(batch, older_than)
        swept = await unused(archive, old)
        if swept and not is_dry:
            swept = await _remove(archive, swept, older_than)
        yield [leftover(each) for each in swept]


async def _counted(archive: Archive, tell: Callable[[int], None]) -> Orphans:
    orphans = Orphans()
    async for batch in archive.audio.walk():
        orphans.count(batch, await surely_unused(archive, batch))
        tell(orphans.files)
    return orphans


async def _end_deletions(archive: Archive, *, is_dry: bool) -> list[Finding]:
    found = await archive.catalog.deleting()
    if not is_dry:
        for each in found:
            await delete.end(archive, Reach(each.tenant), each.id, each.digest)
    kind = Damage.DELETION_UNFINISHED
    return [Finding(kind=kind, tenant=each.tenant, recording=each.id) for each in found]


def _left_alone(things: Sequence[Stored], seconds: int) -> list[Stored]:
    latest = time.time() - seconds
    return [each for each in things if each.part not in NOT_OURS and each.touched_at <= latest]


async def _remove(archive: Archive, things: Sequence[Stored], older_than: int) -> list[Stored]:
    """Remove what is still there and of no use; the same may be taken in again just now."""
    async with archive.audio.removing():
        left = _left_alone(await archive.audio.again(things), older_than)
        return [each for each in left if await _is_removed(archive, each)]


async def _is_removed(archive: Archive, stored: Stored) -> bool:
    key = stored.key
    if key is not None and await archive.catalog.is_digest_used(
        key.tenant, bytes.fromhex(key.sha256)
    ):
        return False
    if key is not None and stored.part is Part.AUDIO:
        await archive.audio.remove(key)
    else:
        await archive.audio.drop(stored)
    return True
