"""An upload as it streams in: a call as JSON and its audio, in `multipart/form-data`.

The audio goes to its temporary file chunk by chunk; nothing but the call, whose length has a
limit, is ever held in memory.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from typing import Final

from multipart import (
    MultipartError,
    MultipartSegment,
    ParserLimitReached,
    PushMultipartParser,
    parse_options_header,
)
from starlette.requests import Request

from callreel.api.body import chunks
from callreel.api.file_names import plain_name
from callreel.audio import Staged
from callreel.errors import BadRecording, TooLarge, UnsupportedMedia

_FRAMING_BYTES: Final = 1 << 16  # boundaries, part headers and what lies around the two parts
_ENOUGH_DIGITS: Final = 20  # more than any limit has
_PARTS: Final = ("call", "audio")
_PLAIN_ENCODINGS: Final = frozenset({"", "7bit", "8bit", "binary"})


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """Most bytes of the two parts."""

    call: int
    audio: int


@dataclass(slots=True)
class Upload:
    """What was handed in, beside the audio, which lies in its temporary file.

    Attributes:
        call: The part `call`, as it came.
        original_name: The audio's file name, harmless, or None.
    """

    call: bytearray = field(default_factory=bytearray)
    original_name: str | None = None


def boundary_of(request: Request, limits: UploadLimits) -> str:
    """Return the boundary between the parts, after judging the headers alone.

    Raises:
        UnsupportedMedia: the body is no `multipart/form-data`, or is compressed.
        TooLarge: the announced length is above the limits.
        BadRecording: the boundary is missing.
    """
    media_type, options = parse_options_header(request.headers.get("content-type", ""))
    if media_type != "multipart/form-data":
        raise UnsupportedMedia("Send the recording as multipart/form-data, parts call and audio.")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedMedia("Send the recording without a Content-Encoding.")
    announced = request.headers.get("content-length", "0").lstrip("0")
    if announced.isdecimal() and int(announced[:_ENOUGH_DIGITS]) > _most_bytes(limits):
        raise TooLarge(f"The upload is above {limits.audio} bytes of audio.", field="audio")
    if not options.get("boundary"):
        raise BadRecording("The header Content-Type names no boundary between the parts.")
    return str(options["boundary"])


async def receive(request: Request, boundary: str, staged: Staged, limits: UploadLimits) -> Upload:
    """Read an upload to its end; return what was in it, the audio being in `staged`.

    Raises:
        TooLarge: more came than the limits allow.
        BadRecording: a part is missing, unknown, there twice or broken.
        TooSlow: it comes too slowly.
        ClientDisconnect: the client went away.
        StorageFull: there is no room for the audio.
    """
    form = _Form(staged, limits)
    try:
        with PushMultipartParser(boundary) as parser:
            async for chunk in _bounded(chunks(request), limits):
                form.take(parser.parse(chunk))
    except ParserLimitReached as error:
        raise TooLarge("The headers of a part are too long.") from error
    except MultipartError as error:
        raise BadRecording("The body is no whole multipart/form-data.") from error
    return form.finished()


async def _bounded(given: AsyncIterator[bytes], limits: UploadLimits) -> AsyncIterator[bytes]:
    received = 0
    async for chunk in given:
        received += len(chunk)
        if received > _most_bytes(limits):
            raise TooLarge(f"The upload is above {limits.audio} bytes.", field="audio")
        yield chunk


def _most_bytes(limits: UploadLimits) -> int:
    return limits.call + limits.audio + _FRAMING_BYTES


class _Form:
    """Puts each part where it belongs, and knows which are still to come."""

    def __init__(self, staged: Staged, limits: UploadLimits) -> None:
        self._staged = staged
        self._limits = limits
        self._upload = Upload()
        self._seen: set[str] = set()
        self._current = ""

    def take(self, events: Iterable[MultipartSegment | bytes | None]) -> None:
        for event in events:
            self._take(event)

    def _take(self, event: MultipartSegment | bytes | None) -> None:
        if isinstance(event, MultipartSegment):
            self._begin(event)
        elif event is None:
            self._current = ""
        elif self._current == "audio":
            self._take_audio(event)
        else:
            self._take_call(event)

    def finished(self) -> Upload:
        for part in _PARTS:
            if part not in self._seen:
                raise BadRecording(f"The part {part} is missing.", field=part)
        if not self._staged.size:
            raise BadRecording("The audio is empty.", field="audio")
        return self._upload

    def _begin(self, part: MultipartSegment) -> None:
        name = part.name or ""
        if name not in _PARTS:
            raise BadRecording("There may be two parts only: call and audio.")
        if name in self._seen:
            raise BadRecording(f"The part {name} is there twice.", field=name)
        if part.header("Content-Transfer-Encoding", "").lower() not in _PLAIN_ENCODINGS:
            raise BadRecording("Send the parts without a Content-Transfer-Encoding.", field=name)
        self._seen.add(name)
        self._current = name
        if name == "audio":
            self._upload.original_name = plain_name(part.filename)

    def _take_audio(self, chunk: bytes) -> None:
        if self._staged.size + len(chunk) > self._limits.audio:
            raise TooLarge(f"The audio is above {self._limits.audio} bytes.", field="audio")
        self._staged.write(chunk)

    def _take_call(self, chunk: bytes) -> None:
        if len(self._upload.call) + len(chunk) > self._limits.call:
            raise TooLarge(f"The call is above {self._limits.call} bytes.", field="call")
        self._upload.call += chunk
