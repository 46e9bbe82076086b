from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from house import House


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with asyncio.Runner() as runner:
        made = House(runner, tmp_path)
        yield made
        runner.run(made.archive.close())
