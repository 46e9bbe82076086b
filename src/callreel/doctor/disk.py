"""The data folder and the disk that it is on."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from callreel.doctor import Diagnosis, bad, ok, warning
from callreel.doctor.mounts import MOUNTS, mount_of
from callreel.settings import MIB

FEW_INODES: Final = 10_000
LEAST_ROOM: Final = 16 * MIB
"""Below this the database and its log have no room to work, whatever the reserve is."""
NETWORK: Final = frozenset(
    [
        "9p",
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "coda",
        "glusterfs",
        "gfs2",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs4",
        "ocfs2",
        "smb3",
        "smbfs",
    ]
)
TEMPORARY: Final = frozenset({"ramfs", "tmpfs"})


def look_at_folder(folder: Path) -> Iterator[Diagnosis]:
    """Look at who owns the data folder, who else can read it, and whether it can be written to."""
    found = folder.stat()
    if found.st_uid != os.geteuid():
        yield warning(
            "owner",
            "The data folder belongs to another user than the one who asks; run the doctor as the "
            "user of the service.",
        )
    else:
        yield ok("owner", "The data folder belongs to the user who asks.")
    if stat.S_IMODE(found.st_mode) & stat.S_IRWXO:
        yield warning(
            "permissions",
            "Every user of the machine can look into the data folder; take that away with "
            "`chmod o-rwx`.",
        )
    else:
        yield ok("permissions", "No other user of the machine can look into the data folder.")
    yield _writing(folder)


def look_at_disk(what: str, folder: Path) -> Diagnosis:
    """Look at the file system of a folder.

    Args:
        what: What to call it.
        folder: The folder; it is there.
    """
    try:
        mount = mount_of(folder.resolve(), MOUNTS.read_text(errors="replace"))
    except OSError:
        mount = None
    if mount is None:
        return warning(what, "Which file system it is on cannot be told; see that it is a disk.")
    kind = mount.kind
    if mount.is_read_only:
        return bad(what, f"It is on a file system ({kind}) that is mounted read-only; mend it.")
    if kind in NETWORK or kind.startswith("fuse"):
        return warning(
            what,
            f"It is on {kind}, where locks and syncs may not hold, so recordings can be lost and "
            "the database damaged; move it to a local disk.",
        )
    if kind in TEMPORARY:
        return warning(
            what, f"It is on {kind}, which lives in memory and ends with the machine; use a disk."
        )
    if kind == "overlay":
        return warning(
            what, "It is in the layer of a container and ends with it; mount a volume there."
        )
    return ok(what, f"It is on {kind}.")


def look_at_room(folder: Path, reserve: int) -> Iterator[Diagnosis]:
    """Look at the free space, of which a few MiB are needed even without a reserve, and inodes."""
    disk = os.statvfs(folder)
    free = disk.f_bavail * disk.f_frsize
    told = f"{free // MIB:,} MiB are free, and {reserve // MIB:,} MiB are kept in reserve"
    needed = max(reserve, LEAST_ROOM)
    if free < needed:
        yield bad("free space", f"{told}: nothing is taken in; make room.")
    elif free < 2 * needed:
        yield warning("free space", f"{told}: soon nothing is taken in; make room.")
    else:
        yield ok("free space", f"{told}.")
    if not disk.f_files:
        yield ok("free inodes", "The file system makes them as needed.")
    elif disk.f_favail < FEW_INODES:
        yield warning(
            "free inodes",
            f"The file system can hold {disk.f_favail:,} more files, and each recording is two; "
            "make one with more inodes.",
        )
    else:
        yield ok("free inodes", f"The file system can hold {disk.f_favail:,} more files.")


def _writing(folder: Path) -> Diagnosis:
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"doctor")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        why = (error.strerror or "it failed").lower()
        return bad("writing", f"The data folder cannot be written to: {why}; mend it.")
    return ok("writing", "A file can be written and synced.")
