"""The list of recordings and that of calls: the routes that must be as fast as the catalog.

No framework stands before it, and what recurs from request to request is remembered.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Final

from starlette.types import Scope

from callreel.api.cursor import cursor_tail
from callreel.api.encodings import WORTH_BYTES, accepts_gzip, compress
from callreel.api.errors import Headers
from callreel.api.heads import heads
from callreel.api.params import ListQuery, read_query
from callreel.api.services import Services
from callreel.api.turns import Turns
from callreel.api.wire import CALLS_PATH, LIST_PATH
from callreel.archive import find

LISTS: Final = (LIST_PATH, CALLS_PATH)
MAX_REMEMBERED_CHARS: Final = 512
RECORDS_IN_TURN: Final = 2_000
"""Records that may be asked for before the event loop looks for what came meanwhile."""
LEAST_WORK: Final = 125
"""As so many records counts a page of fewer, since finding them may take the longest."""
HEADERS: Final = (
    (b"content-type", b"application/json"),
    (b"cache-control", b"private, no-store"),
    (b"vary", b"authorization, accept-encoding"),
)

_accepts: Final = lru_cache(maxsize=256)(accepts_gzip)


class Listing:
    """Answers with a page of the list.

    Args:
        services: What the routes share.
        path: Which list.
        turns: In which the pages of all lists are made.
        gzip: Whether to compress for clients that accept it.
    """

    def __init__(self, services: Services, path: str, turns: Turns, *, gzip: bool) -> None:
        self._services = services
        self._turns = turns
        self._gzip = gzip
        self._read: Callable[[bytes], ListQuery] = partial(
            read_query, limits=services.limits, path=path
        )
        self._read_short = lru_cache(maxsize=512)(self._read)

    async def answer(self, scope: Scope) -> tuple[Headers, tuple[bytes, ...]]:
        """Return the headers, without the length, and the body of a page in pieces.

        Raises:
            CallreelError: the key, a parameter or the catalog forbids it.
        """
        services = self._services
        access = await services.access(scope)
        raw: bytes = scope["query_string"]
        read = self._read_short if len(raw) <= MAX_REMEMBERED_CHARS else self._read
        query = read(raw)
        request = query.request
        address = services.address(scope)
        await self._turns.take(max(request.limit, LEAST_WORK), access.reach.tenant)
        page = await find.page(services.archive, access, request, address.opening)
        headers = list(HEADERS)
        if page.count == request.limit and page.last is not None:
            onward = f'<{address.base}{query.onward}{cursor_tail(page.last)}>; rel="next"'
            headers.append((b"link", onward.encode()))
        if query.with_count:
            count = await find.count(services.archive, access, request.filter)
            headers.append((b"x-total-count", b"%d" % count))
        body = (b'{"data":[', *page.pieces, b"]}")
        accepts = heads(scope).get(b"accept-encoding")
        if accepts and self._gzip and _is_worth_it(body) and _accepts(accepts):
            headers.append((b"content-encoding", b"gzip"))
            return headers, (await compress(b"".join(body)),)
        return headers, body


def _is_worth_it(body: tuple[bytes, ...]) -> bool:
    return sum(map(len, body)) > WORTH_BYTES
