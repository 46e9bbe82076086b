"""Fill a fresh data folder with invented calls, the way real ones come in."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from callreel.archive import Archive, keys, take_in
from callreel.archive.keep_call import new_call
from callreel.archive.take_in import Arrival
from callreel.audio import Inspection, Staged
from callreel.catalog import NewEntry
from callreel.demo import people, sounds
from callreel.demo.calls import generate, missed_before
from callreel.demo.sounds import Coding
from callreel.errors import Misconfigured
from callreel.model import Call, Direction, Reach, Scope
from callreel.settings import Settings
from callreel.wiring import LOCK, open_archive

SEED: Final = 20_250_314
CALLS: Final = 2_400
DAYS: Final = 90
VOICED: Final = 36
VOICED_MS: Final = (8_000, 30_000)
CLIP_MS: Final = 4_000
BATCH: Final = 500
MISSED: Final = 5  # one in so many inbound calls came after one that nobody took

_KEYS: Final = "keys.json"
_BUILDING: Final = "building"


@dataclass(frozen=True, slots=True)
class Demo:
    """What is to be known of a finished demonstration.

    Attributes:
        built_at: Seconds UTC.
        key: A key of the first tenant, with every scope.
        other_key: The same of the second tenant.
        recording_id: One of the first tenant's recordings whose audio is its own.
    """

    built_at: int
    key: str
    other_key: str
    recording_id: str


@dataclass(frozen=True, slots=True)
class _Clip:
    """A short sound that many calls of a tenant share, once it was taken in."""

    staged: Staged
    inspection: Inspection
    name: str


def clear(data: Path) -> None:
    """Remove a demonstration, finished or not, but for the lock that its server holds.

    Raises:
        Misconfigured: the folder holds something else.
    """
    ours = {LOCK}
    if not data.exists() or {each.name for each in data.iterdir()} <= ours:
        return
    if finished(data) is None and not _was_begun(data):
        raise Misconfigured("This folder holds something else than a demonstration; leave it be.")
    (data / _BUILDING).touch()
    for each in data.iterdir():
        if each.name in {LOCK, _BUILDING}:
            continue
        if each.is_dir() and not each.is_symlink():
            shutil.rmtree(each)
        else:
            each.unlink()
    (data / _BUILDING).unlink()


def finished(data: Path) -> Demo | None:
    """Return the demonstration in a folder, or None where none was built to its end."""
    if (data / _BUILDING).exists():
        return None
    try:
        return Demo(**json.loads((data / _KEYS).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def _was_begun(data: Path) -> bool:
    """Say whether the mark that `build` sets is there: others may call something else the same."""
    mark = data / _BUILDING
    return mark.is_file() and not mark.stat().st_size


async def build(settings: Settings, *, now: int, calls: int = CALLS, voiced: int = VOICED) -> Demo:
    """Build a demonstration in an empty data folder.

    Args:
        settings: Name the folder.
        now: Seconds UTC; the calls lie in the 90 days before.
        calls: How many.
        voiced: How many of them have audio of their own; at least 1.
    """
    building = settings.data / _BUILDING
    building.touch()
    archive = open_archive(settings)
    try:
        made = await _fill(archive, now, calls, voiced)
    finally:
        await archive.close()
    _keep(settings.data / _KEYS, json.dumps(asdict(made)))
    building.unlink()
    return made


async def _fill(archive: Archive, now: int, calls: int, voiced: int) -> Demo:
    drawn = list(
        generate(seed=SEED, count=calls, tenants=len(people.COMPANIES), days=DAYS, now=now)
    )
    drawn.sort(key=lambda each: each[1].started_at)
    shown = _to_be_voiced([call for _, call in drawn], voiced)
    texts: list[str] = []
    examples: list[str] = []
    for index, company in enumerate(people.COMPANIES):
        tenant = (await archive.catalog.add_tenant(company)).number
        texts.append(await _make_key(archive, tenant, now))
        for tag in people.TAGS:
            await archive.catalog.add_tag(tenant, str(tag.name), tag.id)
        own = [call for i, call in drawn if i == index]
        examples.append(await _take_in(archive, tenant, own, shown))
    return Demo(built_at=now, key=texts[0], other_key=texts[1], recording_id=examples[0])


def _to_be_voiced(calls: Sequence[Call], count: int) -> dict[str, Coding]:
    """Choose calls that are short enough to be heard out, spread over the time, and codings."""
    low, high = VOICED_MS
    short = [call for call in calls if low <= call.talking_ms <= high]
    step = max(1, len(short) // count)
    codings = list(Coding)
    return {
        call.dialog_id: codings[i % len(codings)] for i, call in enumerate(short[::step][:count])
    }


async def _make_key(archive: Archive, tenant: int, now: int) -> str:
    text, key = keys.make("demonstration", Reach(tenant), frozenset(Scope))
    await archive.catalog.add_key(replace(key, created_at=now))
    return text


async def _take_in(
    archive: Archive, tenant: int, calls: Sequence[Call], shown: dict[str, Coding]
) -> str:
    """Take in a tenant's calls; return the id of one that has audio of its own."""
    clips: dict[Coding, _Clip] = {}
    entries: list[NewEntry] = []
    example = ""
    async with archive.audio.taking_in():
        for serial, call in enumerate(calls):
            coding = shown.get(call.dialog_id)
            if coding is not None:
                entry = (await _with_conversation(archive, tenant, call, coding, call.talking_ms))[
                    0
                ]
                example = entry.id if coding is Coding.OPUS or not example else example
            else:
                entry = await _with_clip(archive, tenant, call, clips, serial)
            entries.append(entry)
        for begin in range(0, len(entries), BATCH):
            await archive.catalog.add(tenant, entries[begin : begin + BATCH])
    inbound = [call for call in calls if call.direction is Direction.INBOUND]
    missed = [missed_before(call) for call in inbound[::MISSED]]
    silent = [new_call(archive.bodies, call, "demo") for call in missed]
    await archive.catalog.add_calls(tenant, silent)
    return example or entries[0].id


