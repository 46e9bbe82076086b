from __future__ import annotations

from pathlib import Path

import pytest

from callreel.doctor.mounts import Mount, mount_of

TABLE = r"""
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
30 27 0:25 / /srv rw,relatime shared:7 master:1 - xfs /dev/vdb rw
31 30 0:26 / /srv/calls rw,noatime - nfs4 nas:/calls rw,vers=4.2
32 27 0:27 / /mnt/with\040space ro,nosuid - ext4 /dev/vdc rw
33 27 0:28 / /frozen rw - ext4 /dev/vdd ro,errors=remount-ro
34 27 0:29 / /twice rw - ext4 /dev/vde rw
35 34 0:30 / /twice rw - tmpfs none rw
a line that says nothing
"""


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("/var/lib/callreel", Mount("ext4", is_read_only=False)),
        ("/", Mount("ext4", is_read_only=False)),
        ("/srv", Mount("xfs", is_read_only=False)),
        ("/srv/callsign", Mount("xfs", is_read_only=False)),
        ("/srv/calls", Mount("nfs4", is_read_only=False)),
        ("/srv/calls/data/audio", Mount("nfs4", is_read_only=False)),
        ("/mnt/with space/data", Mount("ext4", is_read_only=True)),
        ("/frozen", Mount("ext4", is_read_only=True)),
        ("/twice/data", Mount("tmpfs", is_read_only=False)),
    ],
)
def test_the_innermost_mount_is_the_one_that_is_on_top(folder: str, expected: Mount) -> None:
    assert mount_of(Path(folder), TABLE) == expected


def test_a_table_that_does_not_tell_is_no_error() -> None:
    assert mount_of(Path("/srv"), "") is None
