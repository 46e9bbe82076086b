"""`callreel verify`: whether all that is kept is what it was."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Annotated, Final, Protocol

from cyclopts import Parameter
from cyclopts.validators import Number

from callreel.archive import noted
from callreel.archive.damage import Finding
from callreel.archive.noted import LastVerify
from callreel.archive.subset import EVERYTHING, Subset, subset_of
from callreel.archive.throttle import Throttle
from callreel.archive.verify import Verification
from callreel.cli.findings import Findings
from callreel.cli.opened import opened_archive
from callreel.cli.output import counting, looked
from callreel.settings import Settings, read_settings
from callreel.wiring import VERIFIED, is_served

DAMAGED: Final = 1
MEGABYTE: Final = 1_000_000
RATE_WHEN_SERVED: Final = 50
Rate = Annotated[int, Parameter(name="--max-rate", validator=Number(gte=0))]


class Steps(Protocol):
    """What goes through an archive."""

    def of_records(self) -> AsyncIterator[list[Finding]]: ...

    def of_files(self) -> AsyncIterator[list[Finding]]: ...


def verify(
    *,
    subset: str | None = None,
    max_rate: Rate | None = None,
    json: bool = False,
) -> int:
    """Read all audio again and check every record; nothing is changed.

    It may run beside a server. What changes meanwhile is looked at again before it is called
    damage. Exit code: 0 all is well, 1 there is damage, 2 it could not be looked at.

    Args:
        subset: Read only part of the audio: `3/30` the third of thirty slices, so that one a night
            reads all in a month; `10%` or `20G` a share or an amount taken at random. All records
            are checked, and that their audio is there in its length.
        max_rate: Read at most so many MB a second, 0 without limit. Where a server runs it is
            50, else there is no limit.
        json: Print one object: `{"findings": [{"kind", "tenant", "recording", "says"}], "records",
            "files_read", "bytes_read", "seconds", "kinds", "damaged", "complete"}`; one that was
            cut short has `findings` and `"complete": false`.
    """

    def look() -> int:
        chosen = EVERYTHING if subset is None else subset_of(subset)
        with Findings(as_json=json) as findings:
            return asyncio.run(_verify(read_settings(), chosen, max_rate, findings))

    return looked(look, "interrupted; not all was looked at.")


async def _verify(
    settings: Settings, subset: Subset, max_rate: int | None, findings: Findings
) -> int:
    began_at = time.time()
    throttle = throttle_for(settings, max_rate)
    async with opened_archive(settings) as archive:
        work = Verification(archive, subset, throttle.read)
        async for found in followed(work):
            findings.add(found)
    findings.end(
        records=work.records,
        files_read=work.files_read,
        bytes_read=work.bytes_read,
        seconds=round(time.time() - began_at, 3),
    )
    if subset.is_all:
        with suppress(OSError):  # who may only read the folder may verify it, too
            noted.note(settings.data / VERIFIED, LastVerify(began_at, findings.damages))
    return DAMAGED if findings.damages else 0


def throttle_for(settings: Settings, max_rate: int | None) -> Throttle:
    """Return what holds up reading: to so many MB a second, or as is good beside a server."""
    if max_rate is None:
        max_rate = RATE_WHEN_SERVED if is_served(settings.data) else 0
    return Throttle(max_rate * MEGABYTE or None)


async def followed(work: Verification, steps: Steps | None = None) -> AsyncIterator[list[Finding]]:
    """Yield all that is found, and show how far it is on a terminal.

    Args:
        work: What goes through the archive.
        steps: What goes through it in its place, and does more.
    """
    steps = steps or work
    broken = await work.database()
    if broken:
        yield broken
        return
    total = await work.archive.catalog.entries()
    with counting("Checking records", lambda: total) as advance:
        async for found in steps.of_records():
            yield found
            advance(to=work.records)
    megabytes = work.audio_bytes // MEGABYTE
    with counting("Reading audio, MB", lambda: megabytes) as advance:
        async for found in steps.of_files():
            yield found
            advance(to=work.bytes_read // MEGABYTE)
