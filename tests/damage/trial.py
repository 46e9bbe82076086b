"""An archive of made-up recordings, damaged and verified: what was found of how much."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from callreel.archive import Archive
from callreel.archive.damage import Damage, Finding
from callreel.archive.keep_call import new_call
from callreel.archive.take_in import Arrival, store
from callreel.archive.verify import Verification
from callreel.audio import Inspection
from callreel.catalog import NewEntry
from callreel.model import Call, Named
from damage.ways import WAYS, Expected, Vandal, at
from house import CALL

DAY = 86_400
DAYS = 5_000
CALL_DAYS = 4_000
"""Together as many as there are between 2000 and these calls, about."""
_BATCH = 200
_MEASURED = Inspection("audio/wav", 1, 1_000, b"[]")


async def fill(archive: Archive, count: int, size: int, tenant: int = 1) -> None:
    """Take in so many recordings, each of another day, of about so many bytes of noise."""
    dice = random.Random(count)
    for start in range(0, count, _BATCH):
        entries = []
        for number in range(start, min(start + _BATCH, count)):
            call = _call(dice, f"d-{number}", number % DAYS, number // DAYS)
            entries.append(await _stored(archive, tenant, call, dice.randbytes(size)))
        await archive.catalog.add(tenant, entries)
    for start in range(0, count // 2, _BATCH):
        await _fill_calls(archive, tenant, dice, range(start, min(start + _BATCH, count // 2)))


async def _fill_calls(
    archive: Archive, tenant: int, dice: random.Random, numbers: Iterable[int]
) -> None:
    """Take in calls, each of another day: without recording, with a late one, and with two."""
    silent, entries = [], []
    for number in numbers:
        call = _call(dice, f"s-{number}", DAYS + number % CALL_DAYS, number // CALL_DAYS)
        kind = number % 4
        if kind != 0:
            silent.append(new_call(archive.bodies, call, "test"))
        if kind == 1:
            entries.append(await _stored(archive, tenant, call, dice.randbytes(200)))
        if kind == 0:
            entries += [await _stored(archive, tenant, call, dice.randbytes(200)) for _ in range(2)]
    await archive.catalog.add_calls(tenant, silent)
    await archive.catalog.add(tenant, entries)


def _call(dice: random.Random, dialog: str, days_ago: int, seconds: int) -> Call:
    number = int(dialog[2:])
    started_at = CALL.started_at - days_ago * DAY + seconds
    return replace(
        CALL,
        dialog_id=dialog,
        started_at=started_at,
        hung_up_at=started_at + 60,
        talking_ms=dice.randrange(60_000),
        from_number=f"+48 600 {dice.randrange(1_000_000):06}",
        project=None if number % 5 == 0 else Named(number % 7, "P"),
        user=None if number % 3 == 0 else Named(number % 11, None),
        tags=(3, 17) if number % 4 == 0 else (),
    )


async def _stored(archive: Archive, tenant: int, call: Call, noise: bytes) -> NewEntry:
    with archive.audio.stage() as staged:
        staged.write(noise)
        return await store(archive, tenant, Arrival(call, staged), _MEASURED)


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of it.

    Attributes:
        done: How many damages of each way.
        missed: What should have been found, by way.
        false: What was found besides.
    """

    done: Counter[str]
    missed: list[tuple[str, str]]
    false: list[Finding]


def damage(data: Path, count: int, seed: int) -> list[tuple[str, Expected]]:
    """Damage so many recordings, in all ways in turn; return in which, and what is to be found."""
    vandal = Vandal(data, seed)
    done = []
    for number, victim in enumerate(vandal.victims(count)):
        way = WAYS[number % len(WAYS)]
        done.append((way.__name__, way(vandal, victim)))
    vandal.close()
    return done


async def findings(archive: Archive) -> list[Finding]:
    """Return all that verify finds."""
    work = Verification(archive)
    found = await work.database()
    for part in (work.of_records(), work.of_files()):
        async for each in part:
            found += each
    return found


def judge(done: list[tuple[str, Expected]], found: list[Finding]) -> Trial:
    """Compare what was done with what was found."""
    told = Counter((each.kind, _named(each)) for each in found)
    missed = []
    for way, expected in done:
        for each in expected:
            told[each] -= 1
            if told[each] < 0:
                missed.append((way, str(each)))
    due = {each for _, expected in done for each in expected}
    days = sum((Damage.COUNT_WRONG, None) in expected for _, expected in done)
    false = [
        each
        for each in found
        if each.kind is not Damage.COUNT_WRONG and (each.kind, _named(each)) not in due
    ]
    false += [each for each in found if each.kind is Damage.COUNT_WRONG][days:]
    return Trial(Counter(way for way, _ in done), missed, false)


def _named(finding: Finding) -> str | None:
    if finding.recording is None and finding.kind.is_leftover:
        return finding.says
    if finding.recording is None and finding.place is not None:
        return at(finding.place)
    return finding.recording
