"""Lines of several processes in one stream: each is written whole, or another comes between."""

from __future__ import annotations

import io
import json
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
def test_requests_that_are_logged_together_are_whole_lines_in_their_order(
    count: int, path: str
) -> None:
    stream = Pieces()
    AccessLog(stream).write([exchange(f"{path}/{number}") for number in range(count)])
    (piece,) = stream.pieces
    assert piece.endswith(b"}\n")
    told = [json.loads(line)["path"] for line in piece.splitlines()]
    assert told == [f"{path}/{number}"[:256] for number in range(count)]


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
