"""Exports of audio: every recording's file, with a manifest and digests.

audio/<id>.<extension>    the audio, byte for byte as it was taken in
manifest.jsonl            a line a recording, as `callreel import manifest` reads it
SHA256SUMS                of every file, for `sha256sum -c`
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from typing import Final

from callreel.archive.exporting import UNREADABLE, Draft
from callreel.archive.exporting.members import Container, Member, member_of, pieces_of
from callreel.archive.exporting.names import audio_file_name
from callreel.archive.exporting.sounds import Lent, Sounds, UnreadableError
from callreel.importers.manifest.line import MANIFEST, SUMS, line_of

FOLDER: Final = "audio"


class AudioWriter:
    """Writes the audio of recordings into a container.

    Audio that is missing, unreadable or not what was taken in is told of in the manifest, and
    counted; it ends nothing.
    """

    def __init__(self, sounds: Sounds, draft: Draft, container: Container) -> None:
        self._sounds = sounds
        self._draft = draft
        self._container = container

    async def add(self, records: Sequence[bytes]) -> None:
        for record in records:
            name = original = reason = None
            try:
                async with self._sounds.lend(record) as lent:
                    name, original = self._add(lent), lent.original_name
            except UnreadableError as error:
                reason = error.reason
                count_unreadable(self._draft)
            recording = self._sounds.recording_of(record)
            line = line_of(recording, record, audio=name, original_name=original, error=reason)
            self._draft.side(MANIFEST).write(line + b"\n")

    async def finish(self) -> None:
        with self._draft.read_side(MANIFEST) as file:
            digest = hashlib.sha256()
            for piece in pieces_of(file):
                digest.update(piece)
            self._sum(digest.hexdigest(), MANIFEST)
        for name in (MANIFEST, SUMS):
            with self._draft.read_side(name) as file:
                self._container.add(member_of(file, name, int(time.time())))
        self._container.finish()

    def _add(self, lent: Lent) -> str:
        recording = lent.recording
        name = f"{FOLDER}/{audio_file_name(recording.id, recording.audio.mime_type)}"
        size, at = recording.audio.size, recording.call.started_at
        self._container.add(Member(name, size, lent.crc, at, lent.pieces))
        self._sum(recording.audio.sha256, name)
        return name

    def _sum(self, digest: str, name: str) -> None:
        self._draft.side(SUMS).write(f"{digest}  {name}\n".encode())


def count_unreadable(draft: Draft) -> None:
    """Count a recording whose audio cannot be put into an export."""
    draft.numbers[UNREADABLE] = draft.numbers.get(UNREADABLE, 0) + 1
