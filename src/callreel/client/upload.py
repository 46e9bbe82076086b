"""A recording on its way to a server: the call as JSON, the audio as it lies on disk."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec
from urllib3.fields import RequestField
from urllib3.filepost import choose_boundary

from callreel.api.wire import WireCall
from callreel.client.filters import wire_time
from callreel.client.recording import Recording

CHUNK: Final = 1 << 18
Call = Mapping[str, object] | Recording


class Form:
    """A multipart form whose audio is read while it is sent, as often as it is sent.

    Attributes:
        headers: Content type and length.
    """

    def __init__(self, call: Call, audio: Path) -> None:
        boundary = choose_boundary()
        self._audio = audio
        with audio.open("rb") as file:  # what cannot be read is said now, not while it is sent
            self._size = os.fstat(file.fileno()).st_size
        self._head = b"".join(
            (
                _part(boundary, "call", None, "application/json"),
                msgspec.json.encode(call_fields(call)),
                b"\r\n",
                _part(boundary, "audio", audio.name, "application/octet-stream"),
            )
        )
        self._tail = f"\r\n--{boundary}--\r\n".encode()
        self.headers = {
            "Content-Type": f"multipart/form-data; boundary={boundary}",
            "Content-Length": str(len(self._head) + self._size + len(self._tail)),
        }

    def chunks(self) -> Iterator[bytes]:
        """Yield the form.

        Raises:
            ValueError: the file is no longer as long as it was.
        """
        yield self._head
        left = self._size
        with self._audio.open("rb") as file:
            while chunk := file.read(CHUNK):
                left -= len(chunk)
                if left < 0:
                    break
                yield chunk
        if left:
            raise ValueError("The audio file changed while it was sent; send it when it is whole.")
        yield self._tail


def call_fields(call: Call) -> dict[str, object]:
    """Return the fields of a call that are handed in: those that say something.

    Of a recording that another server showed, these are the fields of its call with its id.
    """
    if isinstance(call, Recording):
        call = {name: getattr(call, name) for name in WireCall.__struct_fields__}
    return {name: _plain(value) for name, value in call.items() if value is not None}


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return wire_time(value)
    return int(value) if isinstance(value, bool) else value


def _part(boundary: str, name: str, file_name: str | None, media_type: str) -> bytes:
    field = RequestField(name, b"", file_name)
    field.make_multipart(content_type=media_type)
    return f"--{boundary}\r\n{field.render_headers()}".encode()
