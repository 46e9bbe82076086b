"""API keys: made once, shown once, kept as a digest, recognised fast."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable

from callreel.catalog import Catalog
from callreel.errors import CallreelError, NotAuthenticated
from callreel.model import Access, Key, Reach, Scope

REFRESH_SECONDS = 1.0
MAX_REMEMBERED = 10_000
REFUSAL = "Send a valid key in the header Authorization; this one is missing, unknown or ended."


def make(
    label: str,
    reach: Reach,
    scopes: frozenset[Scope],
    expires_at: int | None = None,
) -> tuple[str, Key]:
    """Return a new key's text, to be shown once, and what is kept of it.

    The secret part has 256 random bits, so a plain digest of it cannot be guessed backwards.
    """
    key_id = secrets.token_hex(4)
    text = f"cr_{key_id}_{secrets.token_urlsafe(32)}"
    access = Access(key_id, reach, scopes, expires_at)
    return text, Key(key_id, label, digest_of(text), access, int(time.time()))


def digest_of(text: str) -> bytes:
    """Return what is kept of a key."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()


class KeyRing:
    """Recognises keys, remembering each for a second: so late may a revocation be seen."""

    def __init__(self, catalog: Catalog, clock: Callable[[], float] = time.time) -> None:
        self._catalog = catalog
        self._clock = clock
        self._seen: dict[str, tuple[float, Access]] = {}
        self._used: dict[str, int] = {}

    async def recognise(self, text: str) -> Access:
        """Return what a key may do.

        Raises:
            NotAuthenticated: the key is empty, unknown, expired or revoked.
        """
        now = self._clock()
        seen = self._seen.get(text)
        if seen is None or not 0 <= now - seen[0] < REFRESH_SECONDS:
            seen = now, await self._look_up(text)
            self._remember(text, seen)
        looked_up_at, access = seen
        if access.expires_at is not None and access.expires_at <= now:
            raise NotAuthenticated(REFUSAL)
        if looked_up_at == now:
            self._used[access.key_id] = int(now)
        return access

    async def note_uses(self) -> None:
        """Keep when keys were used; to be called from time to time.

        Raises:
            CallreelError: it could not be kept; the next call tries again.
        """
        used, self._used = self._used, {}
        if not used:
            return
        try:
            await self._catalog.note_key_uses(used)
        except CallreelError:
            self._used = used | self._used
            raise

    async def _look_up(self, text: str) -> Access:
        digest = digest_of(text)
        key = await self._catalog.key_by_digest(digest)
        if key is None or not hmac.compare_digest(key.digest, digest):
            raise NotAuthenticated(REFUSAL)
        if key.revoked_at is not None:
            self._seen.pop(text, None)
            raise NotAuthenticated(REFUSAL)
        return key.access

    def _remember(self, text: str, seen: tuple[float, Access]) -> None:
        if len(self._seen) >= MAX_REMEMBERED:
            self._seen.clear()
        self._seen[text] = seen
