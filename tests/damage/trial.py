"""An archive of made-up recordings, damaged and verified: what was found of how much."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from callreel.archive import Archive
from callreel.archive.damage import Damage, Finding
from callreel.archive.take_in import Arrival, store
from callreel.archive.verify import Verification
from callreel.audio import Inspection
from callreel.model import Named
from damage.ways import WAYS, Expected, Vandal
from house import CALL

DAY = 86_400
DAYS = 5_000
"""As many as there are between 2000 and these calls, about."""
_BATCH = 200
_MEASURED = Inspection("audio/wav", 1, 1_000, b"[]")


async def fill(archive: Archive, count: int, size: int, tenant: int = 1) -> None:
    """Take in so many recordings, each of another day, of about so many bytes of noise."""
    dice = random.Random(count)
    for start in range(0, count, _BATCH):
        entries = []
        for number in range(start, min(start + _BATCH, count)):
            call = replace(
                CALL,
                dialog_id=f"d-{number}",
                started_at=CALL.started_at - number % DAYS * DAY + number // DAYS,
                hung_up_at=CALL.started_at - number % DAYS * DAY + number // DAYS + 60,
                talking_ms=dice.randrange(60_000),
                from_number=f"+48 600 {dice.randrange(1_000_000):06}",
                project=None if number % 5 == 0 else Named(number % 7, "P"),
                user=None if number % 3 == 0 else Named(number % 11, None),
                tags=(3, 17) if number % 4 == 0 else (),
            )
            with archive.audio.stage() as staged:
                staged.write(number.to_bytes(4) + dice.randbytes(size + dice.randrange(size)))
                entries.append(await store(archive, tenant, Arrival(call, staged), _MEASURED))
        await archive.catalog.add(tenant, entries)


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of it.

    Attributes:
        done: How many damages of each way.
        missed: What should have been found, by way.
        false: What was found of recordings that nobody damaged.
    """

    done: Counter[str]
    missed: list[tuple[str, str]]
    false: list[Finding]


def damage(data: Path, count: int, seed: int) -> tuple[list[tuple[str, Expected]], set[int]]:
    """Damage so many recordings, in all ways in turn; return what, and their places."""
    vandal = Vandal(data, seed)
    victims = vandal.victims(count)
    done = []
    for number, victim in enumerate(victims):
        way = WAYS[number % len(WAYS)]
        done.append((way.__name__, way(vandal, victim)))
    vandal.close()
    return done, {victim.k for victim in victims}


async def findings(archive: Archive) -> list[Finding]:
    """Return all that verify finds."""
    work = Verification(archive)
    found = await work.database()
    for part in (work.of_records(), work.of_files()):
        async for each in part:
            found += each
    return found


def judge(done: list[tuple[str, Expected]], places: set[int], found: list[Finding]) -> Trial:
    """Compare what was done with what was found."""
    told = Counter((each.kind, _named(each)) for each in found)
    missed = []
    for way, expected in done:
        for each in expected:
            told[each] -= 1
            if told[each] < 0:
                missed.append((way, str(each)))
    recordings = {name for _, expected in done for _, name in expected}
    days = sum((Damage.COUNT_WRONG, None) in expected for _, expected in done)
    false = [
        each
        for each in found
        if each.kind is not Damage.COUNT_WRONG
        and _named(each) not in recordings
        and each.place not in places
    ]
    false += [each for each in found if each.kind is Damage.COUNT_WRONG][days:]
    return Trial(Counter(way for way, _ in done), missed, false)


def _named(finding: Finding) -> str | None:
    is_of_a_file = finding.kind.is_leftover and finding.recording is None
    return finding.says if is_of_a_file else finding.recording
