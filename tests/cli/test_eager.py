"""Coroutines that are begun at once."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from functools import partial
from typing import Any

import pytest

from callreel.cli.eager import Beginners, begun
from callreel.row import ROW


def ran(made: Coroutine[Any, Any, None], *, cancelled_after: int | None = None) -> bool:
    """Run a coroutine, and return whether it became a task."""

    async def run() -> bool:
        task = begun(made, asyncio.get_running_loop())
        if task is None:
            return False
        if cancelled_after is not None:
            for _ in range(cancelled_after):
                await asyncio.sleep(0)
            task.cancel()
        await task
        return True

    return asyncio.run(run())


def test_what_need_not_wait_has_ended_and_was_no_task() -> None:
    seen = []

    async def work() -> None:
        seen.append(asyncio.current_task())

    async def look() -> list[asyncio.Task[Any] | None]:
        loop = asyncio.get_running_loop()
        loop.call_soon(begun, work(), loop)
        await asyncio.sleep(0)
        return seen

    assert asyncio.run(look()) == [None]


def test_what_waits_goes_on_in_a_task_with_what_came_of_it() -> None:
    seen: list[object] = []

    async def work() -> None:
        loop = asyncio.get_running_loop()
        seen.append(await loop.run_in_executor(None, lambda: 1))
        await asyncio.sleep(0)
        seen.append(await asyncio.wait_for(asyncio.sleep(0, 2), 5))
        try:
            await loop.run_in_executor(None, int, "x")
        except ValueError:
            seen.append(3)

    assert ran(work())
    assert seen == [1, 2, 3]


def test_what_it_waited_for_may_be_there_before_the_task_begins() -> None:
    seen = []

    async def work() -> None:
        future = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(future.set_result, "there")
        seen.append(await future)

    assert ran(work())
    assert seen == ["there"]


@pytest.mark.parametrize("turns", [0, 1, 2])
def test_a_cancellation_reaches_what_waits(turns: int) -> None:
    """Also before the task had its first turn: what it waits for is in the midst all the same."""
    seen = []

    async def work() -> None:
        try:
            await asyncio.sleep(0)
            await asyncio.Event().wait()
        except BaseException as error:
            seen.append(type(error))
            await asyncio.sleep(0)
            raise

    with pytest.raises(asyncio.CancelledError):
        ran(work(), cancelled_after=turns)

    assert seen == [asyncio.CancelledError]


def test_what_is_given_up_is_closed() -> None:
    seen = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            seen.append("closed")

    async def give_up() -> None:
        task = begun(work(), asyncio.get_running_loop())
        assert task is not None
        task.get_coro().close()  # what the task runs
        task.cancel()
        await asyncio.wait({task})

    asyncio.run(give_up())
    assert seen == ["closed"]


def test_who_outlives_a_cancellation_goes_on() -> None:
    seen = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            seen.append(1)
        await asyncio.sleep(0)
        seen.append(2)

    assert ran(work(), cancelled_after=1)
    assert seen == [1, 2]


@pytest.mark.parametrize("waits", [False, True])
def test_an_error_is_raised_where_it_arises(waits: bool) -> None:
    async def work() -> None:
        if waits:
            await asyncio.sleep(0)
        raise KeyError("here")

    with pytest.raises(KeyError, match="here"):
        ran(work())


def test_what_waits_is_begun_in_one_row_whatever_becomes_of_one() -> None:
    told: list[str] = []
    heard: list[dict[str, Any]] = []

    def add(name: str) -> None:
        Beginners.of(asyncio.get_running_loop()).add(partial(begin, name))

    def begin(name: str) -> None:
        told.append(name)
        if name == "b":
            add("later")
            raise ValueError(name)
        assert ROW.at_end(partial(told.append, f"end of {name}"))

    async def look() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: heard.append(context))
        for name in "abc":
            add(name)
        assert told == []
        await asyncio.sleep(0.01)
        assert not ROW.at_end(look_never)

    asyncio.run(look())
    assert told == ["a", "b", "c", "end of a", "end of c", "later", "end of later"]
    assert [str(each["exception"]) for each in heard] == ["b"]


def look_never() -> None:
    raise AssertionError
