"""What every route works with, and the two questions that each asks of a request first."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import structlog
from starlette.types import Scope

from callreel.api.basic import unwrapped
from callreel.api.errors import AlsoBasic
from callreel.api.heads import heads
from callreel.api.limits import Limits
from callreel.api.log import trace_of
from callreel.api.metrics import Metrics
from callreel.api.proxies import Proxies
from callreel.api.rate_limit import Guesses, RateLimit
from callreel.api.wire import Bodies
from callreel.archive import Archive
from callreel.archive.keys import REFUSAL, KeyRing
from callreel.errors import BadParameter, CallreelError, NotAuthenticated
from callreel.model import Access
from callreel.room import Room

MAX_REMEMBERED: Final = 1_000
_log = structlog.get_logger(__name__)
_HOST: Final = re.compile(rb"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")


class Address(NamedTuple):
    """Where a client reaches the server.

    Attributes:
        base: The address without a slash at its end.
        opening: What comes before each body.
    """

    base: str
    opening: bytes


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
        guesses: How many wrong keys may come from an address, or None for any number.
        proxies: Who is believed to say how a client reached the server.
        uploads: Where those are whose recordings come in; half of it at most is one tenant's.
    """

    archive: Archive
    keys: KeyRing
    limits: Limits
    metrics: Metrics
    public_url: str | None = None
    rate_limit: RateLimit | None = None
    guesses: Guesses | None = None
    proxies: Proxies = field(default_factory=lambda: Proxies(""))
    uploads: Room = field(init=False)
    _addresses: dict[tuple[str, bytes], Address] = field(default_factory=dict)

    def __post_init__(self) -> None:
        says = "Many uploads are under way; send this one again in a moment."
        most = self.limits.max_uploads
        object.__setattr__(self, "uploads", Room(most, says, share=(most + 1) // 2))

    async def note_uses(self) -> None:
        """Keep when keys were used; a bug in that is logged, and hinders nothing else.

        Raises:
            CallreelError: it could not be kept; the next call tries again.
        """
        try:
            await self.keys.note_uses()
        except CallreelError:
            raise
        except Exception as error:  # noqa: BLE001 - the edge: a bug must not end all else
            _log.error("when keys were used was not noted", trace=trace_of(error))

    def address(self, scope: Scope) -> Address:
        """Return where the client reaches the server.

        Raises:
            BadParameter: the request's Host is missing or no host.
        """
        # A configured address is remembered under a key that no request can have.
        key = ("", b"") if self.public_url else self._key_of(scope)
        known = self._addresses.get(key)
        if known is None:
            base = self.public_url or _base(*key)
            known = Address(base, Bodies().opening(base))
            if len(self._addresses) >= MAX_REMEMBERED:
                self._addresses.clear()
            self._addresses[key] = known
        return known

    def _key_of(self, scope: Scope) -> tuple[str, bytes]:
        return self.proxies.scheme(scope), heads(scope).get(b"host", b"")

    def opening(self, scope: Scope) -> bytes:
        """Return what comes before each body in an answer to this request; raises as `address`."""
        return self.address(scope).opening

    async def access(self, scope: Scope, *, takes_basic: bool = False) -> Access:
        """Return what the key of a request may do, and leave it in the scope for the log.

        Args:
            scope: The request.
            takes_basic: Whether the key may be the password of HTTP Basic.

        Raises:
            NotAuthenticated: there is no key, or none that is valid.
            TooManyRequests: it asked too often, or too many wrong ones came from there.
        """
        given = heads(scope).get(b"authorization", b"")
        try:
            access = await self.keys.recognise(_key(unwrapped(given) if takes_basic else given))
        except NotAuthenticated as error:
            if given and self.guesses is not None:
                self.guesses.add(self.proxies.client(scope))
            if takes_basic:
                raise AlsoBasic(error.message) from error
            raise
        scope["state"]["access"] = access
        if self.rate_limit is not None:
            self.rate_limit.take(access.key_id)
        return access


def _base(scheme: str, host: bytes) -> str:
    if _HOST.fullmatch(host) is None:
        raise BadParameter("The header Host must name this server, once.", field="Host")
    return f"{scheme}://{host.decode()}"


def _key(given: bytes) -> str:
    """Return the key in the value of `Authorization`: the whole of it, or what `Bearer` heads."""
    try:
        text = given.decode("ascii")
    except UnicodeDecodeError as error:
        raise NotAuthenticated(REFUSAL) from error
    if text[:7].lower() == "bearer ":
        text = text[7:]
    if not text:
        raise NotAuthenticated(REFUSAL)
    return text
