"""Coroutines that are begun at once, and become a task only where they have to wait.

Python 3.12 brings this as `asyncio.eager_task_factory`; 3.11 is to do as well.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator
from types import coroutine
from typing import Any


def begun(
    started: Coroutine[Any, Any, None], loop: asyncio.AbstractEventLoop
) -> asyncio.Task[None] | None:
    """Let a coroutine run up to where it first waits.

    There is no current task until then, so it must not ask for one, as `asyncio.timeout` does.

    Args:
        started: What to run; what it raises before it first waits is raised here.
        loop: The event loop that runs on this thread.

    Returns:
        The task in which the rest runs, or None where it has ended.
    """
    try:
        waited_for = started.send(None)
    except StopIteration:
        return None
    return loop.create_task(_rest(started, waited_for))


@coroutine
def _rest(started: Coroutine[Any, Any, None], waited_for: object) -> Generator[Any, Any, None]:
    """Pass on what the coroutine waits for to the task, and to it what came of that."""
    try:
        while True:
            try:
                result = yield waited_for
            except BaseException as error:  # noqa: BLE001 - a cancellation too is the coroutine's
                waited_for = started.throw(error)
            else:
                waited_for = started.send(result)
    except StopIteration:
        return
