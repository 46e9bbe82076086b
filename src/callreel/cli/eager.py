"""Coroutines that are begun at once, and become a task only where they have to wait.

Python 3.12 brings this as `asyncio.eager_task_factory`; 3.11 is to do as well.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

from callreel.row import ROW

Begun = Coroutine[Any, Any, None]


def begun(started: Begun, loop: asyncio.AbstractEventLoop) -> asyncio.Task[None] | None:
    """Let a coroutine run up to where it first waits.

    Until then there is no current task, and the context is the caller's: it must not ask for the
    one, as `asyncio.timeout` does, nor set a variable of the other.

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
    return loop.create_task(_Rest(started, waited_for))


class Beginners:
    """What is begun in one row, once the event loop has read all that came.

    Begun while it reads, the first would be answered of a moment that is older than what others
    ask: of a request that has come in part, the rest is read whenever it is its turn.
    """

    _of: ClassVar[WeakKeyDictionary[asyncio.AbstractEventLoop, Beginners]] = WeakKeyDictionary()

    def __init__(self) -> None:
        self._waiting: list[Callable[[], None]] = []

    @classmethod
    def of(cls, loop: asyncio.AbstractEventLoop) -> Beginners:
        """Return those of a loop."""
        found = cls._of.get(loop)
        if found is None:
            found = cls._of[loop] = cls()
        return found

    def add(self, begin: Callable[[], None]) -> None:
        """Let one be begun with the next row."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._begin_all)
        self._waiting.append(begin)

    def _begin_all(self) -> None:
        waiting, self._waiting = self._waiting, []
        with ROW.running():
            for begin in waiting:
                try:
                    begin()
                except Exception as error:  # noqa: BLE001 - the others have nothing to do with it
                    told = {"message": "It was not begun.", "exception": error}
                    asyncio.get_running_loop().call_exception_handler(told)


class _Rest(Begun):
    """What is left of a coroutine that waits for something already."""

    def __init__(self, started: Begun, waited_for: object) -> None:
        self._started = started
        self._waited_for = waited_for
        self._is_told = False

    def send(self, value: object) -> object:
        if self._is_told:
            return self._started.send(value)
        self._is_told = True
        return self._waited_for

    def throw(self, *error: Any) -> object:  # noqa: ANN401 - as the coroutine's own
        self._is_told = True
        return self._started.throw(*error)

    def close(self) -> None:
        self._started.close()

    def __await__(self) -> Generator[Any, Any, None]:
        raise NotImplementedError  # it is for a task alone
