from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporting.exports import Exports
from house import House


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with asyncio.Runner() as runner:
        (tmp_path / "data").mkdir()
        made = House(runner, tmp_path / "data")
        yield made
        runner.run(made.archive.close())


@pytest.fixture
def exports(house: House, tmp_path: Path) -> Exports:
    return Exports(house, tmp_path)