async def _with_clip(
    archive: Archive, tenant: int, call: Call, clips: dict[Coding, _Clip], serial: int
) -> NewEntry:
    coding = list(Coding)[serial % len(Coding)]
    clip = clips.get(coding)
    if clip is None:
        entry, clips[coding] = await _with_conversation(archive, tenant, call, coding, CLIP_MS)
        return entry
    arrival = Arrival(call, clip.staged, original_name=clip.name, source="demo")
    return take_in.entry_of(archive, arrival, clip.staged.sha256, clip.inspection)


async def _with_conversation(
    archive: Archive, tenant: int, call: Call, coding: Coding, milliseconds: int
) -> tuple[NewEntry, _Clip]:
    """Give a call a conversation and prepare both; return what others need to share it."""
    name = f"rozmówka-{call.started_at}{coding.suffix}"
    seed = people.mixed(tenant, call.started_at, milliseconds)
    with _synthesised(archive, int(seed[0]), milliseconds, coding) as staged:
        inspection = await archive.sound.inspect(staged.path)
        arrival = Arrival(call, staged, original_name=name, source="demo")
        entry = await take_in.store(archive, tenant, arrival, inspection)
        await take_in.keep_peaks(archive, tenant, [(entry.digest.hex(), inspection)])
    return entry, _Clip(staged, inspection, name)


@contextmanager
def _synthesised(
    archive: Archive, seed: int, milliseconds: int, coding: Coding
) -> Iterator[Staged]:
    made = archive.audio.scratch(coding.suffix)
    try:
        sounds.write(made, sounds.conversation(seed=seed, milliseconds=milliseconds), coding)
        with archive.audio.stage() as staged:
            staged.write(made.read_bytes())
            yield staged
    finally:
        made.unlink(missing_ok=True)


def _keep(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)
