"""Who takes in and who removes wait for each other in every `AudioStore`, as tests."""

from __future__ import annotations

import asyncio

import pytest

from callreel.audio import AudioStore
from contracts.audio_case import AudioCase


class AudioLocksContract(AudioCase):
    def test_many_take_in_at_once(self, store: AudioStore) -> None:
        async def run() -> None:
            async with asyncio.timeout(10), store.taking_in(), store.taking_in():
                pass

        asyncio.run(run())

    def test_removing_waits_for_who_takes_in(self, store: AudioStore) -> None:
        async def run() -> None:
            order: list[str] = []

            async def remove() -> None:
                async with store.removing():
                    order.append("removed")

            async with store.taking_in():
                removing = asyncio.create_task(remove())
                await asyncio.wait([removing], timeout=0.05)
                order.append("taken in")
            await asyncio.wait_for(removing, 10)
            assert order == ["taken in", "removed"]

        asyncio.run(run())

    def test_taking_in_waits_for_who_removes(self, store: AudioStore) -> None:
        async def run() -> None:
            order: list[str] = []

            async def take_in() -> None:
                async with store.taking_in():
                    order.append("taken in")

            async with store.removing():
                taking = asyncio.create_task(take_in())
                await asyncio.wait([taking], timeout=0.05)
                order.append("removed")
            await asyncio.wait_for(taking, 10)
            assert order == ["removed", "taken in"]

        asyncio.run(run())

    def test_removing_gets_its_turn_while_others_take_in_without_end(
        self, store: AudioStore
    ) -> None:
        async def run() -> None:
            is_removed = asyncio.Event()

            async def take_in_in_turn() -> None:
                while not is_removed.is_set():
                    async with store.taking_in():
                        await asyncio.sleep(0.005)

            async with asyncio.timeout(20), asyncio.TaskGroup() as group:
                for _ in range(4):  # so many that the lock is never free between two of them
                    group.create_task(take_in_in_turn())
                await asyncio.sleep(0)
                async with store.removing():
                    is_removed.set()

        asyncio.run(run())

    def test_both_locks_are_given_back_when_their_holders_fail(self, store: AudioStore) -> None:
        async def run() -> None:
            for holding in (store.taking_in, store.removing):
                with pytest.raises(KeyError):
                    async with holding():
                        raise KeyError
            async with asyncio.timeout(10), store.removing():
                pass

        asyncio.run(run())
