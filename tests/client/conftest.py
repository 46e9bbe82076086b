from __future__ import annotations

from collections.abc import Iterator

import pytest

from endpoints.quick import QuickCallreel
from endpoints.scripted import Reply, ScriptedServer


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
