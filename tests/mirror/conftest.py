from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from endpoints.scripted import Reply, ScriptedServer
from mirror.mirrors import Copy


@pytest.fixture(scope="session")
def scripted() -> Iterator[ScriptedServer]:
    with ScriptedServer(lambda _: Reply(status=404)) as server:
        yield server


@pytest.fixture
def copy(tmp_path: Path, scripted: ScriptedServer) -> Iterator[Copy]:
    """An empty archive, and the service that it mirrors."""
    with asyncio.Runner() as runner:
        made = Copy(runner, tmp_path / "copy", scripted.url)
        yield made
        made.close()
