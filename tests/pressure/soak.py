"""Many mixed requests: whether memory, descriptors and answers stay as they were.

Eight clients ask without a pause: of ten requests six for lists, plain and filtered, three for
ranges of audio and one to take in. Meanwhile imports run, one after the other.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import shutil
import subprocess
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import quote

from cli_runs import COMMAND
from faults.running import Served, environment, new_key, served
from importers.manifests import line as manifest_line
from importers.manifests import put, put_lines
from pressure.line import Line, get, post, quantile
from pressure.report import Report
from support import PATH, a_sound

CLIENTS: Final = 8
WINDOWS: Final = 10
FILES: Final = 100  # of each import
TOLERATED: Final = frozenset({429, 503})
MOST_GROWTH_MB: Final = 50
MOST_SLOWER: Final = 1.2
BASE: Final = 40
NUMBER_FILTER: Final = json.dumps([{"property": "number_list", "value": ["48800123456"]}])
LISTS: Final = (
    f"{PATH}?limit=50",
    f"{PATH}?limit=1",
    f"{PATH}?limit=50&offset=200",
    f"{PATH}?limit=20&filter={quote(NUMBER_FILTER)}",
)


@dataclass(slots=True)
class Seen:
    """What was seen of a run.

    Attributes:
        total: How many requests there are to be.
        asked: How many were begun.
        statuses: How many there were of each kind and status.
        seconds: For each kind and tenth of the run, how long answers took.
        memory, descriptors: Of the server, from time to time; MB, and a number.
        imported: Imports that ended, by their exit codes.
    """

    total: int
    asked: int = 0
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    seconds: dict[tuple[str, int], list[float]] = field(default_factory=lambda: defaultdict(list))
    memory: list[float] = field(default_factory=list)
    descriptors: list[int] = field(default_factory=list)
    imported: Counter[int] = field(default_factory=Counter)

    @property
    def is_over(self) -> bool:
        return self.asked >= self.total

    @property
    def window(self) -> int:
        return min(WINDOWS - 1, self.asked * WINDOWS // self.total)


def run(scratch: Path, count: int, seed: int) -> Report:
    """Ask so many times, and return what was seen."""
    key = new_key(scratch / "data")
    sound = a_sound(scratch, seconds=0.5)
    with served(scratch / "data", key) as server:
        seen = asyncio.run(_run(server, scratch, Seen(count), sound, seed))
    return report_of(seen)


async def _run(server: Served, scratch: Path, seen: Seen, sound: bytes, seed: int) -> Seen:
    key = server.asking.keys["all"]
    async with Line(server.asking.address) as line:
        for number in range(BASE):
            await line.ask(post(f"base-{number}", _own(sound, number), key, number))
    numbers = itertools.count(BASE)
    async with asyncio.TaskGroup() as group:
        for client in range(CLIENTS):
            chance = random.Random(f"{seed} {client}")
            line = Line(server.asking.address)
            group.create_task(Client(line, key, sound, numbers, chance).work(seen))
        group.create_task(_sample(server, seen))
        group.create_task(_import(server, scratch, seen))
    return seen


@dataclass(slots=True)
class Client:
    """One that asks without a pause; `numbers` gives each upload of all clients its own."""

    line: Line
    key: str
    sound: bytes
    numbers: Iterator[int]
    chance: random.Random

    async def work(self, seen: Seen) -> None:
        async with self.line:
            while not seen.is_over:
                kind, request = self._request()
                window = seen.window
                seen.asked += 1
                answer = await self.line.ask(request)
                seen.statuses[kind, answer.status] += 1
                seen.seconds[kind, window].append(answer.seconds)

    def _request(self) -> tuple[str, bytes]:
        drawn = self.chance.random()
        if drawn < 0.1:
            number = next(self.numbers)
            return "take in", post(f"soak-{number}", _own(self.sound, number), self.key, number)
        if drawn < 0.4:
            start = self.chance.randrange(4000)
            path = f"{PATH}/base-{self.chance.randrange(BASE)}/audio"
            return "range", get(path, self.key, f"Range: bytes={start}-{start + 4095}\r\n")
        return "list", get(self.chance.choice(LISTS), self.key)


def _own(sound: bytes, number: int) -> bytes:
    return sound[:-8] + number.to_bytes(8, "big")


async def _sample(server: Served, seen: Seen) -> None:
    """Note memory and descriptors, first when a tenth is done: caches are filled by then."""
    step = max(1, seen.total // 50)
    for at in range(seen.total // WINDOWS, seen.total, step):
        while seen.asked < at:  # noqa: ASYNC110 - nobody tells of each request
            await asyncio.sleep(0.05)
        seen.memory.append(memory_mb(server.process.pid))
        seen.descriptors.append(descriptors(server.process.pid))


def memory_mb(pid: int, which: str = "VmRSS") -> float:
    """Return the resident memory of a process; with `VmHWM` the most that it ever had."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition(f"{which}:")[2].split()[0]) / 1000


def descriptors(pid: int) -> int:
    """Return how many files a process has open."""
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


async def _import(server: Served, scratch: Path, seen: Seen) -> None:
    for number in itertools.count():
        if seen.is_over:
            return
        folder = scratch / "import"
        lines = []
        for file in range(FILES):
            name = f"{number}-{file}.wav"
            put(folder, name, a_sound(scratch, number * FILES + file, 0.2))
            lines.append(manifest_line(name, dialog_id=f"{number}.{file}"))
        put_lines(folder, *lines)
        process = await asyncio.create_subprocess_exec(
            *(*COMMAND, "import", "manifest", str(folder)),
            env=environment(server.asking.data),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        seen.imported[await process.wait()] += 1
        shutil.rmtree(folder)


def report_of(seen: Seen) -> Report:
    """Judge what was seen."""
    report = Report(f"soak, {seen.asked:,} requests")
    growth = max(seen.memory[-5:]) - min(seen.memory[:5])
    report.judge("memory grows by", f"{growth:.1f} MB", growth <= MOST_GROWTH_MB, "≤ 50 MB")
    first, last = max(seen.descriptors[:5]), max(seen.descriptors[-5:])
    report.judge("descriptors", f"{first}, then {last}", last <= first + 5, "flat")
    for kind in ("list", "range", "take in"):
        early, late = (quantile(seen.seconds[kind, at], 0.99) for at in (1, WINDOWS - 1))
        says = f"{early:.1f} ms, then {late:.1f} ms"
        report.judge(f"p99, {kind}", says, 0 < late <= early * MOST_SLOWER, "≤ 1.2 x")
    wrong = {
        (kind, status): count
        for (kind, status), count in seen.statuses.items()
        if not 200 <= status < 300 and status not in TOLERATED
    }
    report.judge("other answers than 2xx, 429, 503", str(wrong or 0), not wrong, "0")
    report.judge("imports, by exit code", str(dict(seen.imported)), set(seen.imported) == {0}, "0")
    return report
