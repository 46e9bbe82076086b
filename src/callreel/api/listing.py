"""`GET /cdr_dialog_recording`: the one route that must be as fast as the catalog.

No framework stands before it, and what recurs from request to request is remembered.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Final

from starlette.types import Scope

from callreel.api.cursor import write_cursor
from callreel.api.encodings import WORTH_BYTES, accepts_gzip, compress
from callreel.api.errors import Headers
from callreel.api.params import ListQuery, read_query
from callreel.api.services import Services
from callreel.api.wire import LIST_PATH
from callreel.archive import find
from callreel.model import Position

MAX_REMEMBERED_CHARS: Final = 512
HEADERS: Final = (
    (b"content-type", b"application/json"),
    (b"cache-control", b"private, no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"vary", b"accept-encoding"),
)


class Listing:
    """Answers with a page of the list.

    Args:
        services: What the routes share.
        gzip: Whether to compress for clients that accept it.
    """

    def __init__(self, services: Services, *, gzip: bool) -> None:
        self._services = services
        self._gzip = gzip
        self._read: Callable[[bytes], ListQuery] = partial(read_query, limits=services.limits)
        self._read_short = lru_cache(maxsize=512)(self._read)

    async def answer(self, scope: Scope) -> tuple[Headers, bytes]:
        """Return the headers, without the length, and the body of a page.

        Raises:
            CallreelError: the key, a parameter or the catalog forbids it.
        """
        services = self._services
        access = await services.access(scope)
        raw: bytes = scope["query_string"]
        read = self._read_short if len(raw) <= MAX_REMEMBERED_CHARS else self._read
        query = read(raw)
        request = query.request
        page = await find.page(services.archive, access, request, services.opening(scope))
        headers = list(HEADERS)
        if page.count == request.limit and page.last is not None:
            headers.append((b"link", self._next(scope, query, page.last)))
        if query.with_count:
            count = await find.count(services.archive, access, request.filter)
            headers.append((b"x-total-count", b"%d" % count))
        body = b'{"data":[' + page.bodies + b"]}"
        if len(body) > WORTH_BYTES and self._gzip and _wants_gzip(scope):
            headers.append((b"content-encoding", b"gzip"))
            body = compress(body)
        return headers, body

    def _next(self, scope: Scope, query: ListQuery, last: Position) -> bytes:
        cursor = write_cursor(query.request.sort, last)
        join = "&" if query.elsewhere else ""
        base = self._services.base(scope)
        address = f"{base}{LIST_PATH}?{query.elsewhere}{join}cursor={cursor}"
        return f'<{address}>; rel="next"'.encode()


_accepts = lru_cache(maxsize=256)(accepts_gzip)


def _wants_gzip(scope: Scope) -> bool:
    given = [value for name, value in scope["headers"] if name == b"accept-encoding"]
    return bool(given) and _accepts(b",".join(given).decode("latin-1"))
