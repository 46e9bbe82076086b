"""The access log: a JSON line for each request, without its key, its query and any number."""

from __future__ import annotations

import time
from contextlib import suppress
from functools import lru_cache
from typing import Final, Protocol
from urllib.parse import unquote

import msgspec

from callreel.api.exchange import Exchange
from callreel.api.masking import masked

MAX_PATH_CHARS: Final = 256
_READ_CHARS: Final = 2 * MAX_PATH_CHARS  # so that no number is cut before it is known for one
_MOST_ROUNDS: Final = 5
_encoder: Final = msgspec.json.Encoder()


class ByteStream(Protocol):
    """Where lines go, many in a piece; `flush` is called at the end."""

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
            self._stream.write(_encoder.encode_lines(list(map(_line, answered))))
        except OSError:
            return  # there is nowhere left to tell

    def close(self) -> None:
        """Let all lines reach whoever reads them."""
        with suppress(OSError):
            self._stream.flush()


class _Line(msgspec.Struct):
    time: str
    request_id: str
    client: str | None
    method: str
    path: str
    route: str
    status: int
    bytes: int
    ms: float
    tenant: int | None
    key_id: str | None


def _line(exchange: Exchange) -> _Line:
    at, access = exchange.ended_at, exchange.access
    return _Line(
        f"{_time(int(at))}.{int(at * 1000) % 1000:03}Z",
        exchange.request_id,
        exchange.client or None,
        exchange.method,
        _path(exchange.path[:_READ_CHARS]),
        exchange.route,
        exchange.status,
        exchange.size,
        int(exchange.seconds * 100_000 + 0.5) / 100,
        None if access is None else access.reach.tenant,
        None if access is None else access.key_id,
    )


@lru_cache(maxsize=256)
def _path(text: str) -> str:
    """Return a path for a log; what a client encoded more than once hides no number in it.

    What is encoded beyond all reason is left out: each round takes as long as the path is.
    """
    for _ in range(_MOST_ROUNDS):
        plain = unquote(text)
        if plain == text:
            break
        text = plain
    else:
        text = text.partition("%")[0]
    return masked(text)[:MAX_PATH_CHARS]


@lru_cache(maxsize=2)
def _time(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
