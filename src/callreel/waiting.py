"""Waiting for work that goes on to its end, whoever gives up waiting for it."""

from __future__ import annotations

import asyncio
from typing import Any, TypeVar

T = TypeVar("T")


async def to_its_end(work: asyncio.Future[T]) -> T:
    """Wait for work in another thread, which being cancelled does not reach.

    What goes wrong after nobody waits any more is nobody's: asyncio would print its trace.
    """
    work.add_done_callback(_heard)
    return await asyncio.shield(work)


def _heard(work: asyncio.Future[Any]) -> None:
    if not work.cancelled():
        work.exception()
