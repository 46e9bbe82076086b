"""More than the server can do: whether it goes on doing what it can.

First as much as it can is found, by clients that wait for their answers. Then requests come at a
fixed rate, whether or not those before were answered, as those of many clients do; a client that
is told 503 goes away. What counts is how many good answers come in time. The rates take turns, so
that what else the machine does befalls them alike; how much of a core the server had tells more.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count as counting
from pathlib import Path
from typing import Final

from faults.running import Served, new_key, served
from pressure.line import Answer, Line, get, over_new, post, quantile
from pressure.report import Report
from support import PATH, a_sound

TAKE_IN: Final = "take in"
LIST: Final = "list of 2,000, compressed"
REFUSALS: Final[Mapping[str, frozenset[int]]] = {TAKE_IN: frozenset({503}), LIST: frozenset()}
"""How each may be refused; lists wait."""
STEPS: Final = (1, 2, 4)
ROUNDS: Final = 3
RUN_UP: Final = 0.25
"""Of each rate, as a share of the time that is counted."""
WAITING: Final = 16
CONNECTIONS: Final = 400
IN_TIME: Final = 10.0
LEAST_GOODPUT: Final = 0.8
HEALTH_MS: Final = 200


@dataclass(slots=True)
class Step:
    """What was seen at a rate.

    Attributes:
        seconds: How long.
        answers: Of those that came.
        unsent: Requests for which there was no connection left: all were waiting.
        health: Seconds that `/health` took, asked all the while.
        worked: Seconds of processor time that the server took.
    """

    seconds: float = 0.0
    answers: list[Answer] = field(default_factory=list)
    unsent: int = 0
    health: list[float] = field(default_factory=list)
    worked: float = 0.0

    @property
    def goodput(self) -> float:
        """Good answers a second."""
        return sum(each.is_good and each.seconds <= IN_TIME for each in self.answers) / self.seconds


def run(scratch: Path, seconds: int, seed: int) -> Report:
    """Overload with lists and with uploads, each rate for so many seconds."""
    key = new_key(scratch / "data")
    sound = a_sound(scratch, seed, 0.5)
    report = Report(f"overload, {seconds} s each")
    with served(scratch / "data", key) as server:
        numbers = counting()
        uploads = (post(f"o-{n}", sound[:-8] + n.to_bytes(8, "big"), key, n) for n in numbers)
        asyncio.run(_overload(report, TAKE_IN, server, uploads, seconds))
        page = get(f"{PATH}?limit=2000", key, "Accept-Encoding: gzip\r\n")
        pages = (page for _ in counting())
        asyncio.run(_overload(report, LIST, server, pages, seconds))
    return report


async def _overload(
    report: Report, what: str, server: Served, requests: Iterator[bytes], seconds: int
) -> None:
    capacity = await _waiting(server, requests, seconds)
    report.judge(f"{what}: 16 clients that wait", f"{capacity:,.0f}/s", is_enough=True)
    steps = {times: Step() for times in STEPS}
    for _ in range(ROUNDS):
        for times, step in steps.items():
            await _at_rate(server, requests, capacity * times, seconds / ROUNDS, step)
    judge(report, what, steps)


def judge(report: Report, what: str, steps: Mapping[int, Step]) -> None:
    """Judge what was seen at so many times the rate."""
    best = max(step.goodput for step in steps.values())
    for times, step in steps.items():
        is_enough = step.goodput >= LEAST_GOODPUT * best
        report.judge(f"{what}: at {times} x", _said_of(step), is_enough, "≥ 0.8 of the best")
        wrong = sum(not each.is_good and each.status not in REFUSALS[what] for each in step.answers)
        report.judge(f"{what}: other answers at {times} x", str(wrong), not wrong, "0")
        slowest = 1000 * max(step.health)
        says = f"at most {slowest:,.0f} ms"
        report.judge(f"{what}: /health at {times} x", says, slowest <= HEALTH_MS, "≤ 200 ms")


def _said_of(step: Step) -> str:
    statuses = dict(Counter(each.status for each in step.answers))
    p99 = quantile([each.seconds for each in step.answers if each.is_good], 0.99)
    cores = step.worked / step.seconds
    return (
        f"{step.goodput:,.0f}/s good, p99 {p99:,.0f} ms, {statuses}, unsent {step.unsent}, "
        f"{cores:.2f} cores"
    )


async def _waiting(server: Served, requests: Iterator[bytes], seconds: int) -> float:
    end = time.monotonic() + seconds

    async def ask() -> int:
        good = 0
        async with Line(server.asking.address) as line:
            while time.monotonic() < end:
                answer = await line.ask(next(requests))
                good += answer.is_good
        return good

    return sum(await asyncio.gather(*(ask() for _ in range(WAITING)))) / seconds


async def _at_rate(
    server: Served, requests: Iterator[bytes], rate: float, seconds: float, step: Step
) -> None:
    """Ask at a rate, and add to `step` what is seen in so many seconds, after a run-up.

    With it, as many requests are under way at the beginning of what is counted as at its end.
    """
    seen = Step()
    async with _asked(server, requests, rate, seen):
        await asyncio.sleep(RUN_UP * seconds)
        answers, unsent, health = len(seen.answers), seen.unsent, len(seen.health)
        worked, began = worked_seconds(server.process.pid), time.monotonic()
        await asyncio.sleep(seconds)
        step.seconds += time.monotonic() - began
        step.worked += worked_seconds(server.process.pid) - worked
        step.answers += seen.answers[answers:]
        step.unsent += seen.unsent - unsent
        step.health += seen.health[health:]


@asynccontextmanager
async def _asked(
    server: Served, requests: Iterator[bytes], rate: float, seen: Step
) -> AsyncIterator[None]:
    """Ask at a rate for as long as the context lasts, and wait for the last answers."""
    idle = [Line(server.asking.address) for _ in range(CONNECTIONS)]
    async with asyncio.TaskGroup() as group:
        asking = group.create_task(_ask(idle, requests, rate, seen, group))
        probing = group.create_task(_probe(server, seen))
        yield
        asking.cancel()
        probing.cancel()
    await asyncio.gather(*(line.close() for line in idle))


async def _ask(
    idle: list[Line], requests: Iterator[bytes], rate: float, seen: Step, group: asyncio.TaskGroup
) -> None:
    began = time.monotonic()
    for sent in counting():
        await asyncio.sleep(max(0.0, began + sent / rate - time.monotonic()))
        if idle:
            group.create_task(_ask_once(idle, idle.pop(), next(requests), seen))
        else:
            seen.unsent += 1


def worked_seconds(pid: int) -> float:
    """Return the processor time that a process took so far."""
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")


async def _ask_once(idle: list[Line], line: Line, request: bytes, step: Step) -> None:
    step.answers.append(await line.ask(request))
    idle.append(line)


async def _probe(server: Served, step: Step) -> None:
    """Ask over a kept connection and a new one in turns."""
    asking = get("/health", "")
    async with Line(server.asking.address) as line:
        while True:
            step.health.append((await line.ask(asking)).waited)
            await asyncio.sleep(0.05)
            step.health.append((await over_new(server.asking.address, asking)).waited)
            await asyncio.sleep(0.05)
