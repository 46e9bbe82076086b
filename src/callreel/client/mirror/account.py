"""An account of a service, window by window."""

from __future__ import annotations

import hashlib
from typing import Any, Final

import msgspec

from callreel.api.wire import LIST_PATH
from callreel.api.wire_time import format_time
from callreel.archive.mirror import FORMAT, Found, Portion
from callreel.client.answer import decoded
from callreel.client.errors import BadAnswerError
from callreel.client.filters import ask
from callreel.client.mirror.audio import Library
from callreel.client.mirror.pace import Pace
from callreel.client.mirror.pages import Windows
from callreel.client.mirror.record import Records, identity, started_at
from callreel.client.transport import Manners, Transport
from callreel.client.walk import DEFAULT_PAGE
from callreel.errors import Misconfigured
from callreel.model import Span

TIMEOUT: Final = 20  # seconds for which the service may be silent
RETRIES: Final = 7  # some half a minute
LONGEST_WAIT: Final = 900.0
_ENOUGH_ROWS: Final = 10


class _Rows(msgspec.Struct):
    data: list[Any]


class ServiceAccount:
    """An account of the endpoint's service, as one key sees it.

    Args:
        url: The service's address.
        key: The key; it is sent to the service's own host only.
        pace: How fast it is asked.
        most_bytes: Of audio that is longer, nothing is taken.
        page_size: How many rows are asked for at a time.

    Raises:
        Misconfigured: the address or the key cannot be right.
    """

    def __init__(
        self, url: str, key: str, pace: Pace, *, most_bytes: int, page_size: int = DEFAULT_PAGE
    ) -> None:
        manners = Manners(RETRIES, LONGEST_WAIT, pace.wait, pace.turn)
        try:
            self._http = Transport(url, key, TIMEOUT, manners)
        except ValueError as error:
            raise Misconfigured(str(error)) from error
        self._page_size = page_size
        self._windows = Windows(self._page, identity, page_size)
        self._records = Records(self._http, Library(self._http, most_bytes), FORMAT)
        self._digest = hashlib.sha256(f"{self._http.base}\0{key}".encode()).digest()

    @property
    def digest(self) -> bytes:
        """What tells the account, as this key sees it, from others."""
        return self._digest

    def read(self, span: Span) -> Portion:
        """Return all recordings of calls that started in the first part of a span.

        Raises:
            ClientError: the service cannot be read.
        """
        window = self._windows.first(span)
        beside = (window.span.low - 1, window.span.high + 1)  # see `_page`
        found = [
            Found(mark, self._records.item(row))
            for mark, row in window.rows.items()
            if started_at(row) not in beside
        ]
        return Portion(window.span.high, found)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _page(self, window: Span, offset: int) -> list[Any]:
        """Return a page of a window and of a second on either side.

        A service may take its bounds as outside.
        """
        question = ask(
            {
                "start_time_gte": format_time(window.low - 1),
                "start_time_lte": format_time(window.high + 1),
            }
        )
        query = question.query(limit=self._page_size, offset=offset)
        rows = self._http.persist(
            lambda: decoded(self._http.ask("GET", f"{LIST_PATH}?{query}"), _Rows)
        ).data
        outside = sum(not _is_near(window, row) for row in rows)
        if outside > max(_ENOUGH_ROWS, len(rows) // 2):
            raise BadAnswerError(
                "The service does not heed the filter by start_time, and cannot be mirrored so."
            )
        return rows


def _is_near(window: Span, row: object) -> bool:
    at = started_at(row)
    return at is None or window.low - 1 <= at <= window.high + 1
