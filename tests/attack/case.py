"""What is sent, and what is expected of the answer beyond what is expected of every answer."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from urllib.parse import quote

Headers = Iterable[tuple[str, str]]
SOUND_STATUSES = frozenset({200, 206, 304, 416})
REFUSED = frozenset(range(400, 500))


@dataclass(frozen=True, slots=True)
class Case:
    """One attack.

    Attributes:
        says: What it tries, for the reader of a failure.
        raw: The bytes that are sent.
        statuses: Which answers are right; empty for any that is no 5xx.
        twin: Another request, which must be answered alike in all but its id; or None.
        forbidden: What no answer may hold; nothing of it is in `raw`.
        most_bytes: How long a body may be.
        is_broken: Whether the server may end the connection, or wait, without an answer.
    """

    says: str
    raw: bytes
    statuses: frozenset[int] = frozenset()
    twin: bytes | None = None
    forbidden: tuple[bytes, ...] = ()
    most_bytes: int = 8 << 20
    is_broken: bool = False


@dataclass(frozen=True, slots=True)
class Key:
    """A key of the target.

    Attributes:
        name: What it is for.
        text: The key itself.
        scopes: What it may do.
        is_valid: Whether it is neither expired nor revoked.
        forbidden: Marks of what it may never see.
    """

    name: str
    text: str
    scopes: frozenset[str]
    is_valid: bool = True
    forbidden: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Target:
    """A server, filled, with two tenants; the attacker has the keys of the first.

    Attributes:
        address: Host and port.
        keys: By their names; `all` may do everything within its tenant.
        own: A recording within reach of every valid key.
        outside: One of the same tenant, out of reach of the narrowed keys.
        foreign: One of the other tenant.
        exports: A finished export of each tenant, by `own` and `foreign`.
        foreign_marks: What only the other tenant's data hold.
        guard: A key of the other tenant, to see whether anything of it was changed.
        document: The OpenAPI document.
        sound: The audio of `own`.
        most_seconds: How long an answer may take.
    """

    address: tuple[str, int]
    keys: dict[str, Key]
    own: str
    outside: str
    foreign: str
    exports: dict[str, str]
    foreign_marks: tuple[bytes, ...]
    guard: Key
    document: dict[str, object] = field(repr=False)
    sound: bytes = field(repr=False)
    most_seconds: float = 2.0

    @property
    def all(self) -> Key:
        return self.keys["all"]


Group = Callable[[Target, random.Random], Iterator[Case]]
"""Yields cases without end; which, the random numbers say."""


def request(
    method: str,
    path: str,
    key: Key | str | None = None,
    *,
    headers: Headers = (),
    body: bytes | None = None,
) -> bytes:
    """Return a request of HTTP/1.1 that is well-formed around whatever the parts hold."""
    lines = [f"{method} {path} HTTP/1.1", "Host: calls.test", "Connection: close"]
    if key is not None:
        lines.append(f"Authorization: {key.text if isinstance(key, Key) else key}")
    lines += [f"{name}: {value}" for name, value in headers]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogatepass") + (body or b"")


def quoted(text: str) -> str:
    """Return a text for a place in an address; nothing of it stays special."""
    return quote(text, safe="", errors="surrogatepass")
