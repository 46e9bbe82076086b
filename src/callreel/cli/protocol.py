"""uvicorn's HTTP protocol with what it lacks: bounds on what a client may keep, our error form."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from functools import partial
from itertools import takewhile
from typing import TYPE_CHECKING, ClassVar, Final

import httptools
import structlog
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from callreel.api.errors import Headers, error_body, error_headers
from callreel.api.exchange import AT_ONCE, ERROR_HEADERS, SAFE_HEADERS
from callreel.api.listing import LISTS
from callreel.api.proxies import network_of
from callreel.api.turns import Turns
from callreel.cli.eager import Beginners, begun
from callreel.cli.unread import MAX_UNREAD_BYTES, Unread
from callreel.errors import BadParameter, CallreelError, Unavailable

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application

MAX_HEAD_BYTES: Final = 131_072
MAX_HEAD_SECONDS: Final = 30.0
MAX_UNREAD_SECONDS: Final = 120.0
RECURRING_BYTES: Final = 160
"""Of a header's line; a longer one, such as a link to the next page, would fill the memory."""
MOST_RECURRING: Final = 1_024
SMALL_BYTES: Final = 16_384
"""Up to so many, to put an answer together costs less than to send it in pieces."""
LINGER_SECONDS: Final = 1.0
"""For how long a server that ends still takes a request on a connection that was idle."""

_BAD_REQUEST: Final = b"HTTP/1.1 400 Bad Request"
_HEAD_TOO_LARGE: Final = b"HTTP/1.1 431 Request Header Fields Too Large"
_NO_ROOM: Final = b"HTTP/1.1 503 Service Unavailable"
_FRAMING: Final = frozenset({b"content-length", b"transfer-encoding"})
_LINE_END: Final = b"\r\n"
_CONTROLS: Final = bytes([*range(9), *range(10, 32), 127])
"""What no header may hold; RFC 9110, 5.5."""
_log = structlog.get_logger(__name__)


def _line(name: bytes, value: bytes) -> bytes:
    """Return a header's line, or nothing where uvicorn is to see to it.

    That is what ends the connection, and what holds bytes that no header may hold.
    """
    line = b"%b: %b" % (name, value)
    is_plain = name != b"connection" and len(line.translate(None, _CONTROLS)) == len(line)
    return line + _LINE_END if is_plain else b""


class _Lines(dict[tuple[bytes, bytes], bytes]):
    """The lines of headers; most recur in each answer."""

    def __missing__(self, header: tuple[bytes, bytes]) -> bytes:
        if header[0] == b"x-request-id":  # it never recurs, and `api.app` has judged it
            return b"x-request-id: %b\r\n" % header[1]
        line = _line(*header)
        if 0 < len(line) <= RECURRING_BYTES:
            if len(self) >= MOST_RECURRING:
                self.clear()
            self[header] = line
        return line


_LINES: Final = _Lines()


