"""Take in recordings: identity, duplicates and the order of writes.

The order is what makes an answer a promise. Audio is on stable storage before the catalog
hears of it, so a crash between the two leaves a file that nobody refers to, never a record
without its audio.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, fields

from callreel.archive import Archive
from callreel.archive.delete import remove_if_unused
from callreel.archive.facts import facts_of, is_within
from callreel.audio import AudioKey, Inspection, Staged
from callreel.catalog import NewEntry, Outcome
from callreel.errors import BadRecording, Conflict, StorageFull, Unavailable
from callreel.model import (
    EARLIEST_START,
    LATEST_START,
    Access,
    Audio,
    Call,
    Recording,
    Scope,
)

PEAKS = "peaks.json"


@dataclass(frozen=True, slots=True)
class TakenIn:
    """A recording that is in the archive for good.

    Attributes:
        body: Its body.
        is_new: False where the same was there already.
    """

    body: bytes
    is_new: bool


@dataclass(frozen=True, slots=True)
class Arrival:
    """A call with its staged audio, as it comes in.

    Attributes:
        call: The call.
        staged: The audio; its owner drops it afterwards.
        id: The id that the sender wants, or None to have one made of the call and the audio.
        original_name: The file's name where it came from, or None.
        source: What brings it in, such as `api` or `freepbx`.
        has_call_record: Whether anything but the file's name tells of the call.
    """

    call: Call
    staged: Staged
    id: str | None = None
    original_name: str | None = None
    source: str = "api"
    has_call_record: bool = True


async def one(archive: Archive, access: Access, arrival: Arrival) -> TakenIn:
    """Take in one recording and return it once it is on stable storage.

    One that was deleted for good is there again: whoever sends it wants it to be.

    Raises:
        BadRecording: the call or the audio is at fault, or outside of what the key reaches.
        UnsupportedMedia: the file is no audio that the archive takes.
        Conflict: the id has other content.
        StorageFull: there is no room.
        NotAllowed: the key lacks the scope.
    """
    access.require(Scope.INGEST)
    tenant = access.reach.tenant
    if not is_within(access.reach, facts_of(arrival.call)):
        raise BadRecording("The call lies outside of the projects or users of this key.")
    check_call(arrival.call)
    inspection = await measured(archive, arrival.staged)
    async with archive.audio.taking_in():
        entry = await store(archive, tenant, arrival, inspection)
        (outcome,) = await archive.catalog.add(tenant, [entry], deleted_too=True)
    if outcome is Outcome.CONFLICT:
        async with archive.audio.removing():
            await remove_if_unused(archive, AudioKey(tenant, arrival.staged.sha256))
        raise Conflict("This id is taken by a recording with other content.")
    # No part of the promise, and a tenth of the time that the client would wait for it.
    archive.afterwards(keep_peaks(archive, tenant, [(entry.digest.hex(), inspection)]))
    if outcome is Outcome.ADDED:
        return TakenIn(entry.body, is_new=True)
    kept = await archive.catalog.find(access.reach, entry.id)
    return TakenIn(kept.body, is_new=False)


async def measured(archive: Archive, staged: Staged) -> Inspection:
    """Measure audio while it is on its way to the disk: each waits for another device.

    Raises:
        BadRecording, UnsupportedMedia: it is no audio that the archive takes.
        StorageFull, Unavailable: it cannot be measured, or not be brought to the disk.
    """
    syncing = asyncio.ensure_future(archive.audio.sync(staged))
    await asyncio.sleep(0)  # it begins first: the child that measures may take our processor
    try:
        return await archive.sound.inspect(staged.path)
    finally:
        await syncing


async def store(
    archive: Archive, tenant: int, arrival: Arrival, inspection: Inspection
) -> NewEntry:
    """Put audio that was measured on stable storage and return the entry to be added.

    The caller holds `AudioStore.taking_in` until the entry is in the catalog.

    Raises:
        StorageFull: there is no room.
    """
    digest = arrival.staged.sha256
    await archive.audio.keep(arrival.staged, AudioKey(tenant, digest))
    return entry_of(archive, arrival, digest, inspection)


async def keep_peaks(
    archive: Archive, tenant: int, inspected: Iterable[tuple[str, Inspection]]
) -> None:
    """Keep waveforms beside their audio; where that fails they are made again when asked for.

    Args:
        archive: The archive.
        tenant: Whose audio it is.
        inspected: The digest of each, in hexadecimal, and what was measured.
    """
    made = [(AudioKey(tenant, digest), PEAKS, each.peaks) for digest, each in inspected]
    with suppress(StorageFull, Unavailable):
        await archive.audio.keep_derived_all(made)


def entry_of(archive: Archive, arrival: Arrival, digest: str, inspection: Inspection) -> NewEntry:
    """Return what the catalog keeps of an arrival whose audio was measured."""
    call = arrival.call
    recording_id = arrival.id or derived_id(
        call.started_at, call.dialog_id, call.source_call_id or "", digest
    )
    audio = Audio(
        digest,
        arrival.staged.size,
        inspection.mime_type,
        inspection.channels,
        inspection.duration_ms,
    )
    body = archive.bodies.render(Recording(recording_id, call, audio))
    return NewEntry(
        id=recording_id,
        body=body,
        facts=facts_of(call),
        digest=bytes.fromhex(digest),
        fingerprint=fingerprint(call, digest),
        arrived_at=int(time.time()),
        original_name=arrival.original_name,
        source=arrival.source,
        project=call.project,
        user=call.user,
        dialog=call.dialog_id,
        has_call_record=arrival.has_call_record,
    )


def derived_id(started_at: int, dialog_id: str, source_call_id: str, sha256: str) -> str:
    """Return an id that the same call with the same audio always gets.

    A UUID of version 8 (RFC 9562, 5.8): 48 bits of the start in milliseconds, so that ids lie
    in the catalog as calls arrive, then a digest of what tells one recording from another.
    """
    identity = f"{dialog_id}\0{source_call_id}\0{sha256}"
    tail = hashlib.sha256(identity.encode()).hexdigest()
    variant = "89ab"[int(tail[3], 16) % 4]
    head = beginning_of_id(started_at)
    return f"{head}{tail[:3]}-{variant}{tail[4:7]}-{tail[7:19]}"


def beginning_of_id(started_at: int) -> str:
    """Return how every id begins that is derived of a call with this start."""
    head = f"{started_at * 1000:012x}"
    return f"{head[:8]}-{head[8:]}-8"


def check_call(call: Call) -> None:
    """Raise BadRecording where a call's times or lengths cannot be."""
    if not EARLIEST_START <= call.started_at <= LATEST_START:
        raise BadRecording("The call must start in the years 2000 to 2135.", field="started_at")
    if call.hung_up_at < call.started_at:
        raise BadRecording("The call ends before it starts.", field="hung_up_at")
    for name in ("talking_ms", "waiting_ms", "first_queue_waiting_ms"):
        length = getattr(call, name)
        if length is not None and not 0 <= length < 1 << 53:
            raise BadRecording("A length must be 0 or more milliseconds.", field=name)


def fingerprint(call: Call, sha256: str) -> bytes:
    """Digest what was handed in; fields that a later version adds leave it as it is."""
    given = [
        f"{field.name}={value!r}"
        for field in fields(call)
        if (value := getattr(call, field.name)) is not None and value is not False and value != ()
    ]
    return hashlib.sha256("\0".join([sha256, *given]).encode()).digest()
