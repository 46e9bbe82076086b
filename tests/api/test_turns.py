from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from asgi import TEXT, FakeCatalog, drive, house
from callreel.api import turns as of_turns
from callreel.api.turns import Turns
from callreel.api.wire import LIST_PATH
from callreel.archive import keys
from callreel.model import Key, Reach
from callreel.model import Scope as KeyScope

MOST = 3


def test_nobody_waits_where_there_is_room() -> None:
    async def play() -> None:
        turns = Turns(MOST)
        for _ in range(MOST):
            taking = turns.take(1)
            try:
                taking.send(None)
            except StopIteration:
                continue
            raise AssertionError("it waited")

    asyncio.run(play())


def test_so_many_begin_in_each_round_of_the_loop_in_the_order_of_their_coming() -> None:
    async def play() -> list[int]:
        turns, rounds, begun = Turns(MOST), 0, dict[int, int]()

        def count() -> None:
            nonlocal rounds
            rounds += 1
            asyncio.get_running_loop().call_soon(count)

        async def work(number: int) -> None:
            await turns.take(1)
            begun[number] = rounds

        count()
        await asyncio.gather(*(work(number) for number in range(5 * MOST)))
        assert list(begun) == sorted(begun)
        return list(begun.values())

    of_rounds = asyncio.run(play())
    assert len(of_rounds) == 5 * MOST
    assert max(map(of_rounds.count, of_rounds)) == MOST


def test_tenants_take_turns() -> None:
    async def play() -> list[str]:
        turns, begun = Turns(1), list[str]()

        async def work(name: str) -> None:
            await turns.take(1, tenant=int(name[0]))
            begun.append(name)

        await asyncio.gather(*map(work, ("1a", "1b", "1c", "1d", "2a", "2b", "3a")))
        return begun

    assert asyncio.run(play()) == ["1a", "1b", "2a", "3a", "1c", "2b", "1d"]


def test_much_work_takes_the_turns_of_what_is_little() -> None:
    """With room for 8: what begins goes on while there is any left, then the next round begins."""

    async def play() -> list[int]:
        turns, rounds, begun = Turns(8), 0, list[int]()

        def count() -> None:
            nonlocal rounds
            rounds += 1
            asyncio.get_running_loop().call_soon(count)

        async def work(much: int) -> None:
            await turns.take(much)
            begun.append(rounds)

        count()
        await asyncio.gather(*(work(much) for much in (1, 7, 5, 5, 20, 2, 2, 2, 2, 1)))
        order = sorted(set(begun))
        return [order.index(each) for each in begun]

    assert asyncio.run(play()) == [0, 0, 1, 1, 2, 3, 3, 3, 3, 4]


def test_who_goes_away_while_waiting_takes_nobody_s_turn() -> None:
    async def play() -> None:
        turns = Turns(1)
        coming = [asyncio.create_task(turns.take(1)) for _ in range(4)]
        await asyncio.sleep(0)
        assert [each.done() for each in coming] == [True, False, False, False]
        coming[1].cancel()
        async with asyncio.timeout(5):
            await asyncio.gather(*coming[2:])
            await turns.take(1)
        assert coming[1].cancelled()

    asyncio.run(play())


def rounds_of(work: int, arrivals: int) -> list[int]:
    """Return in which rounds of the loop work begins while a connection comes in each of some."""

    async def play() -> list[int]:
        turns, rounds, begun = Turns(MOST), 0, list[int]()

        def count() -> None:
            nonlocal rounds
            rounds += 1
            Turns.arrivals += rounds <= arrivals
            asyncio.get_running_loop().call_soon(count)

        async def one() -> None:
            await turns.take(MOST)
            begun.append(rounds)

        count()
        await asyncio.gather(*(one() for _ in range(work)))
        return begun

    return asyncio.run(play())


def test_what_is_left_waits_while_connections_come_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_turns, "WORK_SECONDS", 0)
    monkeypatch.setattr(of_turns, "HELD_SECONDS", 60)
    first, *others = rounds_of(5, arrivals=50)
    assert first < 5
    assert 50 <= min(others) <= max(others) < 60


def test_short_work_goes_on_while_connections_come_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_turns, "WORK_SECONDS", 60)
    monkeypatch.setattr(Turns, "arrivals", 0)
    assert max(rounds_of(5, arrivals=50)) < 10


def test_connections_that_come_all_the_time_do_not_hold_up_work_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(of_turns, "WORK_SECONDS", 0)
    monkeypatch.setattr(of_turns, "HELD_SECONDS", 0.001)
    assert len(rounds_of(5, arrivals=1_000_000_000)) == 5


OTHER_TEXT, OTHER_KEY = keys.make("other", Reach(8), frozenset({KeyScope.READ}))


class OfTwo(FakeCatalog):
    """Knows a key of another tenant, too."""

    async def key_by_digest(self, digest: bytes) -> Key | None:
        return OTHER_KEY if digest == OTHER_KEY.digest else await super().key_by_digest(digest)


def place_among_pages(path: str, key: str) -> int:
    """Return how many are answered before one that comes after a hundred pages of a tenant."""
    answered: list[str] = []

    async def short(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    made = house(OfTwo(), router=short)

    async def ask(path: str, key: str, name: str) -> None:
        headers = [(b"authorization", key.encode()), (b"host", b"calls.test")]
        scope: dict[str, Any] = {"type": "http", "method": "GET", "path": path, "scheme": "http"}
        sent = await drive(made.app, {**scope, "query_string": b"", "headers": headers})
        assert sent[0]["status"] == 200
        answered.append(name)

    async def play() -> None:
        pages = (ask(LIST_PATH, TEXT, "page") for _ in range(100))
        await asyncio.gather(*pages, ask(path, key, "last"))

    asyncio.run(play())
    assert len(answered) == 101
    return answered.index("last")


def test_what_is_short_is_answered_before_all_pages_that_came_earlier() -> None:
    assert place_among_pages("/health", TEXT) < 10


def test_a_page_is_made_before_all_that_another_tenant_asked_for_earlier() -> None:
    assert place_among_pages(LIST_PATH, OTHER_TEXT) < 10
    assert place_among_pages(LIST_PATH, TEXT) == 100
