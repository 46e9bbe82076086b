"""Listen: the audio of a recording, converted where asked for, and its waveform."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from callreel.archive import Archive
from callreel.archive.find import entry_for
from callreel.archive.take_in import PEAKS
from callreel.audio import AudioKey, Format
from callreel.errors import AudioDamaged, NotFound, StorageFull, Unavailable
from callreel.model import Access, Recording, Scope, State

_UNREADABLE: Final = "The audio of this recording cannot be read just now; tell the operator."
_MISSING: Final = "The audio of this recording is missing in the archive; tell the operator."
_OTHER_LENGTH: Final = (
    "The audio of this recording is damaged in the archive: it has another length than it had; "
    "tell the operator."
)


_OTHER_BYTES: Final = (
    "The audio of this recording is damaged in the archive: it has other bytes than it had; tell "
    "the operator."
)


@dataclass(frozen=True, slots=True)
class Sound:
    """Audio that may be heard.

    Attributes:
        recording: Whose audio it is.
        key: Where it lies.
        original_name: The file's name where it came from, or None.
    """

    recording: Recording
    key: AudioKey
    original_name: str | None


async def sound_of(archive: Archive, access: Access, recording_id: str) -> Sound:
    """Return where the whole audio of a recording lies.

    Raises:
        NotFound: there is no such recording for this key.
        AudioDamaged: the audio is not there, or not as long as it was.
        Unavailable: nobody can say just now.
        NotAllowed: the key lacks the scope.
    """
    access.require(Scope.LISTEN)
    entry = await entry_for(archive, access, recording_id)
    recording = archive.bodies.parse(entry.body)
    key = AudioKey(access.reach.tenant, recording.audio.sha256)
    size = await archive.audio.size(key)
    if size != recording.audio.size:
        entry = await entry_for(archive, access, recording_id)
        if entry.state is State.DELETING:  # so nothing is amiss
            raise NotFound("There is no such recording.")
        raise AudioDamaged(
            _MISSING if size is None else _OTHER_LENGTH,
            tenant=access.reach.tenant,
            recording=recording_id,
        )
    return Sound(recording, key, entry.original_name)


async def whole(archive: Archive, sound: Sound) -> AsyncGenerator[bytes, None]:
    """Yield the whole audio of a recording, and its end only once all is known to be right.

    Raises:
        AudioDamaged: it has other bytes than it had; of audio in one chunk, none was given out.
        NotFound, Unavailable: as `AudioStore.read`.
    """
    digest, last = hashlib.sha256(), b""
    async for chunk in archive.audio.read(sound.key, 0, sound.recording.audio.size):
        if last:
            yield last
        await asyncio.to_thread(digest.update, chunk)
        last = chunk
    if digest.hexdigest() != sound.key.sha256:
        raise _damaged(sound)
    yield last


async def note_heard(archive: Archive, access: Access, recording_id: str) -> None:
    """Note that a recording is being heard; that it cannot be noted keeps nobody from listening."""
    with suppress(StorageFull, Unavailable):
        await archive.catalog.touch(access.reach, recording_id, int(time.time()))


async def converted(archive: Archive, sound: Sound, to: Format) -> Path:
    """Return a local file of the audio in another format, made once and kept.

    The audio is read to its end and checked before, as what is made of it is kept.

    Raises:
        AudioDamaged: the audio has other bytes than it had.
        BadRecording: the audio cannot be read to its end.
        Unavailable: the audio cannot be read just now, or the conversion went over its limits.
    """
    name = f"audio.{to.value}"
    kept = await archive.audio.derived(sound.key, name)
    if kept is not None:
        return kept
    target = archive.audio.scratch(f".{to.value}")
    try:
        async with archive.audio.local(sound.key) as source:
            await _check(archive, sound)
            await archive.sound.convert(source, target, to, sound.key.tenant)
        return await archive.audio.keep_derived(sound.key, name, target)
    finally:
        with suppress(OSError):  # such as on a disk that became read-only; a later start drops it
            target.unlink(missing_ok=True)


async def _check(archive: Archive, sound: Sound) -> None:
    (digest,) = await archive.audio.digests([sound.key], lambda _count: None)
    if digest is None:
        raise Unavailable(_UNREADABLE)
    if digest != sound.key.sha256:
        raise _damaged(sound)


def _damaged(sound: Sound) -> AudioDamaged:
    return AudioDamaged(_OTHER_BYTES, tenant=sound.key.tenant, recording=sound.recording.id)


async def peaks(archive: Archive, access: Access, recording_id: str) -> bytes:
    """Return the waveform as JSON text; made again where it was lost.

    Raises:
        NotFound, AudioDamaged, Unavailable, NotAllowed: as `sound_of`.
    """
    sound = await sound_of(archive, access, recording_id)
    return await peaks_of(archive, sound.key)


async def peaks_of(archive: Archive, key: AudioKey) -> bytes:
    """Return the waveform of audio as JSON text; made again where it was lost.

    Raises:
        NotFound: there is no such audio.
        BadRecording, UnsupportedMedia: it is broken by now.
        Unavailable: it cannot be read just now.
    """
    kept = await archive.audio.derived(key, PEAKS)
    if kept is None:
        return await peaks_again(archive, key)
    try:
        return await asyncio.to_thread(kept.read_bytes)
    except FileNotFoundError as error:  # removed a moment ago
        raise NotFound("There is no such recording.") from error
    except OSError as error:
        raise Unavailable(_UNREADABLE) from error


async def peaks_again(archive: Archive, key: AudioKey) -> bytes:
    """Make the waveform of audio once more, keep it where there is room, and return it.

    Raises:
        NotFound, BadRecording, UnsupportedMedia, Unavailable: as `peaks_of`.
    """
    async with archive.audio.local(key) as source:
        made = (await archive.sound.inspect(source)).peaks
    with suppress(StorageFull, Unavailable):
        await archive.audio.keep_derived(key, PEAKS, made)
    return made
