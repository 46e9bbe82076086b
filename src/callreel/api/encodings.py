"""Whether a client takes gzip, and gzip."""

from __future__ import annotations

import asyncio
from typing import Final

from isal import igzip

WORTH_BYTES: Final = 1024
LEVEL: Final = 1
LONG_BYTES: Final = 1 << 21  # takes some milliseconds, for which others would wait


async def compress(body: bytes) -> bytes:
    """Return a body as gzip, a long one without holding up the event loop."""
    if len(body) < LONG_BYTES:
        return packed(body)
    return await asyncio.to_thread(packed, body)


def packed(body: bytes) -> bytes:
    """Return a body as gzip, at once; the same body always gives the same bytes."""
    made: bytes = igzip.compress(body, compresslevel=LEVEL, mtime=0)
    return made


def accepts_gzip(header: bytes) -> bool:
    """Say whether an `Accept-Encoding` names gzip, or everything, with a weight above 0."""
    weights: dict[str, float] = {}
    for part in header.decode("latin-1").lower().split(","):
        coding, _, parameters = part.partition(";")
        weights[coding.strip()] = _weight(parameters)
    named = [weights[name] for name in ("gzip", "x-gzip") if name in weights]
    return max(named, default=weights.get("*", 0.0)) > 0


def _weight(parameters: str) -> float:
    name, _, value = parameters.partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
