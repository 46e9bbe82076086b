"""Which file system a folder is on."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MOUNTS: Final = Path("/proc/self/mountinfo")
_ESCAPED: Final = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class Mount:
    """A mounted file system.

    Attributes:
        kind: Its type, such as `ext4`.
        is_read_only: Whether nothing can be written to it.
    """

    kind: str
    is_read_only: bool


def mount_of(folder: Path, table: str) -> Mount | None:
    """Return what a folder is on, or None where the table does not tell.

    Args:
        folder: A folder with an absolute path, free of links.
        table: What `/proc/self/mountinfo` holds, see proc_pid_mountinfo(5).
    """
    found: tuple[int, Mount] | None = None
    for line in table.splitlines():
        own, _, rest = line.partition(" - ")
        fields, about = own.split(), rest.split()
        if len(fields) < 6 or not about:
            continue
        point = Path(_ESCAPED.sub(lambda match: chr(int(match[1], 8)), fields[4]))
        depth = len(point.parts)
        # Of two on one point, the later one is seen.
        if folder.is_relative_to(point) and (found is None or depth >= found[0]):
            options = {*fields[5].split(","), *about[-1].split(",")}
            found = depth, Mount(about[0], "ro" in options)
    return None if found is None else found[1]
