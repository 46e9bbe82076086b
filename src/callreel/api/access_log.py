"""The access log: a JSON line for each request, without its key, its query and any number."""

from __future__ import annotations

import select
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import lru_cache
from typing import Final, Protocol
from urllib.parse import unquote

import msgspec

from callreel.api.exchange import Exchange
from callreel.api.masking import masked
from callreel.model import Access

MAX_PATH_CHARS: Final = 256
_READ_CHARS: Final = 2 * MAX_PATH_CHARS  # so that no number is cut before it is known for one
_MOST_ROUNDS: Final = 5


class ByteStream(Protocol):
    """Where lines go; `flush` is called at the end."""

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
            for lines in _pieces(map(_line, answered)):
                self._stream.write(lines)
        except OSError:
            return  # there is nowhere left to tell

    def close(self) -> None:
        """Let all lines reach whoever reads them."""
        with suppress(OSError):
            self._stream.flush()


def _pieces(lines: Iterable[str]) -> Iterator[bytes]:
    """Yield lines in pieces that a pipe takes whole, so that no other process writes into one."""
    piece = b""
    for line in map(str.encode, lines):
        if piece and len(piece) + len(line) > select.PIPE_BUF:
            yield piece
            piece = b""
        piece += line
    yield piece


def _line(exchange: Exchange) -> str:
    at, access = exchange.ended_at, exchange.access
    client = f'"{exchange.client}"' if exchange.client else "null"
    tenant, key_id = ("null", "null") if access is None else _who(access)
    return (
        f'{{"time":"{_time(int(at))}.{int(at * 1000) % 1000:03}Z",'
        f'"request_id":"{exchange.request_id}","client":{client},'
        f'"method":{_quoted(exchange.method)},"path":{_path(exchange.path[:_READ_CHARS])},'
        f'"route":{_quoted(exchange.route)},'
        f'"status":{exchange.status},"bytes":{exchange.size},"ms":{exchange.seconds * 1000:.2f},'
        f'"tenant":{tenant},"key_id":{key_id}}}\n'
    )


def _who(access: Access) -> tuple[str, str]:
    return str(access.reach.tenant), _quoted(access.key_id)


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
    return _quoted(masked(text)[:MAX_PATH_CHARS])


@lru_cache(maxsize=256)
def _quoted(text: str) -> str:
    return msgspec.json.encode(text).decode()


@lru_cache(maxsize=2)
def _time(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
