"""The measures of taking in, on a copy of the data, each with its bar."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from statistics import median

import apsw
import numpy as np
import soundfile
import urllib3

import data
import servers
from callreel.api.wire import Bodies
from callreel.catalog.sqlite_db import open_writer
from calm import calm
from data import Stock
from servers import Server
from stage import Stage
from table import Row, at_least, at_most

CALLS_A_ROUND = 20_000  # of all tenants
BATCH = 1_000  # most calls in a transaction
POSTS_A_ROUND = 20
FILE_BYTES = 200_000
SAMPLE_RATE = 8_000
CALL = {
    "dialog_type": "CONSULTANT",
    "business_direction": "INBOUND",
    "from_display_target": "+48 601 234 567",
    "to_display_target": "+48 22 300 10 20",
    "start_time": "2026-01-02 10:00:00",
    "hangup_time": "2026-01-02 10:00:20",
    "talking_time": 12_000,
    "project_id": 11,
    "tenant_user_id": 101,
}


def batches(stage: Stage) -> Iterator[Row]:
    """Records alone, in batches, into all indexes, synced, with the last checkpoint.

    How many there are in a second says as much about the machine as about us, so the same bodies go
    into a table of their own, too, in the same batches and as durably.
    """
    with _copied(stage) as archive:
        tenants = stage.main.tenants
        numbers = itertools.count()
        turns = calm(lambda: asyncio.run(_take_in(archive, next(numbers), tenants)), stage.rounds)
    rate = median(CALLS_A_ROUND / turn.adding for turn in turns)
    whole = median(CALLS_A_ROUND / (turn.making + turn.adding) for turn in turns)
    alone = median(CALLS_A_ROUND / turn.alone for turn in turns)
    yield Row(
        measure=f"taking in batches, records only, into {stage.main.name}",
        product=f"{rate:,.0f}/s ({whole:,.0f}/s with their bodies made)",
        figure=rate,
        bar=at_least(5_000, "/s"),
    )
    yield Row(
        measure="the same, against what the machine takes",
        product=f"{rate:,.0f}/s",
        other="bodies alone, in a table of their own",
        other_figure=f"{alone:,.0f}/s",
        figure=median(turn.alone / turn.adding for turn in turns),
        bar=at_least(0.03),
    )


@dataclass(frozen=True)
class _Turn:
    """Seconds that making the bodies took, adding all, and adding the bodies alone elsewhere."""

    making: float
    adding: float
    alone: float


async def _take_in(archive: Path, turn: int, tenants: Sequence[int]) -> _Turn:
    later = data.NOW + (turn + 1) * 86_400
    calls = list(data.recordings(seed=2 + turn, rows=CALLS_A_ROUND, days=1, now=later))
    began = time.perf_counter()
    groups = data.by_tenant(tenants, calls, Bodies())
    made = time.perf_counter()
    catalog = data.open_catalog(archive)
    batched = [
        (tenant, entries[start : start + BATCH])
        for tenant, entries in groups.items()
        for start in range(0, len(entries), BATCH)
    ]
    for tenant, batch in batched:
        await data.add_all(catalog, tenant, batch)
    await catalog.close()
    added = time.perf_counter()
    _add_bodies(archive / "bodies.db", [[each.body for each in batch] for _, batch in batched])
    return _Turn(made - began, added - made, time.perf_counter() - added)


def _add_bodies(path: Path, batches: Sequence[Sequence[bytes]]) -> None:
    connection = open_writer(path)
    connection.execute("CREATE TABLE IF NOT EXISTS body (k INTEGER PRIMARY KEY, body BLOB)")
    for batch in batches:
        with connection:
            rows = ((body,) for body in batch)
            connection.executemany("INSERT INTO body (body) VALUES (?)", rows)
    connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    connection.close()


def durable_post(stage: Stage) -> Iterator[Row]:
    """One recording over HTTP, against the machine's own write, sync and rename of its file."""
    ours: list[float] = []
    machine: list[float] = []
    with _copied(stage) as archive, servers.product(archive) as server:
        folder = archive / "machine"
        folder.mkdir()
        poster = _Poster(server, stage.main)
        for turn in range(POSTS_A_ROUND * stage.rounds + 1):
            sound = _sound(turn)
            ours.append(poster.post(turn, sound))
            machine.append(_write_durably(folder, sound))
    ours_ms, machine_ms = (1000 * median(times[1:]) for times in (ours, machine))
    yield Row(
        measure=f"POST of {FILE_BYTES // 1000} kB, p50",
        product=f"{ours_ms:.2f} ms",
        other="write, fsync, rename",
        other_figure=f"{machine_ms:.2f} ms",
        figure=ours_ms / machine_ms,
        bar=at_most(6),
    )


class _Poster:
    """One keep-alive connection over which recordings are handed in."""

    def __init__(self, server: Server, stock: Stock) -> None:
        self._url = f"{server.url}/cdr_dialog_recording"
        self._headers = {"Authorization": stock.key}
        self._pool = urllib3.PoolManager(retries=False, timeout=30)

    def post(self, turn: int, sound: bytes) -> float:
        """Hand in a recording and return the seconds until it was promised."""
        call = json.dumps({**CALL, "dialog_uuid": f"bench-{turn}"})
        fields: dict[str, tuple[str, str | bytes, str]] = {
            "call": ("call.json", call, "application/json"),
            "audio": (f"bench-{turn}.wav", sound, "audio/wav"),
        }
        body, content_type = urllib3.encode_multipart_formdata(fields)
        headers = self._headers | {"Content-Type": content_type}
        began = time.perf_counter()
        answer = self._pool.request("POST", self._url, body=body, headers=headers)
        seconds = time.perf_counter() - began
        if answer.status != 201:
            raise RuntimeError(f"POST answered {answer.status}: {answer.data[:300]!r}")
        return seconds


def _write_durably(folder: Path, content: bytes) -> float:
    """Write, sync and rename a file as plainly as can be; return the seconds that it took."""
    began = time.perf_counter()
    target = os.open(folder / "new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        os.write(target, content)
        os.fsync(target)
    finally:
        os.close(target)
    (folder / "new").rename(folder / "kept")
    return time.perf_counter() - began


def _sound(turn: int) -> bytes:
    """Return a WAV file of `FILE_BYTES`, another one for each turn."""
    rng = np.random.default_rng(turn)
    samples = rng.normal(0, 0.1, (FILE_BYTES - 44) // 2)
    target = BytesIO()
    soundfile.write(target, samples, SAMPLE_RATE, format="WAV", subtype="PCM_16")
    return target.getvalue()


@contextmanager
def _copied(stage: Stage) -> Iterator[Path]:
    """Lend a copy of the data, so that the next run finds it as it was."""
    stage.close()
    source, target = stage.main.archive, stage.out / "copy"
    shutil.rmtree(target, ignore_errors=True)
    size = sum(file.stat().st_size for file in source.rglob("*") if file.is_file())
    data.require_room(stage.out, size)
    shutil.copytree(source, target)
    os.sync()
    try:
        yield target
    finally:
        shutil.rmtree(target, ignore_errors=True)
