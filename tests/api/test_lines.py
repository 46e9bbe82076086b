"""Lines of several processes in one stream: each is written whole, or another comes between."""

from __future__ import annotations

import io
import json
import select
from typing import TYPE_CHECKING

import pytest
import structlog
from starlette.types import Message

from callreel.api.access_log import AccessLog
from callreel.api.exchange import Exchange
from callreel.api.log import configure_log

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class Pieces(io.BytesIO):
    """A stream that keeps apart what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[bytes] = []

    def write(self, piece: ReadableBuffer, /) -> int:
        self.pieces.append(bytes(piece))
        return len(bytes(piece))


@pytest.mark.parametrize("path", ["/a", "/" + "\x01" * 300])
@pytest.mark.parametrize("count", [1, 2, 128])
def test_requests_are_logged_in_pieces_that_a_pipe_takes_whole(count: int, path: str) -> None:
    stream = Pieces()
    AccessLog(stream).write([exchange(f"{path}/{number}") for number in range(count)])
    pieces = stream.pieces
    assert all(piece.endswith(b"\n") and len(piece) <= select.PIPE_BUF for piece in pieces)
    assert len(list(map(json.loads, b"".join(pieces).splitlines()))) == count
    assert all(len(both) > select.PIPE_BUF for both in map(bytes.__add__, pieces, pieces[1:]))


def test_a_line_of_the_servers_own_log_is_one_piece() -> None:
    stream = Pieces()
    configure_log(io.TextIOWrapper(stream, write_through=True))
    try:
        structlog.get_logger().warning("late")
    finally:
        structlog.reset_defaults()
    (line,) = stream.pieces
    assert line.endswith(b"}\n")


def exchange(path: str) -> Exchange:
    scope = {"method": "GET", "path": path, "state": {"request_id": "1"}}
    begun = Exchange(scope, send)
    begun.close()
    return begun


async def send(_message: Message) -> None: ...
