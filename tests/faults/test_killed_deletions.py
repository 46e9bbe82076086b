"""kill -9 while recordings are deleted: an import brings back none that was promised to be gone."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import aclosing
from pathlib import Path

import requests

from callreel.archive import imports
from callreel.archive.verdict import Became, Verdict
from callreel.importers.freepbx.importer import FreePbx
from callreel.settings import read_settings
from callreel.wiring import open_archive
from faults.running import Served, environment, new_key, served
from importers.monitor import put, source, wav

KILLS = 3
RECORDINGS = 90
EPOCH = 1_772_438_405


def imported(data: Path, root: Path) -> list[Verdict]:
    async def play() -> list[Verdict]:
        archive = open_archive(read_settings(environment(data)))
        try:
            made = imports.run(archive, 1, "freepbx", FreePbx(source(root)).items())
            async with aclosing(made) as verdicts:
                return [verdict async for verdict in verdicts]
        finally:
            await archive.close()

    return asyncio.run(play())


def delete_all(server: Served, recordings: Iterable[str], promised: set[str]) -> None:
    """Delete one after the other until the server is gone; know which were promised."""
    session = server.session()
    for recording in recordings:
        try:
            answer = session.delete(f"{server.list}/{recording}", timeout=20)
        except requests.RequestException:
            return
        assert answer.status_code == 200, answer.text
        promised.add(recording)


def test_what_was_deleted_stays_so_whenever_the_server_was_killed(tmp_path: Path) -> None:
    data, root, chance = tmp_path / "data", tmp_path / "monitor", random.Random(9)
    key = new_key(data)
    for number in range(RECORDINGS):
        name = f"in-48221234567-486{number:06d}-20260302-090005-{EPOCH + number}.{number}.wav"
        put(root, name, wav(60, tone=number))
    there = [str(verdict.recording) for verdict in imported(data, root)]
    promised: set[str] = set()
    for _ in range(KILLS):
        with served(data, key) as server:
            halves = [there[start::2] for start in range(2)]
            working = [
                threading.Thread(target=delete_all, args=(server, half, promised))
                for half in halves
            ]
            for each in working:
                each.start()
            time.sleep(chance.uniform(0.05, 0.25))
            server.kill()
            for each in working:
                each.join(timeout=30)
        verdicts = imported(data, root)
        counts = Counter(verdict.became for verdict in verdicts)
        assert counts.keys() <= {Became.SAME, Became.DELETED}
        deleted = {str(each.recording) for each in verdicts if each.became is Became.DELETED}
        assert promised <= deleted
        there = [each for each in there if each not in deleted]
    assert promised
