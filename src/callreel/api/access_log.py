"""The access log: a JSON line for each request, without its key and its query."""

from __future__ import annotations

import time
from functools import lru_cache
from typing import Final, Protocol

import msgspec

from callreel.api.exchange import Exchange

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
    """Writes lines, many at a time.

    A reader that went away loses its lines; requests go on.
    """

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream

    def write(self, answered: list[Exchange]) -> None:
        """Write a line for each request."""
        try:
            self._stream.write(b"".join(map(_line, answered)))
            self._stream.flush()
        except OSError:
            return  # there is nowhere left to tell


def _line(exchange: Exchange) -> bytes:
    at, access = exchange.ended_at, exchange.access
    return LINE % (
        _time(int(at)),
        int(at * 1000) % 1000,
        exchange.request_id.encode(),
        _quoted(exchange.method),
        _quoted(exchange.path[:MAX_PATH_CHARS]),
        exchange.status,
        exchange.size,
        exchange.seconds * 1000,
        b"null" if access is None else b"%d" % access.reach.tenant,
        b"null" if access is None else _quoted(access.key_id),
    )


@lru_cache(maxsize=2)
def _time(second: int) -> bytes:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second)).encode()
