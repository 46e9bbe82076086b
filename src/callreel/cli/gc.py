"""`callreel gc`: remove what no recording refers to."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from callreel.archive.damage import Finding
from callreel.archive.sweep import sweep
from callreel.audio import Stored
from callreel.cli.findings import Findings
from callreel.cli.opened import opened_archive
from callreel.cli.output import counting
from callreel.settings import read_settings

HOUR = 3600
Hours = Annotated[int, Parameter(validator=Number(gte=0))]


async def gc(
    *, dry_run: bool = False, older_than: Hours = 24, many: bool = False, json: bool = False
) -> None:
    """Remove what no recording refers to, such as a crash or a disk that was full leaves.

    That is audio without a recording, what was made of audio that is gone, half uploads, exports
    that expired, and what is left of deletions that were cut short. It never removes what a
    recording refers to, whatever is taken in meanwhile, nor what Callreel did not put there.

    Where no recording has more than ten files of audio, and more than a tenth of all, it refuses:
    then the database is most likely not the one that belongs to the audio.

    Args:
        dry_run: Say what would be removed, and change nothing.
        older_than: Hours for which a file must have been left alone.
        many: Remove audio without a recording however much it is.
        json: Print one object, as `callreel verify` does.
    """
    size = 0
    with Findings(as_json=json, fine="Nothing is left over.") as findings:
        async with opened_archive(read_settings()) as archive:
            seconds, total = older_than * HOUR, await archive.catalog.entries()
            with counting("Looking at audio", lambda: total) as advance:
                async for found in sweep(
                    archive, older_than=seconds, is_dry=dry_run, is_many=many, tell=advance
                ):
                    findings.add(found)
                    size += sum(map(_size, found))
        findings.end(**{"bytes_to_remove" if dry_run else "bytes_removed": size})


def _size(finding: Finding) -> int:
    return finding.cause.size if isinstance(finding.cause, Stored) else 0
