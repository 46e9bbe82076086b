"""Questions that are valid and dear: bounded, in nobody's way, and at the cost of who asks them."""

from __future__ import annotations

import json
import select
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import quote

import pytest

from callreel.catalog import sqlite_db
from callreel.catalog.sqlite import SqliteCatalog
from callreel.model import Facts
from contracts.catalog_reference import NOON, Known, entry_of
from support import PATH, Running, a_call, run, serve

CALLS = 1_000
MOST = 16
LISTS = 49
COSTLY = json.dumps(
    [
        {"property": "number_list", "value": ["4822", *map(str, range(17)), str(1_000 + each)]}
        for each in range(LISTS)
    ],
    separators=(",", ":"),
)
"""What every call is to be tested for as often as can be asked; all of them pass."""
PLACE = f"{PATH}?limit=5&offset={CALLS - 5}&filter={quote(COSTLY)}"


def fill(server: Running) -> None:
    """Give both tenants so many calls that the filter takes long."""

    async def work() -> None:
        catalog = SqliteCatalog(server.data / "callreel.db")
        for tenant in (1, 2):
            facts = [
                Facts(NOON + each, NOON + each, 0, numbers=frozenset({"4822"}))
                for each in range(CALLS)
            ]
            known = [Known(tenant, str(each.started_at), each) for each in facts]
            await catalog.add(tenant, [entry_of(each) for each in known])
        await catalog.close()

    run(work())


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sqlite_db, "SLOW_MOST", MOST)
        with serve(tmp_path_factory.mktemp("costly") / "data") as server:
            fill(server)
            yield server


def asked(server: Running, key: str) -> socket.socket:
    """Ask the costly question, and do not wait for the answer."""
    line = socket.create_connection(server.address, timeout=60)
    head = f"GET {PLACE} HTTP/1.1\r\nHost: a\r\nAuthorization: {server.keys[key]}\r\n\r\n"
    line.sendall(head.encode())
    return line


def answered(lines: list[socket.socket]) -> list[socket.socket]:
    """Return those on which an answer has begun to come."""
    return select.select(lines, [], [], 0)[0]


def in_turn(lines: list[socket.socket]) -> Iterator[socket.socket]:
    """Yield each as soon as an answer has begun to come."""
    left = list(lines)
    while left:
        for line in select.select(left, [], [], 60)[0]:
            left.remove(line)
            yield line


def test_others_are_answered_while_a_costly_question_is(filled: Running) -> None:
    with asked(filled, "all") as line:
        beside = 0
        while not answered([line]):
            assert filled.ask("GET", "/health", None).status_code == 200
            assert filled.ask("GET", f"{PATH}?limit=5", "other").status_code == 200
            beside += 1
        assert line.recv(15) == b"HTTP/1.1 200 OK"
    assert beside > 2


def test_a_question_that_takes_longer_than_it_may_is_given_up_and_others_go_on(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """With no time at all it is given up as soon as it left the common lane."""
    with serve(tmp_path_factory.mktemp("late") / "data", query_seconds=0) as server:
        fill(server)
        late = server.ask("GET", PLACE)
        assert (late.status_code, late.json()["error"]["code"]) == (503, "unavailable")
        assert "took longer than" in late.json()["error"]["message"]
        assert "Retry-After" in late.headers
        assert server.ask("GET", f"{PATH}?limit=5").status_code == 200


def test_who_asks_for_much_waits_and_is_turned_away_and_nobody_else(
    filled: Running, sound: bytes
) -> None:
    with ExitStack() as held:
        noisy = [held.enter_context(asked(filled, "all")) for _ in range(MOST)]
        assert b"HTTP/1.1 503" in (line.recv(12) for line in in_turn(noisy))
        assert filled.ask("GET", "/health", None).status_code == 200
        assert filled.ask("GET", f"{PATH}?limit=5", "other").status_code == 200
        costly = filled.ask("GET", PLACE, "other")
        assert (costly.status_code, len(costly.json()["data"])) == (200, 5)
        assert filled.upload(sound, a_call(), key="other").status_code == 201
        assert len(answered(noisy)) < len(noisy), "the other tenant waited for all of them"
