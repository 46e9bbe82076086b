"""The pages: rendered on the server, without a script and without anything from elsewhere."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from importlib import resources
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import Response

from callreel.errors import NotFound
from callreel.web.document import groups, objects
from callreel.web.prose import prose

Page = Callable[[Request], Awaitable[Response]]

SECURITY: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
}
STATIC_TYPES: Final = {".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}


def build_pages(document: dict[str, Any]) -> dict[str, Page]:
    """Return the pages by their addresses.

    Args:
        document: The OpenAPI document that the reference is made of.
    """
    reference = _rendered(
        "docs.html",
        info=document["info"],
        groups=groups(document),
        objects=objects(document),
    )
    return {"/docs": _fixed(reference, "text/html; charset=utf-8"), "/static/{name}": _static()}


def _rendered(template: str, **values: object) -> bytes:
    environment = Environment(
        loader=PackageLoader("callreel.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["prose"] = prose
    return environment.get_template(template).render(**values).encode()


def _fixed(body: bytes, media_type: str) -> Page:
    headers = {
        **SECURITY,
        "Content-Type": media_type,
        "Cache-Control": "public, no-cache",
        "ETag": f'"{hashlib.sha256(body).hexdigest()[:32]}"',
    }

    async def page(request: Request) -> Response:
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        return Response(body, headers=headers)

    return page


def _static() -> Page:
    files = {
        each.name: _fixed(each.read_bytes(), STATIC_TYPES[f".{each.name.rpartition('.')[2]}"])
        for each in resources.files("callreel.web").joinpath("static").iterdir()
    }

    async def static(request: Request) -> Response:
        file = files.get(request.path_params["name"])
        if file is None:
            raise NotFound("There is no such file.")
        return await file(request)

    return static
