"""A folder that is watched, pass by pass."""

from __future__ import annotations

import os
import time
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

from callreel.archive.verdict import Became
from callreel.archive.watch import Folder, IsNews, Watch
from callreel.importers.formats import Importer, importer_for
from callreel.importers.source import Source
from callreel.model import EVERY_CALL, NO_FILTER, Reach
from house import House

Looked = list[tuple[str, Became]]


def watch_of(house: House, format_name: str, given: Source, move_to: Path | None = None) -> Watch:
    def importer(is_news: IsNews) -> Importer:
        return importer_for(format_name, replace(given, is_news=is_news))

    folder = Folder(given.root, format_name, importer, move_to, given.calls)
    return Watch(house.archive, 1, folder)


def looked(house: House, watch: Watch) -> Looked:
    """Let it look once, and return what became of what it saw."""

    async def play() -> Looked:
        async with aclosing(watch.look()) as verdicts:
            return [(verdict.where, verdict.became) async for verdict in verdicts]

    return house.run(play())


def aged(path: Path, seconds: float) -> Path:
    os.utime(path, (time.time() - seconds,) * 2)
    return path


def counts(house: House) -> tuple[int, int]:
    """Return how many calls are listed, and how many recordings."""
    catalog = house.archive.catalog
    calls = house.run(catalog.count(Reach(1), EVERY_CALL))
    return calls, house.run(catalog.count(Reach(1), NO_FILTER))
