"""Drives the app as a server would, but without one, over a catalog that always says the same."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from callreel.api.access_log import AccessLog
from callreel.api.app import Api
from callreel.api.errors import unknown_address
from callreel.api.limits import Limits
from callreel.api.metrics import Metrics
from callreel.api.proxies import Proxies
from callreel.api.rate_limit import Guesses, RateLimit
from callreel.api.services import Services
from callreel.api.wire import LIST_PATH, Bodies
from callreel.archive import Archive, keys
from callreel.archive.keys import KeyRing
from callreel.catalog import Catalog
from callreel.errors import CallreelError
from callreel.model import CallFilter, Key, ListRequest, Page, Reach
from callreel.model import Scope as KeyScope

TEXT, KEY = keys.make("test", Reach(7), frozenset({KeyScope.READ}))
BLIND_TEXT, BLIND_KEY = keys.make("no scopes", Reach(7), frozenset())
BIG = Page((b'{"a":"' + b"x" * 2000 + b'"}',), 1, (0x1F, 5))


@dataclass
class FakeCatalog:
    """Answers with `page` or raises `error`, and remembers what it was asked."""

    page_of: Page = field(default_factory=lambda: Page((b"",), 0, None))
    error: Exception | None = None
    asked: list[tuple[Reach, ListRequest, bytes]] = field(default_factory=list)
    closed: bool = False
    used: dict[str, int] = field(default_factory=dict)

    async def key_by_digest(self, digest: bytes) -> Key | None:
        return {KEY.digest: KEY, BLIND_KEY.digest: BLIND_KEY}.get(digest)

    async def note_key_uses(self, uses: Mapping[str, int]) -> None:
        self.used.update(uses)

    async def page(self, reach: Reach, request: ListRequest, opening: bytes) -> Page:
        self.asked.append((reach, request, opening))
        if self.error is not None:
            raise self.error
        return self.page_of

    async def count(self, _reach: Reach, _call_filter: CallFilter) -> int:
        return 1234

    async def close(self) -> None:
        self.closed = True


class Closable:
    async def close(self) -> None:
        return


async def no_routes(_scope: Scope, _receive: Receive, _send: Send) -> None:
    raise CallreelError("not to be asked")


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes
    names: list[str]

    @property
    def error(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)["error"]
        return found


@dataclass
class House:
    """An app with all that is around it."""

    catalog: FakeCatalog
    app: Api
    services: Services
    log: io.BytesIO

    def ask(
        self,
        query: str | bytes = b"",
        *,
        method: str = "GET",
        path: str = LIST_PATH,
        key: str | None = TEXT,
        headers: Iterable[tuple[str, str]] = (),
        host: str | None = "calls.test:8080",
        client: str | None = None,
    ) -> Answer:
        """Send one request and return its answer."""
        given = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
        if key is not None:
            given.append((b"authorization", key.encode("latin-1")))
        if host is not None:
            given.append((b"host", host.encode()))
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query if isinstance(query, bytes) else query.encode(),
            "scheme": "http",
            "headers": given,
            "client": None if client is None else (client, 5000),
        }
        return _answer(asyncio.run(drive(self.app, scope)))

    def lines(self) -> list[dict[str, Any]]:
        """Return the access log so far."""
        self.services.metrics.render()  # what was collected is noted before
        return [json.loads(line) for line in self.log.getvalue().splitlines()]


def house(
    catalog: FakeCatalog | None = None,
    router: ASGIApp = no_routes,
    *,
    gzip: bool = True,
    public_url: str | None = None,
    rate_limit: RateLimit | None = None,
    guesses: Guesses | None = None,
    limits: Limits | None = None,
) -> House:
    """Build an app over a fake catalog."""
    catalog = catalog or FakeCatalog()
    store = cast("Catalog", catalog)
    archive = Archive(store, cast("Any", None), cast("Any", Closable()), Bodies())
    services = Services(
        archive=archive,
        keys=KeyRing(store),
        limits=limits or Limits(),
        metrics=Metrics(),
        public_url=public_url,
        rate_limit=rate_limit,
        guesses=guesses,
        proxies=Proxies("127.0.0.1"),
    )
    log = io.BytesIO()
    app = Api(services, router, gzip=gzip, access_log=AccessLog(log))
    return House(catalog, app, services, log)


async def drive(app: ASGIApp, scope: dict[str, Any]) -> list[Message]:
    """Send a request without a body to an app; return the messages of its answer."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent


async def unknown(_scope: Scope, _receive: Receive, _send: Send) -> None:
    raise unknown_address()


def _answer(sent: list[Message]) -> Answer:
    start = sent[0]
    names = [name.decode() for name, _ in start["headers"]]
    headers = {name.decode(): value.decode("latin-1") for name, value in start["headers"]}
    return Answer(start["status"], headers, b"".join(each.get("body", b"") for each in sent), names)
