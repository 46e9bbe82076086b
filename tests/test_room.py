from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from callreel.errors import Unavailable
from callreel.room import Lanes, Room


def test_as_many_are_inside_as_there_is_room_for_and_the_next_is_turned_away() -> None:
    room = Room(2, "Come again.")
    with room.entered(), room.entered():
        with pytest.raises(Unavailable, match="Come again") as turned_away, room.entered():
            pytest.fail("there was no room")
        assert turned_away.value.retry_after >= 1
    with room.entered():
        pass


def test_one_holds_no_more_than_its_share_and_the_rest_is_for_others() -> None:
    room = Room(3, "Come again.", share=2)
    with room.entered(1), room.entered(1):
        with pytest.raises(Unavailable, match="Come again"), room.entered(1):
            pytest.fail("its share was taken")
        with room.entered(2), pytest.raises(Unavailable), room.entered(3):
            pytest.fail("there was no room")
    with room.entered(1), room.entered(1):
        pass


def test_who_leaves_by_an_error_makes_room_too() -> None:
    room = Room(1, "")
    for _ in range(3):
        with pytest.raises(KeyError), room.entered():
            raise KeyError


class Work:
    """What is done in lanes: it begins as it may, and ends when it is told to."""

    def __init__(self, most: int, share: int) -> None:
        self.lanes = Lanes(most, share=share)
        self.begun: list[str] = []
        self._ends: dict[str, asyncio.Event] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def come(self, *names: str) -> None:
        """Let some come, each called by its tenant and a letter."""
        for name in names:
            self._ends[name] = asyncio.Event()
            self._tasks[name] = asyncio.create_task(self._do(name))
            await asyncio.sleep(0)

    async def _do(self, name: str) -> None:
        async with self.lanes.entered(int(name[0])):
            self.begun.append(name)
            await self._ends[name].wait()

    async def end(self, name: str) -> None:
        self._ends[name].set()
        await self._tasks[name]
        await asyncio.sleep(0)

    async def cancel(self, *names: str) -> None:
        for name in names:
            self._tasks[name].cancel()
        for name in names:
            with suppress(asyncio.CancelledError):
                await self._tasks[name]
        await asyncio.sleep(0)


def test_a_lane_is_left_for_another_tenant() -> None:
    async def play() -> None:
        work = Work(3, share=2)
        await work.come("1a", "1b", "1c", "2a", "2b")
        assert work.begun == ["1a", "1b", "2a"]
        await work.end("2a")
        assert work.begun[3:] == ["2b"]
        await work.end("2b")
        assert work.begun[4:] == []
        await work.end("1a")
        assert work.begun[4:] == ["1c"]

    asyncio.run(play())


def test_tenants_that_wait_take_turns() -> None:
    async def play() -> None:
        work = Work(1, share=1)
        await work.come("1a", "1b", "1c", "2a", "2b", "3a")
        for name in ("1a", "1b", "2a", "3a", "1c", "2b"):
            assert work.begun[-1] == name
            await work.end(name)
        await work.come("4a")
        assert work.begun[6:] == ["4a"]

    asyncio.run(play())


def test_who_goes_away_leaves_no_lane_taken() -> None:
    async def play() -> None:
        work = Work(1, share=1)
        await work.come("1a", "1b", "2a", "3a")
        await work.cancel("1b", "2a")
        await work.cancel("1a")
        assert work.begun == ["1a", "3a"]
        await work.come("1c", "2b")
        work._ends["3a"].set()
        await asyncio.sleep(0)  # the turn of 1c has come, and it has not heard of it
        await work.cancel("1c")
        assert work.begun[2:] == ["2b"]
        await work.end("2b")
        await work.come("1d")
        assert work.begun[3:] == ["1d"]

    asyncio.run(play())
