"""`callreel doctor`: whether all is there that the archive relies on."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import asdict
from typing import Final

from callreel.cli.output import note, print_json, print_rows
from callreel.doctor import Diagnosis, Level, bad, ok
from callreel.doctor.examine import examine
from callreel.errors import Misconfigured
from callreel.settings import read_settings

WARNED: Final = 3


def doctor(*, json: bool = False) -> int:
    """Look at all that the archive relies on: settings, disk, database, clock, limits, audio.

    Nothing is changed, and it may run beside a server. Run it as the user of the service.

    Exit code: 0 all is well, 3 there are warnings, 1 something is bad.

    Args:
        json: Print a list of objects.
    """
    diagnoses = asyncio.run(_diagnoses())
    if json:
        print_json([asdict(each) for each in diagnoses])
    else:
        print_rows(
            ("what", "level", "says"), [(each.what, each.level, each.says) for each in diagnoses]
        )
    found = Counter(each.level for each in diagnoses)
    if found[Level.BAD]:
        note(f"callreel: {found[Level.BAD]} bad, {found[Level.WARNING]} to be warned of.")
        return 1
    if found[Level.WARNING]:
        note(f"callreel: {found[Level.WARNING]} to be warned of.")
        return WARNED
    return 0


async def _diagnoses() -> list[Diagnosis]:
    try:
        settings = read_settings()
    except Misconfigured as error:
        return [bad("settings", f"{error.message} The rest is looked at once that is right.")]
    valid = ok("settings", "All that are set are valid.")
    return [valid, *[each async for each in examine(settings)]]
