from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from faults.running import Served, call_of, listed, new_key, served
from support import PATH, a_sound

SIZE = "12m"
RESERVE = 4 << 20
WITH_RESERVE = ("env", f"CALLREEL_FREE_SPACE_RESERVE={RESERVE}")
IN_SMALL = ("unshare", "--map-root-user", "--mount")
MOUNTED = 'mount -t tmpfs -o size=$0 none "$1" && cp -a "$2/." "$1" && shift 2 && exec "$@"'


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Served]:
    """A server whose data folder is a small disk that nobody but it sees, and that ends with it."""
    with on_small_disk(tmp_path) as server:
        yield server


@pytest.fixture
def reserved(tmp_path: Path) -> Iterator[Served]:
    """The same, with a reserve."""
    with on_small_disk(tmp_path, WITH_RESERVE) as server:
        yield server


@contextmanager
def on_small_disk(tmp_path: Path, first: tuple[str, ...] = ()) -> Iterator[Served]:
    if (
        shutil.which("unshare") is None
        or subprocess.run([*IN_SMALL, "true"], check=False).returncode
    ):
        pytest.skip("this machine lets its users mount nothing")
    made, data = tmp_path / "made", tmp_path / "data"
    key = new_key(made)
    data.mkdir()
    before = (*first, *IN_SMALL, "sh", "-c", MOUNTED, SIZE, str(data), str(made))
    with served(data, key, before) as server:
        yield server


def disk_of(server: Served) -> Path:
    """Return the small disk as it is seen from outside."""
    return Path(f"/proc/{server.process.pid}/root{server.asking.data}")


def fill(path: Path) -> None:
    """Write until nothing more goes onto the disk."""
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(b"x" * 4096):
            pass
    assert shutil.disk_usage(path.parent).free == 0


def test_a_full_disk_is_told_reading_goes_on_and_room_is_enough_to_recover(
    small: Served, tmp_path: Path
) -> None:
    kept, disk = {}, disk_of(small)
    (disk / "ballast").write_bytes(b"x" * 3_000_000)
    refused = []
    for number in range(300):
        audio = a_sound(tmp_path, number, 2 if number < 60 else 0.1)
        answer = small.asking.upload(audio, call_of(f"r{number}"))
        if answer.status_code == 201:
            kept[f"r{number}"] = hashlib.sha256(audio).hexdigest()
            continue
        refused.append((answer.status_code, answer.json()["error"]["code"]))
        if len(refused) == 3:
            break
        fill(disk / f"fill-{len(refused)}")
    assert refused == [(507, "storage_full")] * 3
    assert [each for each in (disk / "audio" / "tmp").iterdir() if each.is_file()] == []

    with small.session() as session:
        found = listed(session, small)
        assert {name: each["recording_sha256"] for name, each in found.items()} == kept
        first = session.get(f"{small.list}/r0/audio", timeout=20)
        assert hashlib.sha256(first.content).hexdigest() == kept["r0"]
        ready = session.get(small.asking.url + "/ready", timeout=20)
        assert (ready.status_code, ready.json()["error"]["code"]) == (503, "unavailable")

        for each in disk.glob("fill-*"):
            each.unlink()
        (disk / "ballast").unlink()
        assert session.get(small.asking.url + "/ready", timeout=20).status_code == 200
        assert small.asking.upload(a_sound(tmp_path, 999), call_of("later")).status_code == 201
        assert listed(session, small).keys() == kept.keys() | {"later"}


def test_below_the_reserve_nothing_is_taken_in_and_deleting_makes_room(
    reserved: Served, tmp_path: Path
) -> None:
    disk, asking = disk_of(reserved), reserved.asking
    sounds = {f"r{number}": a_sound(tmp_path, number, 10) for number in range(8)}
    for name, sound in sounds.items():
        assert asking.upload(sound, call_of(name)).status_code == 201
    too_much = shutil.disk_usage(disk).free - RESERVE + 500_000  # more than one recording
    (disk / "ballast").write_bytes(b"x" * too_much)

    refused = asking.upload(a_sound(tmp_path, 99, 0.1), call_of("refused"))
    assert (refused.status_code, refused.json()["error"]["code"]) == (507, "storage_full")
    assert asking.ask("GET", "/ready", None).status_code == 503
    assert asking.ask("GET", "/health", None).status_code == 200
    assert asking.ask("GET", f"{PATH}/r7/audio").content == sounds["r7"]
    for name in ("r0", "r1", "r2", "r3"):
        assert asking.ask("DELETE", f"{PATH}/{name}").status_code == 200

    assert shutil.disk_usage(disk).free > RESERVE
    assert asking.ask("GET", "/ready", None).status_code == 200
    assert asking.upload(a_sound(tmp_path, 99, 0.1), call_of("refused")).status_code == 201
    with reserved.session() as session:
        assert listed(session, reserved).keys() == {"r4", "r5", "r6", "r7", "refused"}
