"""The bytes of audio and other files over HTTP: whole or a part, as fast as they are taken.

Each version of the bytes has a strong entity tag, so a player may seek in it and resume.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from callreel.api.file_names import audio_name, disposition
from callreel.api.ranges import is_unchanged, may_resume, part_of
from callreel.archive import Archive, listen
from callreel.archive.listen import Sound
from callreel.audio import Format
from callreel.errors import Unavailable

CHUNK: Final = 1 << 18
CACHING: Final = {"Cache-Control": "private, no-cache", "Vary": "Authorization"}
MIME_TYPES: Final = {
    Format.OPUS: "audio/ogg",
    Format.MP3: "audio/mpeg",
    Format.WAV: "audio/wav",
}
_GONE: Final = "The file was just removed, or cannot be read; ask again."

Chunks = AsyncGenerator[bytes, None]


@dataclass(frozen=True, slots=True)
class Version:
    """Bytes that can be sent, in whole or in part.

    Attributes:
        size: Their number.
        tag: Strong entity tag, quoted.
        mime_type: What they are.
        name: The file name for a client that keeps them.
        read: Yields the bytes from a first up to, not including, another.
    """

    size: int
    tag: str
    mime_type: str
    name: str
    read: Callable[[int, int], Chunks]


def stored(archive: Archive, sound: Sound) -> Version:
    """Return the audio as it was handed in; the whole of it is checked while it is sent."""
    audio = sound.recording.audio

    def read(start: int, end: int) -> Chunks:
        is_whole = (start, end) == (0, audio.size)
        return listen.whole(archive, sound) if is_whole else _part(archive, sound, start, end)

    name = audio_name(sound.recording, sound.original_name, audio.mime_type)
    return Version(audio.size, f'"{audio.sha256}"', audio.mime_type, name, read)


async def converted(archive: Archive, sound: Sound, to: Format) -> Version:
    """Return the audio in another format, converted where it was not before.

    Its tag also tells when it was made: the same audio converted again may have other bytes.
    """
    path = await listen.converted(archive, sound, to)
    name = audio_name(sound.recording, sound.original_name, MIME_TYPES[to])

    def tag(made: os.stat_result) -> str:
        return f'"{sound.recording.audio.sha256}-{to.value}-{made.st_mtime_ns:x}"'

    return await of_file(path, tag, MIME_TYPES[to], name)


async def of_file(
    path: Path, tag: Callable[[os.stat_result], str], mime_type: str, name: str
) -> Version:
    """Return a local file that is never changed, only removed or made again.

    Raises:
        Unavailable: it is gone.
    """
    try:
        made = await asyncio.to_thread(path.stat)
    except OSError as error:
        raise Unavailable(_GONE) from error

    def read(start: int, end: int) -> Chunks:
        return _read_file(path, made, start, end)

    return Version(made.st_size, tag(made), mime_type, name, read)


def answer(request: Request, version: Version) -> Response:
    """Return the answer to a `GET` or `HEAD` of the bytes: all, a part, or that nothing changed.

    Raises:
        RangeNotSatisfiable: the range lies outside of the bytes.
    """
    asked = request.headers
    headers = {**CACHING, "ETag": version.tag, "Accept-Ranges": "bytes"}
    if is_unchanged(asked.get("if-none-match"), version.tag):
        return Response(status_code=304, headers=headers)
    part = None
    if request.method == "GET" and may_resume(asked.get("if-range"), version.tag):
        part = part_of(asked.get("range"), version.size)
    start, end = part or (0, version.size)
    if part is not None:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{version.size}"
    headers["Content-Type"] = version.mime_type
    headers["Content-Disposition"] = disposition(version.name)
    headers["Content-Length"] = str(end - start)
    return Stream(version.read(start, end), 200 if part is None else 206, headers)


class Stream(Response):
    """Sends chunks only as fast as the client takes them, and stops where it leaves.

    The first chunk is read before anything is sent, so that audio which cannot be read is still
    answered as an error.
    """

    def __init__(self, chunks: Chunks, status: int, headers: dict[str, str]) -> None:
        super().__init__(status_code=status, headers=headers)
        self._chunks = chunks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "HEAD":
            await self._begin(send)
            await send({"type": "http.response.body", "body": b""})
            return
        left = asyncio.create_task(_until_left(receive))
        try:
            async with aclosing(self._chunks) as chunks:
                await self._send(chunks, left, send)
        finally:
            left.cancel()

    async def _send(self, chunks: Chunks, left: asyncio.Task[None], send: Send) -> None:
        chunk = await anext(chunks, b"")
        await self._begin(send)
        while chunk and not left.done():
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
            chunk = await anext(chunks, b"")
        if not left.done():
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _begin(self, send: Send) -> None:
        start = {"type": "http.response.start", "status": self.status_code}
        await send({**start, "headers": self.raw_headers})


async def _until_left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _part(archive: Archive, sound: Sound, start: int, end: int) -> Chunks:
    async for chunk in archive.audio.read(sound.key, start, end):
        yield chunk


async def _read_file(path: Path, made: os.stat_result, start: int, end: int) -> Chunks:
    try:
        file = await asyncio.to_thread(path.open, "rb")
    except OSError as error:
        raise Unavailable(_GONE) from error
    with file:
        if os.fstat(file.fileno()).st_mtime_ns != made.st_mtime_ns:
            raise Unavailable(_GONE)
        file.seek(start)
        while start < end:
            chunk = await asyncio.to_thread(file.read, min(CHUNK, end - start))
            if not chunk:
                raise Unavailable(_GONE)
            start += len(chunk)
            yield chunk
