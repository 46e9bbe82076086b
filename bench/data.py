"""The data: an archive of the product and the peer's database of the same rows, made once.

Both lie in `bench/out/`, in a folder for each size. What was made by other code or another
schema is made again.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

from sqlalchemy.schema import CreateTable

from callreel import wiring
from callreel.api.wire import Bodies
from callreel.archive import keys
from callreel.archive.facts import facts_of
from callreel.archive.take_in import derived_id
from callreel.catalog import Catalog, NewEntry, Outcome
from callreel.demo.calls import generate
from callreel.model import Audio, Call, Reach, Recording, Scope
from callreel.settings import Settings
from peer_load import PeerLoader
from peer_models import Base
from questions import Picks, Survey

OUT = Path(__file__).parent / "out"
TENANTS = 50
DAYS = 730
NOW = 1_767_225_600  # 2026-01-01 00:00:00 UTC
SEED = 1
CHUNK = 50_000
BYTES_A_ROW = 1_900  # of the product, with its log of changes
PEER_BYTES_A_ROW = 1_100
BYTES_A_MS = 16  # G.711 on two channels


@dataclass(frozen=True)
class Stock:
    """Data that is ready.

    Attributes:
        rows: How many recordings, in all tenants.
        archive: The product's data folder.
        peer: The peer's database, or None.
        tenants: Their numbers, biggest first.
        key, narrowed_key: Keys of the biggest tenant; the peer knows the first.
        picks: What to ask for.
        load_rate: Recordings a second when it was loaded.
    """

    rows: int
    archive: Path
    peer: Path | None
    tenants: list[int]
    key: str
    narrowed_key: str
    picks: Picks
    load_rate: float

    @property
    def name(self) -> str:
        return short(self.rows)


def short(count: int) -> str:
    """Write 1000000 as 1M."""
    for unit, name in ((1_000_000, "M"), (1_000, "k")):
        if count >= unit:
            return f"{count / unit:g}{name}"
    return str(count)


def prepare(rows: int, *, with_peer: bool, out: Path = OUT) -> Stock:
    """Return the data of this size, made now where it is not there yet.

    Raises:
        SystemExit: there is no room on the disk.
    """
    folder = out / (short(rows) + ("" if with_peer else "-alone"))
    made = folder / "stock.json"
    stamp = _stamp()
    kept = json.loads(made.read_text()) if made.exists() else {}
    if kept.get("stamp") != stamp:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        bytes_a_row = BYTES_A_ROW + (PEER_BYTES_A_ROW if with_peer else 0)
        require_room(out, rows * bytes_a_row)
        kept = {"stamp": stamp} | asyncio.run(_load(rows, folder, with_peer=with_peer))
        made.write_text(json.dumps(kept))
    return Stock(
        rows=rows,
        archive=folder / "archive",
        peer=folder / "peer.db" if with_peer else None,
        tenants=kept["tenants"],
        key=kept["key"],
        narrowed_key=kept["narrowed_key"],
        picks=Picks(**kept["picks"]),
        load_rate=kept["load_rate"],
    )


def require_room(folder: Path, size: int) -> None:
    """Raise SystemExit unless there is room for so many bytes."""
    free = shutil.disk_usage(folder).free
    if free < size * 1.1:
        raise SystemExit(
            f"bench: {size / 1e9:.1f} GB are needed in bench/out and {free / 1e9:.1f} GB are free; "
            "make room or ask for less with --rows."
        )


def recordings(*, seed: int, rows: int, days: int, now: int) -> Iterator[tuple[int, Recording]]:
    """Yield invented recordings, each with the index of its tenant; their audio is invented too."""
    for tenant, call in generate(seed=seed, count=rows, tenants=TENANTS, days=days, now=now):
        yield tenant, _recording(call)


def by_tenant(
    numbers: Sequence[int], given: Iterable[tuple[int, Recording]], bodies: Bodies
) -> dict[int, list[NewEntry]]:
    """Return entries for the catalog, grouped as it takes them."""
    groups: dict[int, list[NewEntry]] = {}
    for tenant, recording in given:
        groups.setdefault(numbers[tenant], []).append(_entry(recording, bodies))
    return groups


async def add_all(catalog: Catalog, tenant: int, entries: list[NewEntry]) -> None:
    """Add entries, each of which must be new."""
    outcomes = await catalog.add(tenant, entries)
    if any(outcome is not Outcome.ADDED for outcome in outcomes):
        raise RuntimeError("A recording that was made up is in the archive already.")


def open_catalog(archive: Path) -> Catalog:
    """Open a data folder's catalog as the server does."""
    return wiring.open_catalog(Settings(data=archive))


