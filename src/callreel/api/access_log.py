"""The access log: a JSON line for each request, without its key and its query."""

from __future__ import annotations

import asyncio
import time
from typing import Final, Protocol

import msgspec

from callreel.api.exchange import Exchange

FLUSH_SECONDS: Final = 0.25
FLUSH_BYTES: Final = 65_536
MAX_PATH_CHARS: Final = 256
LINE: Final = (
    b'{"time":"%b.%03dZ","request_id":"%b","method":%b,"path":%b,"status":%d,'
    b'"bytes":%d,"ms":%.2f,"tenant":%b,"key_id":%b}\n'
)

_quoted = msgspec.json.Encoder().encode


class ByteStream(Protocol):
    """Where lines go: a binary file, or standard error's buffer."""

    def write(self, data: bytes, /) -> object: ...

    def flush(self) -> object: ...


class AccessLog:
    """Collects lines and writes them many at a time, since each write costs as much as a request.

    A reader that went away loses its lines; requests go on.
    """

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._lines: list[bytes] = []
        self._bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._second = 0
        self._second_text = b""

    def add(self, exchange: Exchange) -> None:
        """Note a request that was answered; it is written within a quarter of a second."""
        now = time.time()
        access = exchange.access
        line = LINE % (
            self._time_of(int(now)),
            int(now * 1000) % 1000,
            exchange.request_id.encode(),
            _quoted(exchange.method),
            _quoted(exchange.path[:MAX_PATH_CHARS]),
            exchange.status,
            exchange.size,
            exchange.seconds * 1000,
            b"null" if access is None else b"%d" % access.reach.tenant,
            b"null" if access is None else _quoted(access.key_id),
        )
        self._lines.append(line)
        self._bytes += len(line)
        if self._bytes >= FLUSH_BYTES:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self.flush)

    def flush(self) -> None:
        """Write what was collected."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        lines = b"".join(self._lines)
        self._lines.clear()
        self._bytes = 0
        try:
            self._stream.write(lines)
            self._stream.flush()
        except OSError:
            return  # there is nowhere left to tell

    def _time_of(self, second: int) -> bytes:
        if second != self._second:
            self._second = second
            self._second_text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second)).encode()
        return self._second_text
