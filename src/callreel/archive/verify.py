"""Verify: whether all that is kept is what it was, and whether each part agrees with the others.

First the records: every body must agree with its entry, its rows and the length of its audio. Then
the files: each is read again and must belong to a recording. What changes meanwhile is looked at
again before it is called damage.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from callreel.archive import Archive, BodyFormat
from callreel.archive.damage import Damage, Finding
from callreel.archive.facts import facts_of, recording_in
from callreel.archive.subset import EVERYTHING, Subset
from callreel.archive.take_in import fingerprint
from callreel.audio import AudioKey, Part, Stored
from callreel.catalog.audit import OF_THE_AUDIO, Kept, Reading, ToldCall, WrongCall
from callreel.errors import BadRecording, NotFound
from callreel.model import Call, Reach, Recording, State

STALE_SECONDS: Final = 3_600
NOT_OURS: Final = frozenset({Part.FOREIGN, Part.LINK})
"""What a person put into the store, and has to see to."""
_MOST_THREADS: Final = 4
_FEW_ORPHANS: Final = 10
_SHARE_OF_ORPHANS: Final = 10
"""More than one in so many of all files is too many."""
UsedAmong = Callable[[int, Sequence[bytes]], Awaitable[frozenset[bytes]]]
_MARKED: Final = frozenset({State.MISSING_AUDIO, State.SUSPECT})


@dataclass(slots=True)
class Verification:
    """One going through an archive.

    Attributes:
        archive: Which.
        subset: What of its audio is read.
        read: Called for all bytes of audio that are read, in other threads; it may take its time.
        records: How many records were looked at so far.
        audio_bytes: How much audio they have, about.
        files_read, bytes_read: How much audio was read so far.
    """

    archive: Archive
    subset: Subset = EVERYTHING
    read: Callable[[int], None] = lambda _count: None
    records: int = 0
    audio_bytes: int = 0
    files_read: int = 0
    bytes_read: int = 0
    _damaged: set[int] = field(default_factory=set)

    async def database(self) -> list[Finding]:
        """Return what the database finds wrong with itself; the rest is not to be asked then."""
        damages = await self.archive.catalog.damages()
        return [Finding(kind=Damage.DATABASE, says=text) for text in damages]

    async def of_records(self) -> AsyncIterator[list[Finding]]:
        """Yield what is wrong with records and with what was made of them."""
        read = reading(self.archive.bodies)
        async for batch in self.archive.catalog.kept(read):
            yield await self._judged(batch)
            self.records += len(batch)
        async for calls in self.archive.catalog.wrong_calls(reading_calls(self.archive.bodies)):
            yield [finding for call in calls for finding in _call_flaws(call)]
        async for rows in self.archive.catalog.surplus_rows(self.measure):
            yield [
                Finding(
                    kind=Damage.ROW_SURPLUS,
                    tenant=row.tenant,
                    recording=row.recording,
                    says=f"in {row.table}",
                    place=row.place,
                    cause=row,
                )
                for row in rows
            ]
        async for days in self.archive.catalog.wrong_days():
            yield [
                Finding(kind=Damage.COUNT_WRONG, tenant=day.tenant, says="day_count", cause=day)
                for day in days
            ]

    def measure(self, body: bytes) -> ToldCall | None:
        """Read a body by which rows are judged, or return None where it was found damaged."""
        return None if hash(body) in self._damaged else reading(self.archive.bodies)(body)

    async def _judged(self, batch: Sequence[Kept]) -> list[Finding]:
        found: list[Finding] = []
        with_audio: list[tuple[Kept, Recording]] = []
        for kept in batch:
            recording = recording_of(self.archive.bodies, kept)
            flaws = _flaws(self.archive.bodies, kept, recording)
            if any(each.kind is Damage.BODY_DIFFERS for each in flaws):
                self._damaged.add(hash(kept.body))
            found += flaws
            if recording is not None and kept.state is not State.DELETING:
                with_audio.append((kept, recording))
        return found + await self._audio_flaws(with_audio)

    async def _audio_flaws(self, pairs: Sequence[tuple[Kept, Recording]]) -> list[Finding]:
        keys = [AudioKey(kept.tenant, recording.audio.sha256) for kept, recording in pairs]
        sizes = await self.archive.audio.sizes(keys)
        found = []
        for (kept, recording), size in zip(pairs, sizes, strict=True):
            self.audio_bytes += recording.audio.size
            if size != recording.audio.size:
                found += await self._audio_flaw(kept, recording)
        return found

    async def _audio_flaw(self, kept: Kept, recording: Recording) -> list[Finding]:
        """Look again: a recording may have been deleted, or its audio put back, since."""
        if kept.id is not None and not await self._is_kept(kept.tenant, kept.id):
            return []
        size = await self.archive.audio.size(AudioKey(kept.tenant, recording.audio.sha256))
        finding = replace(_finding(kept, Damage.AUDIO_MISSING), recording=recording.id)
        if size is None:
            return [finding]
        says = f"{size} bytes in place of {recording.audio.size}"
        is_wrong = size != recording.audio.size
        return [replace(finding, kind=Damage.AUDIO_LENGTH, says=says)] if is_wrong else []

    async def _is_kept(self, tenant: int, recording_id: str) -> bool:
        try:
            entry = await self.archive.catalog.find(Reach(tenant), recording_id)
        except NotFound:
            return False
        return entry.state is not State.DELETING

    async def of_files(self) -> AsyncIterator[list[Finding]]:
        """Yield what is wrong in the store of audio; `of_records` was gone through before."""
        is_chosen = self.subset.chooser(self.audio_bytes)
        orphans = Orphans()
        async for batch in self.archive.audio.walk():
            left = await surely_unused(self.archive, batch)
            orphans.count(batch, left)
            found = [leftover(each) for each in left]
            chosen = [
                each
                for each in batch
                if each.part is Part.AUDIO and each.key and is_chosen(each.key.sha256)
            ]
            found += await self._changed(chosen)
            yield found
        if orphans.are_many:
            yield [orphans.finding()]

    async def _changed(self, files: Sequence[Stored]) -> list[Finding]:
        threads = min(_MOST_THREADS, os.cpu_count() or 1)
        shares = [files[start::threads] for start in range(threads)]
        found = await asyncio.gather(*(self._read(share) for share in shares if share))
        return [finding for each in found for finding in each]

    async def _read(self, files: Sequence[Stored]) -> list[Finding]:
        keys = [each.key for each in files if each.key is not None]
        digests = await self.archive.audio.digests(keys, self.read)
        self.files_read += len(files)
        self.bytes_read += sum(each.size for each in files)
        wrong = [key for key, digest in zip(keys, digests, strict=True) if digest != key.sha256]
        return [finding for key in wrong for finding in await self._changed_audio(key)]

    async def _changed_audio(self, key: AudioKey) -> list[Finding]:
        """Name the recordings whose audio has other bytes; a wrong length is told elsewhere."""
        (digest,) = await self.archive.audio.digests([key], self.read)
        size = await self.archive.audio.size(key)
        if size is None or digest == key.sha256:
            return []
        ids = await self.archive.catalog.with_audio(key.tenant, bytes.fromhex(key.sha256))
        says = "it cannot be read" if digest is None else ""
        return [
            Finding(kind=Damage.AUDIO_CHANGED, tenant=key.tenant, recording=each, says=says)
            for each in ids
            if await self._has_length(key.tenant, each, size)
        ]

    async def _has_length(self, tenant: int, recording_id: str, size: int) -> bool:
        try:
            entry = await self.archive.catalog.find(Reach(tenant), recording_id)
        except NotFound:
            return False
        recording = recording_in(self.archive.bodies, entry.body)
        is_of_that_length = recording is None or recording.audio.size == size
        return entry.state is not State.DELETING and is_of_that_length


def reading(bodies: BodyFormat) -> Reading:
    """Return what reads the body of a recording, where it can be read."""

    def read(body: bytes) -> ToldCall | None:
        recording = recording_in(bodies, body)
        return None if recording is None else _told(recording.call)

    return read


def reading_calls(bodies: BodyFormat) -> Reading:
    """Return what reads the body of a call without recording, where it can be read."""

    def read(body: bytes) -> ToldCall | None:
        try:
            return _told(bodies.parse_unrecorded(body))
        except (ValueError, BadRecording):  # the decoder's errors are of the former kind
            return None

    return read


def _told(call: Call) -> ToldCall:
    return ToldCall(call.dialog_id, facts_of(call))


def recording_of(bodies: BodyFormat, kept: Kept) -> Recording | None:
    """Return the recording that is kept somewhere, or None where its body is lost."""
    return None if kept.body is None else recording_in(bodies, kept.body)


def _finding(kept: Kept, kind: Damage, says: str = "") -> Finding:
    return Finding(kind=kind, tenant=kept.tenant, recording=kept.id, says=says, place=kept.place)


def _call_flaws(call: WrongCall) -> list[Finding]:
    finding = Finding(
        kind=Damage.ROW_WRONG,
        tenant=call.tenant,
        recording=call.recording,
        says=f"of the call {call.dialog} in " + ", ".join(call.tables),
        place=call.place,
        cause=call,
    )
    says = f"of the call {call.dialog}"
    unreadable = replace(finding, kind=Damage.CALL_UNREADABLE, recording=None, says=says)
    return [finding] * bool(call.tables) + [unreadable] * (not call.is_readable)


def _flaws(bodies: BodyFormat, kept: Kept, recording: Recording | None) -> list[Finding]:
    """Return what is wrong with a record by itself."""
    if kept.state is State.DELETING:
        return [_finding(kept, Damage.DELETION_UNFINISHED)]
    if kept.listed is None and kept.withdrawn is None:
        return [_finding(kept, Damage.BODY_MISSING)]
    if recording is None:
        return [_finding(kept, Damage.BODY_UNREADABLE)]
    if kept.id is None:
        finding = _finding(kept, Damage.ENTRY_MISSING)
        return [replace(finding, recording=recording.id, cause=kept)]
    found = []
    if kept.state in _MARKED:
        found.append(_finding(kept, Damage.MARKED, f"as {kept.state.value}"))
    if (kept.listed is None) == (kept.state is State.AVAILABLE) or (
        kept.listed is not None and kept.withdrawn is not None
    ):
        found.append(_finding(kept, Damage.STATE_WRONG))
    wrong = set(kept.wrong_rows)
    if not is_as_taken_in(bodies, kept, recording):
        found.append(_finding(kept, Damage.BODY_DIFFERS))
        wrong &= {OF_THE_AUDIO}  # what a damaged body tells is no measure of the rest
    if wrong:
        found.append(_finding(kept, Damage.ROW_WRONG, "in " + ", ".join(sorted(wrong))))
    return found


def is_as_taken_in(bodies: BodyFormat, kept: Kept, recording: Recording) -> bool:
    """Say whether a body is what was taken in, as far as its entry can tell.

    The entry keeps a digest of the call that was handed in. Tags may have been changed since, and
    which there were then is not known any more; what was measured of the audio is not in it.
    """
    call = recording.call
    if (recording.id, call.started_at) != (kept.id, kept.second):
        return False
    if kept.digest is None or recording.audio.sha256 != kept.digest.hex():
        return False
    if bodies.render(recording) != kept.body:
        return False
    calls = (call, replace(call, tags=()))
    prints = {fingerprint(each, recording.audio.sha256) for each in calls}
    return kept.fingerprint in prints or kept.is_touched


@dataclass(slots=True)
class Orphans:
    """How much of the audio no recording has.

    A crash leaves a few such files. More than ten of them that are more than a tenth of all tell
    that not the audio is left over, but that the catalog does not know it any more.
    """

    files: int = 0
    orphans: int = 0

    def count(self, batch: Sequence[Stored], unused: Sequence[Stored]) -> None:
        """Take in what lies in the store, and what of it is of no use."""
        self.files += sum(each.part is Part.AUDIO for each in batch)
        self.orphans += sum(each.part is Part.AUDIO for each in unused)

    @property
    def are_many(self) -> bool:
        """Whether they are too many to be left over from crashes."""
        return self.orphans > _FEW_ORPHANS and self.orphans * _SHARE_OF_ORPHANS > self.files

    def finding(self) -> Finding:
        """Return what is told of so many."""
        says = f"{self.orphans:,} of {self.files:,} files of audio"
        return Finding(kind=Damage.CATALOG_BEHIND, says=says)


async def surely_unused(archive: Archive, batch: Sequence[Stored]) -> list[Stored]:
    """Return what of a batch is of no use, and is not on its way to its entry either."""
    found = await unused(archive, batch)
    if any(each.part in {Part.AUDIO, Part.DERIVED} for each in found):
        async with archive.audio.removing():  # nothing is on its way to its entry then
            left = await archive.audio.again(found)
            # By marks alone: to read all entries would keep uploads waiting for long.
            found = await unused(archive, left, archive.catalog.marked_among)
    return found


async def unused(
    archive: Archive, batch: Sequence[Stored], used_among: UsedAmong | None = None
) -> list[Stored]:
    """Return what of a batch is of no use to any recording, as far as can be told just now.

    Args:
        archive: The archive.
        batch: Things in its store.
        used_among: Tells which digests of a tenant are used, where not `Audit.used_among`.
    """
    ask = used_among or archive.catalog.used_among
    used: set[AudioKey] = set()
    for tenant in {each.key.tenant for each in batch if each.key is not None}:
        digests = [
            bytes.fromhex(each.key.sha256)
            for each in batch
            if each.key is not None and each.key.tenant == tenant
        ]
        found = await ask(tenant, digests)
        used |= {AudioKey(tenant, each.hex()) for each in found}
    stale = time.time() - STALE_SECONDS
    return [each for each in batch if _is_of_no_use(each, used, stale)]


def _is_of_no_use(stored: Stored, used: set[AudioKey], stale: float) -> bool:
    if stored.part is Part.ON_ITS_WAY:
        return stored.touched_at < stale
    return stored.part in NOT_OURS or stored.key not in used


def leftover(stored: Stored) -> Finding:
    """Return what is told of a thing in the store that is of no use."""
    kinds = {
        Part.AUDIO: Damage.ORPHAN_AUDIO,
        Part.DERIVED: Damage.ORPHAN_DERIVED,
        Part.ON_ITS_WAY: Damage.STALE_UPLOAD,
        Part.FOREIGN: Damage.FOREIGN_FILE,
        Part.LINK: Damage.FOLDER_LINKED,
    }
    tenant = None if stored.key is None else stored.key.tenant
    return Finding(kind=kinds[stored.part], tenant=tenant, says=stored.place, cause=stored)
