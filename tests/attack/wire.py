"""A client that sends any bytes and reads what comes back, however odd either is."""

from __future__ import annotations

import gzip
import socket
import time
from contextlib import suppress
from dataclasses import dataclass

PATIENCE = 15.0
"""Seconds to wait for the end of an answer."""
LITTLE_PATIENCE = 0.3
"""The same where the request may leave the server waiting."""
WITHOUT_BODY = frozenset({204, 304})
_MOST = 64 << 20


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer.

    Attributes:
        status: 0 where it could not be read.
        headers: In their order; names in small letters.
        body: As it is after unpacking.
        size: Bytes of the body as it came.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    size: int

    def header(self, name: str) -> str | None:
        return dict(self.headers).get(name)


@dataclass(frozen=True, slots=True)
class Talk:
    """What came of a case.

    Attributes:
        received: All bytes.
        answers: What they hold.
        seconds: From the connection to its end.
        is_open: Whether the server kept the connection for longer than was waited.
    """

    received: bytes
    answers: tuple[Answer, ...]
    seconds: float
    is_open: bool


def connect(address: tuple[str, int], source: str | None = None) -> socket.socket:
    """Return a connection, from another address of this machine where one is named."""
    where = None if source is None else (source, 0)
    return socket.create_connection(address, PATIENCE, source_address=where)


def talk(
    address: tuple[str, int],
    raw: bytes,
    *,
    source: str | None = None,
    patience: float = PATIENCE,
) -> Talk:
    """Send bytes and read until the server ends the connection, or patience does."""
    began = time.perf_counter()
    received, is_open = b"", False
    with connect(address, source) as line:
        line.settimeout(patience)
        try:
            with suppress(BrokenPipeError, ConnectionResetError):
                line.sendall(raw)
            while piece := line.recv(1 << 16):
                received += piece
                if len(received) > _MOST:
                    break
        except TimeoutError:
            is_open = True
        except ConnectionResetError:
            pass
    seconds = time.perf_counter() - began - (patience if is_open else 0)
    return Talk(received, answers_in(received, raw.startswith(b"HEAD ")), seconds, is_open)


def answers_in(received: bytes, is_head: bool = False) -> tuple[Answer, ...]:
    """Return the answers that some bytes hold, one after the other."""
    found = []
    while received:
        answer, received = _first(received, is_head)
        if answer.status != 100:
            found.append(answer)
    return tuple(found)


def _first(received: bytes, is_head: bool) -> tuple[Answer, bytes]:
    head, end, rest = received.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    words = lines[0].split(" ")
    if not end or len(words) < 2 or not words[0].startswith("HTTP/1.") or not words[1].isdecimal():
        return Answer(0, (), received, len(received)), b""
    pairs = (line.partition(":") for line in lines[1:])
    headers = tuple((name.lower(), value.strip()) for name, _, value in pairs)
    status, by_name = int(words[1]), dict(headers)
    if is_head or status in WITHOUT_BODY or status < 200:
        return Answer(status, headers, b"", 0), rest
    body, rest = _body(by_name, rest)
    size = len(body)
    if by_name.get("content-encoding") == "gzip":
        body = gzip.decompress(body)
    return Answer(status, headers, body, size), rest


def _body(headers: dict[str, str], rest: bytes) -> tuple[bytes, bytes]:
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return _chunked(rest)
    length = headers.get("content-length", "")
    size = int(length) if length.isdecimal() else len(rest)
    return rest[:size], rest[size:]


def _chunked(rest: bytes) -> tuple[bytes, bytes]:
    body = b""
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        length = int(size.split(b";")[0] or b"0", 16)
        if not length:
            return body, rest.partition(b"\r\n")[2]
        body, rest = body + rest[:length], rest[length + 2 :]
    return body, b""
