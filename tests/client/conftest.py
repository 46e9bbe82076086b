from __future__ import annotations

from collections.abc import Iterator

import pytest

from callreel.client import Callreel, Recording
from callreel.server import Options
from endpoints.calls import call, write_audio
from endpoints.quick import QuickCallreel
from endpoints.scripted import Reply, ScriptedServer
from support import Running, serve

STORED = 45


@pytest.fixture(scope="session")
def scripted() -> Iterator[ScriptedServer]:
    with ScriptedServer(lambda _: Reply(status=404)) as server:
        yield server


@pytest.fixture(scope="session")
def one_client(scripted: ScriptedServer) -> Iterator[QuickCallreel]:
    with QuickCallreel(scripted.url) as client:
        yield client


@pytest.fixture
def client(one_client: QuickCallreel) -> QuickCallreel:
    one_client.waits.clear()
    return one_client


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A real server that clients know under another address than its own."""
    data = tmp_path_factory.mktemp("server") / "data"
    with serve(data, Options(public_url="https://calls.example.org")) as started:
        yield started


@pytest.fixture(scope="session")
def stored(server: Running, tmp_path_factory: pytest.TempPathFactory) -> list[Recording]:
    """What is in the real server, in the order of arrival."""
    folder = tmp_path_factory.mktemp("audio")
    with Callreel(server.url, server.keys["all"]) as calls:
        return [
            calls.upload(call(number), write_audio(folder / f"{number}.wav", number))
            for number in range(STORED)
        ]