async def _load(rows: int, folder: Path, *, with_peer: bool) -> dict[str, object]:
    catalog = open_catalog(folder / "archive")
    peer = PeerLoader(folder / "peer.db") if with_peer else None
    numbers = [(await catalog.add_tenant(f"Tenant {i + 1}")).number for i in range(TENANTS)]
    survey, seconds = await _load_rows(rows, numbers, catalog, peer)
    picks = survey.picks()
    key = await _new_key(catalog, Reach(numbers[0]))
    narrowed = await _new_key(catalog, Reach(numbers[0], projects=frozenset(picks.projects)))
    began = time.perf_counter()
    await catalog.close()
    seconds += time.perf_counter() - began
    if peer:
        peer.add_key(key, numbers[0])
        peer.finish()
    print(f"bench: {short(rows)} loaded at {rows / seconds:,.0f}/s", file=sys.stderr, flush=True)
    made = {"key": key, "narrowed_key": narrowed, "picks": asdict(picks)}
    return made | {"tenants": numbers, "load_rate": rows / seconds}


async def _load_rows(
    rows: int, numbers: list[int], catalog: Catalog, peer: PeerLoader | None
) -> tuple[Survey, float]:
    """Load all in the order of time; return what was seen, and seconds spent in the catalog."""
    survey, bodies, seconds, done = Survey(), Bodies(), 0.0, 0
    source = recordings(seed=SEED, rows=rows, days=DAYS, now=NOW)
    while chunk := sorted(islice(source, CHUNK), key=lambda each: each[1].call.started_at):
        groups = by_tenant(numbers, chunk, bodies)
        began = time.perf_counter()
        for tenant, entries in groups.items():
            await add_all(catalog, tenant, entries)
        seconds += time.perf_counter() - began
        if peer:
            peer.add([(numbers[tenant], recording) for tenant, recording in chunk])
        for entry in groups.get(numbers[0], []):
            survey.see(entry.facts)
        done += len(chunk)
        if sys.stderr.isatty():
            print(f"bench: {short(rows)} {done / rows:.0%} loaded", end="\r", file=sys.stderr)
    return survey, seconds


async def _new_key(catalog: Catalog, reach: Reach) -> str:
    text, key = keys.make("bench", reach, frozenset(Scope))
    await catalog.add_key(key)
    return text


def _recording(call: Call) -> Recording:
    digest = hashlib.sha256(call.dialog_id.encode()).hexdigest()
    audio = Audio(digest, call.talking_ms * BYTES_A_MS + 58, "audio/wav", 2, call.talking_ms)
    recording_id = derived_id(call.started_at, call.dialog_id, "", digest)
    return Recording(recording_id, call, audio)


def _entry(recording: Recording, bodies: Bodies) -> NewEntry:
    call = recording.call
    return NewEntry(
        id=recording.id,
        body=bodies.render(recording),
        facts=facts_of(call),
        digest=bytes.fromhex(recording.audio.sha256),
        fingerprint=hashlib.sha256(repr(recording).encode()).digest(),
        arrived_at=call.hung_up_at,
        source="bench",
        project=call.project,
        user=call.user,
        dialog=call.dialog_id,
    )


def _stamp() -> str:
    """Return a digest of all that decides what the data looks like."""
    sample = recordings(seed=SEED, rows=1_000, days=DAYS, now=NOW)
    bodies = Bodies()
    parts = [bodies.render(recording) for _, recording in sample]
    migrations = Path(wiring.__file__).parent / "catalog" / "migrations" / "sqlite"
    parts += [file.read_bytes() for file in sorted(migrations.glob("*.sql"))]
    for table in Base.metadata.sorted_tables:
        parts.append(str(CreateTable(table)).encode())
        parts += [repr(index).encode() for index in sorted(table.indexes, key=repr)]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()
