"""uvicorn's HTTP protocol with what it lacks: bounds on a request's head, and our error form."""

from __future__ import annotations

import asyncio
import uuid
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from callreel.api.errors import error_body
from callreel.errors import BadParameter

MAX_HEAD_BYTES: Final = 131_072
MAX_HEAD_SECONDS: Final = 30.0

_BAD_REQUEST: Final = b"HTTP/1.1 400 Bad Request"
_HEAD_TOO_LARGE: Final = b"HTTP/1.1 431 Request Header Fields Too Large"


class BoundedProtocol(HttpToolsProtocol):
    """Ends a connection whose request line and headers grow or last beyond all reason.

    What arrives together with the head's first byte is not counted; it is bounded by what the
    event loop reads at once.
    """

    _in_head = False
    _head_bytes = 0
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type]  # it is a Transport
        self._set_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        self._drop_deadline()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        was_in_head = self._in_head
        super().data_received(data)
        if not self._in_head:
            if self._deadline is not None:
                self._drop_deadline()
            return
        if self._deadline is None:
            self._set_deadline()
        if was_in_head:
            self._head_bytes += len(data)
        if self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
            self._refuse(
                _HEAD_TOO_LARGE, f"The address and headers take more than {MAX_HEAD_BYTES} bytes."
            )

    def on_message_begin(self) -> None:
        self._in_head = True
        self._head_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head = False
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        self._refuse(_BAD_REQUEST, msg)

    def _refuse(self, status: bytes, message: str) -> None:
        self._in_head = False
        self._drop_deadline()
        body = error_body(BadParameter(message), uuid.uuid4().hex)
        head = (
            status,
            b"content-type: application/json",
            b"content-length: %d" % len(body),
            b"connection: close",
        )
        self.transport.write(b"\r\n".join((*head, b"", body)))
        self.transport.close()

    def _set_deadline(self) -> None:
        self._deadline = self.loop.call_later(MAX_HEAD_SECONDS, self._end)

    def _drop_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _end(self) -> None:
        self._deadline = None
        self.transport.close()
