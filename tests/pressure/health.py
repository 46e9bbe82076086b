"""Long work beside the server's own: whether `/health` still answers at once."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from cli_runs import COMMAND
from faults.running import Served, environment, new_key, served
from importers.manifests import line as manifest_line
from importers.manifests import put, put_lines
from pressure.line import Answer, Line, get, over_new, post, quantile
from pressure.report import Report
from support import PATH, a_sound, ended_export

MOST_MS: Final = 200
LONG_SECONDS = 1200


def run(scratch: Path, count: int, seed: int) -> Report:
    """Take in so many recordings, export and verify them, and convert a long one meanwhile."""
    key = new_key(scratch / "data")
    report = Report(f"/health beside long work on {count:,} recordings")
    folder = scratch / "import"
    lines = []
    for number in range(count):
        put(folder, f"{number}.wav", a_sound(scratch, seed + number, 0.2))
        lines.append(manifest_line(f"{number}.wav", dialog_id=f"health.{number}"))
    put_lines(folder, *lines)
    long = post("long", a_sound(scratch, seed, LONG_SECONDS), key)
    with served(scratch / "data", key) as server:
        asyncio.run(_run(report, server, folder, long))
    return report


async def _run(report: Report, server: Served, folder: Path, long: bytes) -> None:
    key = server.asking.keys["all"]
    async with _probed(report, server, "an import"):
        await _command(server, "import", "manifest", str(folder))
    async with Line(server.asking.address) as line:
        async with _probed(report, server, f"an upload of {len(long) / 1e6:.0f} MB"):
            assert (await line.ask(long)).status == 201
        async with _probed(report, server, "a conversion"):
            assert (await line.ask(get(f"{PATH}/long/audio?format=mp3", key))).status == 200
    async with _probed(report, server, "an export"):
        await _command(server, "export", "zip", str(folder / "all.zip"))
    async with _probed(report, server, "an export over HTTP"):
        await asyncio.to_thread(_export, server)
    async with _probed(report, server, "a verify"):
        await _command(server, "verify")


def _export(server: Served) -> None:
    asked = server.asking.ask("POST", "/export", json={"format": "zip"})
    assert asked.status_code == 202, asked.text
    export = ended_export(server.asking, asked.json()["data"]["id"])
    assert export["state"] == "finished", export


async def _command(server: Served, *words: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *(*COMMAND, *words),
        env=environment(server.asking.data),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    _, said = await process.communicate()
    assert process.returncode == 0, said.decode()


@asynccontextmanager
async def _probed(report: Report, server: Served, beside: str) -> AsyncIterator[None]:
    """Ask over a kept connection and over new ones: the one may wait where the other does not."""
    kept, new = list[float](), list[float]()
    asking = get("/health", "")

    async def probe(ask: Callable[[], Awaitable[Answer]], seconds: list[float]) -> None:
        while True:
            seconds.append((await ask()).waited)
            await asyncio.sleep(0.01)

    async with Line(server.asking.address) as line:
        probing = (
            asyncio.create_task(probe(lambda: line.ask(asking), kept)),
            asyncio.create_task(probe(lambda: over_new(server.asking.address, asking), new)),
        )
        yield
        for each in probing:
            each.cancel()
        await asyncio.wait(probing)
    for seconds, how in ((kept, ""), (new, ", on new connections")):
        slowest = 1000 * max(seconds)
        says = f"median {quantile(seconds, 0.5):.1f} ms, at most {slowest:.0f} ms"
        report.judge(f"/health beside {beside}{how}", says, slowest <= MOST_MS, "≤ 200 ms")