class BoundedProtocol(HttpToolsProtocol):
    """Ends a connection on which a client keeps the server waiting beyond all reason.

    That is one whose request line and headers grow or last, one that sends on after its request
    was answered, without another one coming of it, and one that does not take its answer.

    What arrives together with a head's first byte is not counted; it is bounded by what the
    event loop reads at once.

    Where there are more connections than `limit_concurrency` of uvicorn's configuration, the one
    ends that has waited longest without a request. One too many is answered 503 where all are at
    work. So whoever opens connections and asks nothing keeps nobody out.

    Where clients leave more of their answers unread than a process is to keep, the one ends that
    has left its own unread for longest.
    """

    _waiting: ClassVar[dict[BoundedProtocol, float]] = {}
    """Those of the process on which no request is being answered, and since when; longest first."""
    _unread: ClassVar[Unread] = Unread(MAX_UNREAD_BYTES)
    _whole_bytes = 0
    _in_head = False
    _may_begin = False
    _head_bytes = 0
    _deadline: asyncio.TimerHandle | None = None
    _unread_deadline: asyncio.TimerHandle | None = None
    _is_ending = False
    _is_deaf = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvicorn's own way is to answer 503 to whoever asks once so many are connected.
        most, self.limit_concurrency = self.limit_concurrency, None
        super().connection_made(transport)  # type: ignore[arg-type]  # it is a Transport
        Turns.arrivals += 1
        self._beginners = Beginners.of(self.loop)
        self._set_deadline()
        if most is not None and len(self.connections) > most:
            self._make_room()
        if not self.transport.is_closing():
            self._waiting[self] = self.loop.time()

    @classmethod
    async def end_idle(cls) -> None:
        """End connections that were kept for another request for long enough, and got none.

        To be called each second. uvicorn sets a timer after each answer and takes it back at the
        next byte: that costs a short list its time, and a byte that begins no request keeps the
        connection.
        """
        now = asyncio.get_running_loop().time()
        waiting = cls._waiting.items()
        due = list(takewhile(lambda one: now - one[1] >= one[0].timeout_keep_alive, waiting))
        for each, _ in due:
            each.end_unless_in_head()

    def end_unless_in_head(self) -> None:
        """End the connection, unless a head has begun to come, which has a deadline of its own."""
        if not self._in_head:
            self.transport.close()

    def _make_room(self) -> None:
        longest = next(iter(self._waiting), None)
        if longest is None:
            self._refuse(_NO_ROOM, Unavailable("The server is busy; ask again in a moment."))
        else:
            del self._waiting[longest]
            longest.transport.abort()  # its descriptor is free at once

    def connection_lost(self, exc: Exception | None) -> None:
        self._waiting.pop(self, None)
        self._unread.drop(self.transport)
        self._drop_deadline()
        self._drop_unread_deadline()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._is_deaf:
            return
        was_in_head, asked_before = self._in_head, self.cycle
        self._may_begin = True
        self._feed(data)
        if not self._in_head or self.transport.is_closing():
            return
        if was_in_head and self.cycle is asked_before:
            self._head_bytes += len(data)
        if self._head_bytes > MAX_HEAD_BYTES:
            told = f"The address and headers take more than {MAX_HEAD_BYTES} bytes."
            self._refuse(_HEAD_TOO_LARGE, BadParameter(told))
        elif self._deadline is None:
            self._set_deadline()

    def _feed(self, data: bytes) -> None:
        """Read what came. uvicorn's own way tells of a broken request without saying of which."""
        try:
            while data and not self.transport.is_closing():
                data = self._rest_of(data)
        except httptools.HttpParserError:
            self._refuse(_BAD_REQUEST, BadParameter("Invalid HTTP request received."))

    def _rest_of(self, data: bytes) -> bytes:
        """Let the parser read, and return what it has left for another one."""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._stay_with_this_protocol()
            return data[upgrade.args[0] :]
        return b""

    def _is_between(self) -> bool:
        """Whether no answer is under way: what came last is the rest of a request, or nothing."""
        newest: RequestResponseCycle | None = self.cycle  # none before the first
        return newest is None or newest.response_complete

    def on_message_begin(self) -> None:
        self._drop_deadline()
        self._in_head = True
        self._head_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._drop_deadline()
        self._waiting.pop(self, None)
        super().on_headers_complete()
        if self._is_ending:
            self._make_last()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        """Begin to answer; to a list without a task, as most are answered before one would begin.

        Of requests that came together only the first: answered in a row, they would hold up the
        event loop. A server that ends has yet to tell the client with which of them it does.
        """
        self._whole_bytes = 0
        cycle.scope["extensions"] = {AT_ONCE: {"send": partial(self._send_at_once, cycle)}}
        is_list = cycle.scope["path"] in LISTS and cycle.scope["method"] == "GET"
        if not (is_list and self._may_begin) or self._is_ending:
            super()._start_asgi_task(cycle, app)
            return
        self._may_begin = False
        self._beginners.add(partial(self._begin, cycle, app))

    def _begin(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        task = begun(cycle.run_asgi(app), self.loop)
        if task is not None:
            task.add_done_callback(self.tasks.discard)
            self.tasks.add(task)

    def _send_at_once(
        self, cycle: RequestResponseCycle, status: int, headers: Headers, body: Sequence[bytes]
    ) -> bool:
        """Send a whole answer, to anything but a `HEAD`; see `exchange.AT_ONCE`.

        uvicorn judges each header by itself, and hands head and body to the system one after the
        other: a third of what a short list costs. Only the common case is seen to here.
        """
        self._whole_bytes = sum(map(len, body))
        if self.flow.write_paused:
            self._unread.add(self.transport, self._whole_bytes)
            return False
        if not cycle.keep_alive or cycle.response_started or cycle.disconnected:
            return False
        lines = [_LINES[each] for each in (*cycle.default_headers, *headers)]
        if not all(lines):
            return False
        head = STATUS_LINE[status], *lines, _LINE_END
        cycle.response_started = cycle.response_complete = True
        cycle.waiting_for_100_continue = False
        if self._whole_bytes <= SMALL_BYTES:
            self.transport.write(b"".join((*head, *body)))
        else:
            self.transport.writelines((b"".join(head), *body))
        cycle.message_event.set()
        cycle.on_response()
        return True

    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        else:
            self._waiting[self] = self.loop.time()

    def _stay_with_this_protocol(self) -> None:
        """Answer in HTTP/1.1, as RFC 9110 lets a server do when it is asked to change protocols.

        The parser takes the request to end with its head then. A body must not be lost, and may
        on no account be read as a request, so a new parser is told of it and reads on from there.
        """
        framing = [b"%b: %b\r\n" % each for each in self.headers if each[0] in _FRAMING]
        if framing:
            self.cycle.more_body = True
            self.parser = httptools.HttpRequestParser(_BehindAHead(self))
            self.parser.feed_data(b"".join((b"POST / HTTP/1.1\r\n", *framing, b"\r\n")))

    def shutdown(self) -> None:
        """Answer what was asked, then end the connection.

        A request may be under way to a connection that is idle, or lie unread in it. Were it
        closed at once, as uvicorn does, that request would be lost with a reset.
        """
        self._is_ending = True
        if self._is_between():
            self.loop.call_later(LINGER_SECONDS, self._end)
        else:
            self._make_last()

    def _make_last(self) -> None:
        """Let the connection end with its newest request, and say so where it is still time."""
        if self.cycle.keep_alive and not self.cycle.response_started:
            self.cycle.default_headers = [*self.cycle.default_headers, (b"connection", b"close")]
        self.cycle.keep_alive = False

    def pause_writing(self) -> None:
        super().pause_writing()
        # An answer that was handed over whole stays in memory until the last of it is taken.
        left = self.transport.get_write_buffer_size()
        self._unread.add(self.transport, max(left, self._whole_bytes))
        self._unread_deadline = self.loop.call_later(MAX_UNREAD_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        self._unread.drop(self.transport)
        self._drop_unread_deadline()
        super().resume_writing()

    def _is_answering(self) -> bool:
        """Whether an answer is under way, or will be to what came before."""
        if self._is_between():
            return False
        lacks_body = self.cycle.more_body and not self.cycle.response_started
        return bool(self.pipeline) or not lacks_body

    def _refuse(self, status: bytes, error: CallreelError) -> None:
        """Refuse what came, and end the connection: at once, or after the answers before it."""
        self._in_head = False
        self._drop_deadline()
        request_id = uuid.uuid4().hex
        client = network_of(self.client[0]) if self.client else ""
        _log.warning(
            "refused before there was a request",
            why=error.message,
            client=client,
            request_id=request_id,
        )
        if self._is_answering():
            self._is_deaf = True
            self._make_last()
            return
        body = error_body(error, request_id)
        headers = (
            *error_headers(error),
            *ERROR_HEADERS,
            *SAFE_HEADERS,
            (b"content-length", b"%d" % len(body)),
            (b"x-request-id", request_id.encode()),
            (b"connection", b"close"),
        )
        head = (status, *(b"%b: %b" % each for each in headers))
        self.transport.write(b"\r\n".join((*head, b"", body)))
        self.transport.close()

    def _set_deadline(self) -> None:
        self._deadline = self.loop.call_later(MAX_HEAD_SECONDS, self._end)

    def _drop_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _drop_unread_deadline(self) -> None:
        if self._unread_deadline is not None:
            self._unread_deadline.cancel()
            self._unread_deadline = None

    def _end(self) -> None:
        """End the connection, after the answer that is under way."""
        self._drop_deadline()
        if self._is_between():
            self.transport.close()
        else:
            self._make_last()


class _BehindAHead:
    """Tells a protocol what a parser finds, but for the first head, which another one has read."""

    def __init__(self, protocol: BoundedProtocol) -> None:
        self._protocol = protocol
        self._is_behind = False
        self.on_body = protocol.on_body
        self.on_message_complete = protocol.on_message_complete

    def on_message_begin(self) -> None:
        if self._is_behind:
            self._protocol.on_message_begin()

    def on_url(self, url: bytes) -> None:
        if self._is_behind:
            self._protocol.on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._is_behind:
            self._protocol.on_header(name, value)

    def on_headers_complete(self) -> None:
        if self._is_behind:
            self._protocol.on_headers_complete()
        self._is_behind = True
