"""Delete a recording: gone from every list at once, then its audio, then its record.

What somebody deleted stays deleted: an import that meets it again leaves it out.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from functools import partial

from callreel.archive import Archive, BodyFormat
from callreel.archive.facts import facts_reader
from callreel.archive.find import entry_for
from callreel.audio import AudioKey
from callreel.catalog.deletions import Deletion
from callreel.errors import NotFound
from callreel.model import Access, Reach, Scope, State


async def one(
    archive: Archive, access: Access, recording_id: str, *, is_undone: bool = False
) -> None:
    """Delete a recording for good; one whose deletion was cut short is deleted to the end.

    The audio stays while another recording of the tenant has the same. The call stays in the list
    of calls.

    Args:
        archive: The archive.
        access: Who asks.
        recording_id: Which one.
        is_undone: Whether this undoes its import, which may bring it again then. Its call stays
            only if it came without the recording, too, or has another one.

    Raises:
        NotFound: there is no such recording for this key.
        NotAllowed: the key lacks the scope.
    """
    access.require(Scope.MANAGE)
    entry = await entry_for(archive, access, recording_id)
    read = facts_reader(archive.bodies)
    if is_undone:
        await archive.catalog.withdraw(access.reach, recording_id, State.DELETING, read)
    else:
        remains = partial(_without_audio, archive.bodies)
        await archive.catalog.delete(access.reach, recording_id, read, remains, int(time.time()))
    await end(archive, access.reach, recording_id, entry.digest)


async def again(archive: Archive, deletions: Sequence[Deletion]) -> int:
    """Delete what was deleted before, as after an older backup was restored.

    Of what is not there, it is kept that it was deleted, so that no import brings it.

    Args:
        archive: The archive.
        deletions: What was deleted, and when.

    Returns:
        How many recordings were there.

    Raises:
        NotFound: there is no such tenant.
    """
    found = 0
    for each in deletions:
        access = Access("", Reach(each.tenant), frozenset(Scope))
        with suppress(NotFound):
            await one(archive, access, each.id)
            found += 1
    await archive.catalog.note_deletions(deletions)
    return found


async def end(archive: Archive, reach: Reach, recording_id: str, digest: bytes) -> None:
    """Delete what is left of a recording that is being deleted."""
    async with archive.audio.removing():
        await remove_if_unused(archive, AudioKey(reach.tenant, digest.hex()))
        await archive.catalog.forget(reach, recording_id)  # last: till then it can be ended


def _without_audio(bodies: BodyFormat, body: bytes) -> bytes:
    return bodies.render_unrecorded(bodies.parse(body).call)


async def remove_if_unused(archive: Archive, key: AudioKey) -> None:
    """Remove audio unless a recording of its tenant has it; the caller holds `removing`."""
    if not await archive.catalog.is_digest_used(key.tenant, bytes.fromhex(key.sha256)):
        await archive.audio.remove(key)
