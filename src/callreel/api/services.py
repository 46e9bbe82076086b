"""What every route works with, and the two questions that each asks of a request first."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from starlette.types import Scope

from callreel.api.limits import Limits
from callreel.api.metrics import Metrics
from callreel.api.rate_limit import RateLimit
from callreel.api.wire import Bodies
from callreel.archive import Archive
from callreel.archive.keys import REFUSAL, KeyRing
from callreel.errors import BadParameter, NotAuthenticated
from callreel.model import Access

MAX_REMEMBERED: Final = 1_000
_HOST: Final = re.compile(rb"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")


@dataclass(frozen=True, slots=True)
class Services:
    """What the routes share; one for each app.

    Attributes:
        archive: The archive.
        keys: Recognises keys.
        limits: What a request may hold.
        metrics: The counters.
        public_url: The address by which clients reach the server, without a slash at its end, or
            None to take it from each request.
        rate_limit: How often a key may ask, or None for as often as it likes.
    """

    archive: Archive
    keys: KeyRing
    limits: Limits
    metrics: Metrics
    public_url: str | None = None
    rate_limit: RateLimit | None = None
    _bases: dict[tuple[str, bytes], tuple[str, bytes]] = field(default_factory=dict)

    def base(self, scope: Scope) -> str:
        """Return the address by which the client reaches the server, without a slash at its end.

        Raises:
            BadParameter: the request's Host is missing or no host.
        """
        return self._base(scope)[0]

    def opening(self, scope: Scope) -> bytes:
        """Return what comes before each body in an answer to this request.

        Raises:
            BadParameter: the request's Host is missing or no host.
        """
        return self._base(scope)[1]

    def _base(self, scope: Scope) -> tuple[str, bytes]:
        # A configured address is remembered under a key that no request can have.
        key = (scope["scheme"], _host(scope["headers"])) if self.public_url is None else ("", b"")
        known = self._bases.get(key)
        if known is not None:
            return known
        base = self.public_url or _address(*key)
        if len(self._bases) >= MAX_REMEMBERED:
            self._bases.clear()
        known = self._bases[key] = (base, Bodies().opening(base))
        return known

    async def access(self, scope: Scope) -> Access:
        """Return what the key of a request may do, and leave it in the scope for the log.

        Raises:
            NotAuthenticated: there is no key, or none that is valid.
            TooManyRequests: it asked too often.
        """
        access = await self.keys.recognise(_key(scope["headers"]))
        scope["state"]["access"] = access
        if self.rate_limit is not None:
            self.rate_limit.take(access.key_id)
        return access


def _host(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    hosts = [value for name, value in headers if name == b"host"]
    return hosts[0] if len(hosts) == 1 else b""


def _address(scheme: str, host: bytes) -> str:
    if _HOST.fullmatch(host) is None:
        raise BadParameter("The header Host must name this server, once.", field="Host")
    return f"{scheme}://{host.decode()}"


def _key(headers: Iterable[tuple[bytes, bytes]]) -> str:
    given = [value for name, value in headers if name == b"authorization"]
    if len(given) != 1 or not given[0].isascii():
        raise NotAuthenticated(REFUSAL)
    text = given[0].decode()
    if text[:7].lower() == "bearer ":
        text = text[7:].lstrip(" ")
    if not text or " " in text:
        raise NotAuthenticated(REFUSAL)
    return text
