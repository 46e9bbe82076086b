"""Delete a recording: gone from every list at once, then its audio, then its record.

What somebody deleted stays deleted: an import that meets it again leaves it out.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from functools import partial

from callreel.archive import Archive, BodyFormat
from callreel.archive.facts import facts_reader, recording_in
from callreel.archive.find import entry_for
from callreel.audio import AudioKey
from callreel.catalog import Entry
from callreel.catalog.deletions import Deletion
from callreel.errors import NotFound
from callreel.model import Access, Reach, Scope, State


async def one(
    archive: Archive, access: Access, recording_id: str, *, is_undone: bool = False
) -> None:
    """Delete a recording for good; one whose deletion was cut short is deleted to the end.

    The audio stays while another recording of the tenant has the same. The call stays in the list
    of calls, unless its record is damaged and nothing else tells of the call.

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
        remains = partial(_without_audio, archive.bodies, entry)
        await archive.catalog.delete(access.reach, recording_id, read, remains, int(time.time()))
    await end(archive, access.reach, recording_id, entry.digest)


async def again(archive: Archive, deletions: Sequence[Deletion]) -> int:
    """Delete what was deleted before, as after an older backup was restored.

    Of what is not there, it is kept that it was deleted, so that no import brings it, and that no
    recording of its call is missing. What came in after it was deleted stays: somebody sent it
    again, or let it come back.

    Args:
        archive: The archive.
        deletions: What was deleted, and when.

    Returns:
        How many recordings were there and were deleted.

    Raises:
        NotFound: there is no such tenant; nothing is deleted then.
    """
    arrived = [await _arrived_at(archive, each) for each in deletions]
    due = [
        (each, at is not None)
        for each, at in zip(deletions, arrived, strict=True)
        if at is None or at <= each.at
    ]
    # First, so that no import brings what is about to be deleted.
    await archive.catalog.note_deletions([each for each, _ in due])
    found = 0
    for each, is_there in due:
        if is_there:
            with suppress(NotFound):  # somebody else is faster
                await one(archive, _access_to(each), each.id)
                found += 1
    return found


async def _arrived_at(archive: Archive, deletion: Deletion) -> int | None:
    """Return when the recording came that has the id of a deleted one, or None."""
    with suppress(NotFound):
        entry = await archive.catalog.find(_access_to(deletion).reach, deletion.id)
        return entry.arrived_at
    return None


def _access_to(deletion: Deletion) -> Access:
    return Access("", Reach(deletion.tenant), frozenset(Scope))


async def end(archive: Archive, reach: Reach, recording_id: str, digest: bytes) -> None:
    """Delete what is left of a recording that is being deleted."""
    async with archive.audio.removing():
        await remove_if_unused(archive, AudioKey(reach.tenant, digest.hex()))
        await archive.catalog.forget(reach, recording_id)  # last: till then it can be ended


def _without_audio(bodies: BodyFormat, entry: Entry, body: bytes) -> bytes | None:
    """Return the call that the body of a recording leaves, or None where it is of no such one."""
    recording = recording_in(bodies, body)
    if recording is None or (recording.id, recording.audio.sha256) != (
        entry.id,
        entry.digest.hex(),
    ):
        return None
    return bodies.render_unrecorded(recording.call)


async def remove_if_unused(archive: Archive, key: AudioKey) -> None:
    """Remove audio unless a recording of its tenant has it; the caller holds `removing`."""
    if not await archive.catalog.is_digest_used(key.tenant, bytes.fromhex(key.sha256)):
        await archive.audio.remove(key)
