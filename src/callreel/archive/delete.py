"""Delete a recording: gone from every list at once, then its audio, then its record."""

from __future__ import annotations

from functools import partial

from callreel.archive import Archive, BodyFormat
from callreel.archive.facts import facts_reader
from callreel.archive.find import entry_for
from callreel.audio import AudioKey
from callreel.model import Access, Reach, Scope, State


async def one(
    archive: Archive, access: Access, recording_id: str, *, keeps_call: bool = True
) -> None:
    """Delete a recording for good; one whose deletion was cut short is deleted to the end.

    The audio stays while another recording of the tenant has the same.

    Args:
        archive: The archive.
        access: Who asks.
        recording_id: Which one.
        keeps_call: Whether its call stays in the list of calls. Where not, it does so only if
            it came without the recording, too, or has another one.

    Raises:
        NotFound: there is no such recording for this key.
        NotAllowed: the key lacks the scope.
    """
    access.require(Scope.MANAGE)
    entry = await entry_for(archive, access, recording_id)
    read = facts_reader(archive.bodies)
    remains = partial(_without_audio, archive.bodies) if keeps_call else None
    await archive.catalog.withdraw(access.reach, recording_id, State.DELETING, read, remains)
    await end(archive, access.reach, recording_id, entry.digest)


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
