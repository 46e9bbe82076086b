"""Messages to webhooks: what they say, and how they are sent.

Written and signed as Standard Webhooks has it (https://www.standardwebhooks.com): the headers
`webhook-id`, `webhook-timestamp` and `webhook-signature`, and a JSON body with `type`,
`timestamp` and `data`.
"""

from __future__ import annotations

import asyncio
import http.client
import ssl
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Final
from urllib.parse import SplitResult

import msgspec
from standardwebhooks import Webhook as Signer

from callreel import __version__
from callreel.api.wire import Bodies
from callreel.archive import Archive
from callreel.archive.tell import TRY_SECONDS, Answer
from callreel.catalog.outbox import Delivery, Event, EventKind
from callreel.errors import CallreelError, NotFound
from callreel.model import Reach, State
from callreel.outside import Address, Line, addresses_of, is_public, parts_of

SCHEMES: Final = frozenset({"https"})
ALL_SCHEMES: Final = frozenset({"https", "http"})
MOST_AT_ONCE: Final = 16
_GONE: Final = 410
_READ_BYTES: Final = 1 << 16


Reachable = Callable[[Address], bool]


class HttpMessenger:
    """A `Messenger` that sends by HTTP, one connection a message; it follows no redirection."""

    def __init__(
        self,
        archive: Archive,
        base: str | None,
        *,
        private: bool,
        may_reach: Reachable | None = None,
    ) -> None:
        """Make a messenger.

        Args:
            archive: Where the recordings are that are told of.
            base: The address by which clients reach the server, without a slash at its end.
            private: Whether it may reach private networks, and without TLS.
            may_reach: Which addresses it may reach, where that is to be said otherwise.
        """
        self._archive = archive
        self._opening = Bodies().opening(base or "")
        self._threads = ThreadPoolExecutor(MOST_AT_ONCE, "webhooks")
        self._schemes = ALL_SCHEMES if private else SCHEMES
        self._may_reach = may_reach or ((lambda _: True) if private else is_public)
        self._context = ssl.create_default_context()

    async def send(self, delivery: Delivery) -> Answer:
        """Send a message; whatever goes wrong is an answer, too."""
        try:
            body = await self._body(delivery.event)
        except CallreelError as error:
            return Answer(f"could not be written: {error.message}")
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._send, delivery, body)

    async def _body(self, event: Event) -> bytes:
        moment = datetime.fromtimestamp(event.at, UTC).isoformat().replace("+00:00", "Z")
        data = await self._data(event)
        return msgspec.json.encode({"type": event.kind, "timestamp": moment, "data": data})

    async def _data(self, event: Event) -> object:
        if event.kind is EventKind.IMPORTED:
            run = await self._archive.catalog.import_run(int(event.subject))
            return {
                "import": run.number,
                "format": run.format,
                "files": dict(run.files),
                "rows": dict(run.rows),
            }
        known = {"recording_uuid": event.subject}
        if event.kind is EventKind.DELETED:
            return known
        try:
            entry = await self._archive.catalog.find(Reach(event.tenant), event.subject)
        except NotFound:
            return known
        if entry.state is not State.AVAILABLE:
            return known
        return msgspec.Raw(self._opening + entry.body)

    def _send(self, delivery: Delivery, body: bytes) -> Answer:
        hook, event = delivery.webhook, delivery.event
        try:
            parts = parts_of(hook.url, self._schemes)
            addresses = addresses_of(parts, self._may_reach)
            with self._line(parts, addresses) as line:
                line.request("POST", line.target, body, _headers(hook.secret, event, body))
                answer = line.getresponse()
                with suppress(OSError, http.client.HTTPException):  # the status tells it all
                    answer.read(_READ_BYTES)
        except TimeoutError:
            return Answer("timed out")
        except (OSError, ValueError, http.client.HTTPException) as error:
            return Answer(_words(error))
        is_taken = 200 <= answer.status < 300
        return Answer(str(answer.status), is_taken, is_unwanted=answer.status == _GONE)

    @contextmanager
    def _line(self, parts: SplitResult, addresses: list[str]) -> Iterator[Line]:
        """Lend a connection, and cut it when it takes too long."""
        line = Line(parts, addresses, TRY_SECONDS, self._context)
        try:
            with line.within(TRY_SECONDS):
                yield line
        except (OSError, http.client.HTTPException) as error:
            if line.is_cut:
                raise TimeoutError from error
            raise

    def close(self) -> None:
        """Give the threads back; a message that is on its way is waited for."""
        self._threads.shutdown(cancel_futures=True)


def _headers(secret: str, event: Event, body: bytes) -> dict[str, str]:
    message_id = f"msg_{event.tenant}_{event.number}"
    now = datetime.now(UTC)
    return {
        "Content-Type": "application/json",
        "User-Agent": f"callreel/{__version__}",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Signer(secret).sign(message_id, now, body.decode()),
    }


def _words(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return "TLS failed"
    if isinstance(error, PermissionError):
        return "the host is in a private network"
    if isinstance(error, OSError):
        return "could not be reached"
    return (
        "answered in no way that is HTTP"
        if isinstance(error, http.client.HTTPException)
        else ("the address is none")
    )
