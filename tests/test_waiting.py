from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest

from callreel.waiting import to_its_end


def test_work_is_waited_for_and_its_error_is_the_callers() -> None:
    async def play() -> None:
        work = asyncio.get_running_loop().create_future()
        work.set_result(7)
        assert await to_its_end(work) == 7
        failed = asyncio.get_running_loop().create_future()
        failed.set_exception(OSError("the disk"))
        with pytest.raises(OSError, match="the disk"):
            await to_its_end(failed)

    asyncio.run(play())


@pytest.mark.parametrize("is_cancelled", [True, False])
def test_who_gives_up_waiting_leaves_the_work_and_hears_nothing_of_it(
    *, is_cancelled: bool
) -> None:
    told: list[dict[str, Any]] = []

    async def play() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _loop, context: told.append(context))
        work: asyncio.Future[None] = loop.create_future()
        waiting = asyncio.create_task(to_its_end(work))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert not work.done()
        if is_cancelled:
            work.cancel()
        else:
            work.set_exception(OSError("the disk"))
        await asyncio.sleep(0)
        del work, waiting
        gc.collect()

    asyncio.run(play())
    assert told == []
