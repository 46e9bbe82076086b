"""One request with its answer: sends it, and keeps what is to be noted of it."""

from __future__ import annotations

import time
from typing import Final

from starlette.types import Message, Scope, Send

from callreel.api.errors import Headers, answer_to, error_body, error_headers
from callreel.model import Access

GONE: Final = 499  # noted of a client that went away before its answer
UNKNOWN_ROUTE: Final = "unknown"
ERROR_HEADERS: Final = (
    (b"content-type", b"application/json"),
    (b"cache-control", b"no-store"),
)
SAFE_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)
"""On every answer; a page that shows something in a browser has a policy of its own."""
AT_ONCE: Final = "callreel.at_once"
"""The ASGI extension by which a server offers to send a whole answer in one step.

Its `send` is called with the status, the headers and the pieces of the body, and says whether it
sent them. Where it did not, or there is no such offer, the answer is sent in two messages, as
everywhere.
"""
_UNLESS_SAID: Final = (*SAFE_HEADERS, (b"cache-control", b"no-store"))


class Exchange:
    """A request and how far its answer has come.

    Attributes:
        request_id: The request's id.
        client: Where it came from, as `Proxies.client` tells it.
        method: As the client sent it.
        path: The address without its query.
        route: The pattern of the address, once it is known.
        access: Whose key it was, where one was recognised; known when closed.
        status: Of the answer; 0 as long as none was sent.
        size: Bytes of the body that were sent.
        seconds: How long it took; known when closed.
        ended_at: Seconds since 1970 UTC; known when closed.
    """

    __slots__ = (
        "_offer",
        "_scope",
        "_send",
        "_started",
        "access",
        "client",
        "ended_at",
        "method",
        "path",
        "request_id",
        "route",
        "seconds",
        "size",
        "status",
    )

    def __init__(self, scope: Scope, send: Send) -> None:
        self._started = time.perf_counter()
        self._scope = scope
        self._send = send
        # Taken out, since it knows the request: left in, both would lie about until the collector
        # of garbage comes by, which costs a short answer a tenth of its time.
        self._offer = scope.get("extensions", {}).pop(AT_ONCE, None)
        self.request_id: str = scope["state"]["request_id"]
        self.client = ""
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.route = UNKNOWN_ROUTE
        self.status = 0
        self.size = 0

    async def finish(self, status: int, headers: Headers, *body: bytes) -> None:
        """Send a whole answer, its body in one piece or in several; a HEAD gets the headers alone.

        A long page is not put together here: that would be one more copy of it.
        """
        self.status = status
        size = sum(map(len, body))
        headers.append((b"content-length", b"%d" % size))
        headers.append((b"x-request-id", self.request_id.encode()))
        headers += SAFE_HEADERS
        offer = self._offer
        if offer is not None and self.method != "HEAD" and offer["send"](status, headers, body):
            self.size = size
            return
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        content = b"" if self.method == "HEAD" else b"".join(body)
        self.size = len(content)
        await self._send({"type": "http.response.body", "body": content})

    async def fail(self, error: Exception) -> None:
        """Answer with an error; an answer that has begun is left unfinished, so that it shows."""
        if not self.status:
            headers = [*ERROR_HEADERS, *error_headers(error)]
            await self.finish(answer_to(error)[0], headers, error_body(error, self.request_id))

    async def pass_on(self, message: Message) -> None:
        """Send a message of the router's."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            said: Headers = list(message.get("headers", ()))
            names = {name for name, _ in said}
            said += (each for each in _UNLESS_SAID if each[0] not in names)
            message["headers"] = [*said, (b"x-request-id", self.request_id.encode())]
        elif message["type"] == "http.response.body":
            self.size += len(message.get("body", b""))
        await self._send(message)

    def close(self) -> None:
        """Note how it ended."""
        self.seconds = time.perf_counter() - self._started
        self.ended_at = time.time()
        self.status = self.status or GONE
        self.access: Access | None = self._scope["state"].get("access")
        found = self._scope.get("route")  # left there by the router
        if found is not None:
            self.route = found.path
        del self._offer, self._scope, self._send  # the request need not be kept until it is noted
