"""Look whether the archive has what an importer found, or had it: before anything is copied."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import BinaryIO, Final

from callreel.archive import BodyFormat
from callreel.archive.take_in import beginning_of_id, derived_id, fingerprint
from callreel.archive.verdict import Became, Verdict, deleted_before, refused
from callreel.catalog import Catalog, Entry, Outcome
from callreel.errors import BadRecording, NotFound
from callreel.importers.items import Candidate, Fault
from callreel.model import Audio, Reach, State

CHUNK: Final = 1 << 20
_CHANGED: Final = "Its source tells other data of the call by now; what is here stays as it is."

Added = Outcome | BadRecording
"""What the catalog made of a recording."""


@dataclass(frozen=True, slots=True)
class Known:
    """A recording that the archive has.

    Attributes:
        audio: Its audio as it should be in the store.
        verdict: What is to be said of the candidate if it is.
        is_available: Whether it is in every list; where not, its audio is taken in once more.
        id: Its id.
        is_first_told: Whether a call record tells of its call by now, and nothing but its file's
            name did. It tells of no other audio that may have the id.
    """

    audio: Audio
    verdict: Verdict
    is_available: bool
    id: str
    is_first_told: bool


async def look(
    catalog: Catalog, bodies: BodyFormat, tenant: int, candidate: Candidate
) -> Known | Verdict | None:
    """Look whether the archive has a recording, or had it; None where it is to be taken in.

    Where the source gave no id it costs one reading of the file, which is not done of one that is
    far, nor where the archive has nothing from that second; it writes nothing. A file that cannot
    be read is refused.
    """
    if candidate.id is not None:
        return await _look_by_id(catalog, bodies, tenant, candidate)
    beginning = beginning_of_id(candidate.native_time)
    if candidate.is_remote or not await catalog.has_id_like(tenant, beginning):
        return None
    try:
        sha256 = await asyncio.to_thread(_digest, candidate)
    except BadRecording as error:
        return refused(candidate, Fault.UNREADABLE, error.message)
    return await look_by_audio(catalog, bodies, tenant, candidate, sha256)


async def look_by_audio(
    catalog: Catalog, bodies: BodyFormat, tenant: int, candidate: Candidate, sha256: str
) -> Known | Verdict | None:
    """Look for a recording to which its source gave no id (see `look`).

    Args:
        catalog: Where.
        bodies: Reads what is there.
        tenant: Whose.
        candidate: The recording.
        sha256: The digest of its audio, in hexadecimal.
    """
    entry = await _entry(catalog, tenant, candidate, id_of(candidate, sha256))
    if not isinstance(entry, Entry):
        return entry
    audio = bodies.parse(entry.body).audio
    call = candidate.complete(audio.duration_ms)
    is_same = fingerprint(call, sha256) == entry.fingerprint
    verdict = verdict_of(candidate, Outcome.SAME if is_same else Outcome.CONFLICT, entry.id)
    return _known(candidate, entry, audio, verdict, is_same_audio=True)


async def _look_by_id(
    catalog: Catalog, bodies: BodyFormat, tenant: int, candidate: Candidate
) -> Known | Verdict | None:
    entry = await _entry(catalog, tenant, candidate, id_of(candidate, ""))
    if not isinstance(entry, Entry):
        return entry
    audio = bodies.parse(entry.body).audio
    if candidate.sha256 not in (None, audio.sha256):
        reason = "The archive has this recording with other audio, which it keeps."
        return refused(candidate, Fault.CONFLICT, reason)
    is_same = fingerprint(candidate.complete(audio.duration_ms), audio.sha256) == entry.fingerprint
    if not is_same and candidate.is_remote:
        verdict = verdict_of(_changed(candidate), Outcome.SAME, entry.id)
    else:
        outcome = Outcome.SAME if is_same else Outcome.CONFLICT
        verdict = verdict_of(candidate, outcome, entry.id)
    is_same_audio = is_same or candidate.sha256 is not None  # else nobody knows
    return _known(candidate, entry, audio, verdict, is_same_audio=is_same_audio)


def _known(
    candidate: Candidate, entry: Entry, audio: Audio, verdict: Verdict, *, is_same_audio: bool
) -> Known:
    is_told = candidate.has_call_record and is_same_audio
    is_first_told = is_told and entry.has_call_record is False
    return Known(audio, verdict, entry.state is State.AVAILABLE, entry.id, is_first_told)


async def _entry(
    catalog: Catalog, tenant: int, candidate: Candidate, recording_id: str
) -> Entry | Verdict | None:
    """Return what has an id, a verdict where that was deleted for good, or None."""
    with suppress(NotFound):
        entry = await catalog.find(Reach(tenant), recording_id)
        if entry.state is not State.DELETING:
            return entry
    is_deleted = await catalog.is_deleted(tenant, recording_id)
    return deleted_before(candidate, recording_id) if is_deleted else None


def _changed(candidate: Candidate) -> Candidate:
    return replace(candidate, notes=(*candidate.notes, _CHANGED))


def verdict_of(candidate: Candidate, added: Added, recording: str) -> Verdict:
    """Return the verdict of a candidate, by what the catalog made of it under an id."""
    if isinstance(added, BadRecording):
        return refused(candidate, Fault.BAD_CALL, added.message)
    if added is Outcome.CONFLICT and candidate.is_remote and candidate.id is None:
        # The id is made of the audio, so it is the call that differs.
        return verdict_of(_changed(candidate), Outcome.SAME, recording)
    if added is Outcome.CONFLICT:
        reason = "The archive has this recording with other data of the call, which it keeps."
        return refused(candidate, Fault.CONFLICT, reason)
    if added is Outcome.DELETED:
        return deleted_before(candidate, recording)
    became = Became.ADDED if added is Outcome.ADDED else Became.SAME
    size = candidate.size or 0
    return Verdict(
        where=candidate.where,
        became=became,
        notes=candidate.notes,
        size=size,
        recording=recording,
    )


def id_of(candidate: Candidate, sha256: str) -> str:
    """Return the id that a recording gets, however much is known of its call."""
    if candidate.id is not None:
        return candidate.id
    return derived_id(candidate.native_time, candidate.native_id, candidate.source, sha256)


def copy(candidate: Candidate, write: Callable[[bytes], object]) -> None:
    """Read the audio of a candidate from its beginning to its end.

    Raises:
        BadRecording: it cannot be read.
    """
    with candidate.open() as source:
        for chunk in _chunks(source):
            write(chunk)


def _digest(candidate: Candidate) -> str:
    digest = hashlib.sha256()
    with candidate.open() as source:
        for chunk in _chunks(source):
            digest.update(chunk)
    return digest.hexdigest()


def _chunks(source: BinaryIO) -> Iterator[bytes]:
    while True:
        try:
            chunk = source.read(CHUNK)
        except OSError as error:
            raise BadRecording("The file cannot be read to its end.") from error
        if not chunk:
            return
        yield chunk
