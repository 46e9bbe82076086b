"""`callreel repair`: mend what can be mended, and mark what is damaged."""

from __future__ import annotations

import asyncio

from callreel.archive.repair import Repair
from callreel.archive.verify import Verification
from callreel.cli.findings import Findings
from callreel.cli.opened import opened_archive
from callreel.cli.output import looked
from callreel.cli.verify import DAMAGED, Rate, followed, throttle_for
from callreel.settings import Settings, read_settings


def repair(*, dry_run: bool = False, max_rate: Rate | None = None, json: bool = False) -> int:
    """Mend what can be made again, and take damaged recordings out of the lists.

    Rows and counts are made again from the data of the calls, entries from that and the audio. A
    recording whose audio is gone becomes `missing_audio`, one that is not what it was `suspect`; it
    stays in the archive. What was marked and is whole again returns to the lists. Nothing is
    deleted.

    It reads all audio, as `callreel verify` does, and may run beside a server. Exit code: 0 all is
    well now, 1 some recordings are damaged, 2 it could not go on.

    Args:
        dry_run: Say what would be done, and change nothing.
        max_rate: Read at most so many MB a second, as for `callreel verify`.
        json: Print one object, as `callreel verify` does; each finding has its `deed`: `mended`,
            `restored`, `marked_missing_audio`, `marked_suspect` or `left`.
    """

    def look() -> int:
        with Findings(as_json=json) as findings:
            return asyncio.run(_repair(read_settings(), dry_run, max_rate, findings))

    return looked(look, "interrupted; what was mended stays so.")


async def _repair(
    settings: Settings, dry_run: bool, max_rate: Rate | None, findings: Findings
) -> int:
    async with opened_archive(settings) as archive:
        work = Verification(archive, read=throttle_for(settings, max_rate).read)
        async for found in followed(work, Repair(work, is_dry=dry_run)):
            findings.add(found)
    findings.end(**{deed.value: count for deed, count in findings.deeds.items()})
    return DAMAGED if findings.unmended else 0
