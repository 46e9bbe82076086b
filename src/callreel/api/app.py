"""The outermost app: gives each request its id, answers its errors, counts it and logs it."""

from __future__ import annotations

import asyncio
import itertools
import re
import secrets
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Final

import structlog
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from callreel.api.access_log import AccessLog
from callreel.api.alarm import Alarm
from callreel.api.exchange import Exchange
from callreel.api.heads import heads
from callreel.api.journal import Journal
from callreel.api.listing import LISTS, RECORDS_IN_TURN, Listing
from callreel.api.log import trace_of
from callreel.api.masking import masked
from callreel.api.services import Services
from callreel.api.turns import Turns
from callreel.errors import AudioDamaged, CallreelError

_log = structlog.get_logger(__name__)
_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9_.-]{1,64}")
_MOST_DAMAGED: Final = 10_000


class Api:
    """The ASGI app of a server.

    The lists are answered here; everything else by the router, whose errors are answered here too.

    Args:
        services: What the routes share; its archive is closed when the server ends.
        router: Answers to every address but the `GET` of a list; raises what goes wrong.
        gzip: Whether to compress lists for clients that accept it.
        access_log: Where to note each request, or None.
        meanwhile: What to do beside answering, until the server ends.
    """

    def __init__(
        self,
        services: Services,
        router: ASGIApp,
        *,
        gzip: bool = True,
        access_log: AccessLog | None = None,
        meanwhile: Callable[[], Coroutine[None, None, None]] | None = None,
    ) -> None:
        self._services = services
        self._meanwhile = meanwhile
        self._router = router
        turns = Turns(RECORDS_IN_TURN)
        self._lists = {path: Listing(services, path, turns, gzip=gzip) for path in LISTS}
        self._journal = Journal(services.metrics, access_log)
        self._alarm = Alarm()
        self._damaged: set[tuple[int, str]] = set()
        self._numbers = itertools.count()
        self._prefix = secrets.token_hex(6)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer to one request, or accompany the server's life."""
        if scope["type"] == "http":
            await self._answer(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        state = scope.setdefault("state", {})
        state["request_id"] = self._request_id(scope)
        exchange = Exchange(scope, send)
        exchange.client = self._services.proxies.client(scope)
        try:
            listing = self._lists.get(exchange.path)
            if listing is not None and exchange.method in {"GET", "HEAD"}:
                exchange.route = exchange.path
                headers, body = await listing.answer(scope)
                await exchange.finish(200, headers, *body)
            else:
                await self._router(scope, receive, exchange.pass_on)
        except ClientDisconnect:
            pass  # there is nobody to answer to; what was sent is noted below
        except AudioDamaged as error:
            self._tell(error, exchange.request_id)
            await exchange.fail(error)
        except CallreelError as error:
            self._alarm.hear(error, exchange.request_id)
            await exchange.fail(error)
        except Exception as error:  # noqa: BLE001 - the edge: a bug is an answer too
            _log.error("request failed", request_id=exchange.request_id, trace=trace_of(error))
            await exchange.fail(error)
        finally:
            exchange.close()
            self._journal.add(exchange)

    def _tell(self, error: AudioDamaged, request_id: str) -> None:
        """Log damage once, however often its audio is asked for."""
        which = error.tenant, error.recording
        if which in self._damaged:
            return
        if len(self._damaged) >= _MOST_DAMAGED:
            self._damaged.clear()
        self._damaged.add(which)
        _log.error(
            "audio damaged or missing; see callreel verify",
            tenant=error.tenant,
            recording=error.recording,
            request_id=request_id,
        )

    def _request_id(self, scope: Scope) -> str:
        """Return the id that the client, or a proxy before us, gave the request, or a new one.

        It is logged, so what looks like a key or a number is none.
        """
        given = heads(scope).get(b"x-request-id")
        if given is not None and _REQUEST_ID.fullmatch(given):
            text = given.decode()
            if masked(text) == text:
                return text
        return f"{self._prefix}{next(self._numbers):06x}"

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        task = None if self._meanwhile is None else asyncio.create_task(self._meanwhile())
        await receive()
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        with suppress(CallreelError):  # such as of a disk that is full
            await self._services.note_uses()
        await self._services.archive.close()
        self._journal.close()
        await send({"type": "lifespan.shutdown.complete"})
