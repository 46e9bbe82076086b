"""What a handler is given, and the small questions that many of them put to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from callreel.api.body import chunks
from callreel.api.query import read_parameters
from callreel.api.services import Services
from callreel.archive import Archive
from callreel.errors import TooLarge, UnsupportedMedia
from callreel.model import Access, Reach

JSON: Final = "application/json"
NOBODY: Final = Access("", Reach(-1), frozenset())
"""Who asks where no key is needed: reaches nothing and may do nothing."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A request to a route, after its key was recognised and found to have the route's scope."""

    request: Request
    services: Services
    access: Access

    @property
    def archive(self) -> Archive:
        return self.services.archive

    def path(self, name: str) -> str:
        """Return a variable part of the address."""
        return str(self.request.path_params[name])

    def query(self, *known: str) -> dict[str, str]:
        """Return the query's parameters, each given once.

        Raises:
            BadParameter: one is unknown, there twice or not UTF-8.
        """
        return read_parameters(self.request.scope["query_string"], known)

    async def json(self, most: int) -> bytes:
        """Return the body, which is to be JSON text.

        Args:
            most: Its length in bytes at most.

        Raises:
            UnsupportedMedia: the content type says that it is something else.
            TooLarge: it is longer.
            TooSlow, ClientDisconnect: as `body.chunks`.
        """
        media_type = self.request.headers.get("content-type", JSON).partition(";")[0]
        if media_type.strip().lower() != JSON:
            raise UnsupportedMedia(f"Send the body as {JSON}.")
        body = bytearray()
        async for chunk in chunks(self.request):
            body += chunk
            if len(body) > most:
                raise TooLarge(f"The body is above {most} bytes.")
        return bytes(body)


def data(content: bytes, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return an answer whose `data` is this JSON text."""
    body = b'{"data":' + content + b"}"
    caching = {"Cache-Control": "private, no-store", "Vary": "Authorization"}
    return Response(body, status, {**caching, **(headers or {})}, JSON)
