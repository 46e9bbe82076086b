"""All addresses on one screen: method, path, what answers, the scope it takes, what is said of it.

The router and the OpenAPI document are both made of `ROUTES`, so neither can know an address
that the other does not. A `HEAD` is answered wherever a `GET` is.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as StarletteRoute
from starlette.routing import Router
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as HttpScope

from callreel.api import (
    exports,
    freeswitch,
    health,
    names,
    recordings,
    reference,
    reference_exports,
    reference_ingest,
    reference_list,
    reference_more,
)
from callreel.api.ask import JSON, NOBODY, Ask
from callreel.api.errors import MethodNotAllowed, unknown_address
from callreel.api.limits import Limits
from callreel.api.openapi import Route, compose
from callreel.api.services import Services
from callreel.api.wire import CALLS_PATH, LIST_PATH
from callreel.model import Scope

PageHandler = Callable[[Request], Awaitable[Response]]

ONE: Final = LIST_PATH + "/{" + recordings.ID + "}"
EXPORT: Final = exports.PATH + "/{" + exports.ID + "}"


async def show_document(ask: Ask) -> Response:
    """Answer with the OpenAPI document."""
    ask.query()
    content = msgspec.json.encode(document(ask.services.limits))
    return Response(content, headers={"Cache-Control": "public, no-cache"}, media_type=JSON)


ROUTES: Final = (
    Route("GET", LIST_PATH, None, Scope.READ, reference_list.listing),
    Route("POST", LIST_PATH, recordings.add, Scope.INGEST, reference.adding),
    Route("GET", ONE, recordings.show, Scope.READ, reference.showing),
    Route("PATCH", ONE, recordings.set_tags, Scope.MANAGE, reference.tagging),
    Route("DELETE", ONE, recordings.remove, Scope.MANAGE, reference.removing),
    Route("GET", ONE + "/audio", recordings.play, Scope.LISTEN, reference.playing),
    Route("GET", ONE + "/peaks", recordings.draw, Scope.LISTEN, reference.drawing),
    Route("GET", CALLS_PATH, None, Scope.READ, reference_list.listing_calls),
    Route("GET", "/custom_tag", names.tags, Scope.READ, reference_more.tags),
    Route("POST", "/custom_tag", names.add_tag, Scope.MANAGE, reference_more.adding_tag),
    Route("GET", "/project", names.projects, Scope.READ, reference_more.projects),
    Route("GET", "/tenant_user", names.users, Scope.READ, reference_more.users),
    Route(
        *("POST", "/ingest/freeswitch", freeswitch.add, Scope.INGEST),
        reference_ingest.adding_freeswitch_record,
        takes_basic=True,
    ),
    Route("POST", exports.PATH, exports.add, Scope.READ, reference_exports.adding),
    Route("GET", exports.PATH, exports.listing, Scope.READ, reference_exports.listing),
    Route("GET", EXPORT, exports.show, Scope.READ, reference_exports.showing),
    Route("GET", EXPORT + "/file", exports.fetch, Scope.READ, reference_exports.fetching),
    Route("DELETE", EXPORT, exports.remove, Scope.READ, reference_exports.removing),
    Route("GET", "/openapi.json", show_document, None, reference_more.this_document),
    Route("GET", "/health", health.health, None, reference_more.health),
    Route("GET", "/ready", health.ready, None, reference_more.ready),
    Route("GET", "/metrics", health.metrics, None, reference_more.metrics),
)


@functools.lru_cache(maxsize=8)
def document(limits: Limits) -> dict[str, Any]:
    """Return the OpenAPI document of all routes; it is shared, so leave it as it is."""
    return compose(ROUTES, limits)


def build_router(services: Services, pages: Mapping[str, PageHandler] | None = None) -> ASGIApp:
    """Return the app that answers to every route but the `GET` of a list.

    What goes wrong is raised, as an error of `callreel.errors`, to be answered by the outer app.

    Args:
        services: What the routes work with.
        pages: More addresses, each with what answers to a `GET` of it, without a key.
    """
    at: dict[str, dict[str, PageHandler | None]] = {}
    for route in ROUTES:
        at.setdefault(route.path, {})[route.method] = _guarded(route, services)
    for path, page in (pages or {}).items():
        at[path] = {"GET": page}
    routes = [StarletteRoute(path, _Resource(methods)) for path, methods in at.items()]
    return Router(routes, redirect_slashes=False, default=_nothing)


def _guarded(route: Route, services: Services) -> PageHandler | None:
    """Return the handler behind the key that it takes."""
    handler, needed = route.handler, route.scope
    if handler is None:
        return None

    async def guarded(request: Request) -> Response:
        access = NOBODY
        if needed is not None:
            access = await services.access(request.scope, takes_basic=route.takes_basic)
            access.require(needed)
        return await handler(Ask(request, services, access))

    return guarded


class _Resource:
    """One address: finds what answers to the method."""

    def __init__(self, methods: Mapping[str, PageHandler | None]) -> None:
        self._methods = dict(methods)
        if "GET" in methods:
            self._methods["HEAD"] = methods["GET"]

    async def __call__(self, scope: HttpScope, receive: Receive, send: Send) -> None:
        handler = self._methods.get(scope["method"])
        if handler is None:
            raise MethodNotAllowed(self._methods)
        response = await handler(Request(scope, receive))
        await response(scope, receive, send)


async def _nothing(_scope: HttpScope, _receive: Receive, _send: Send) -> None:
    raise unknown_address()
