"""The worker: what children do for it, and what can become of them."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import uvloop

from audio.children import is_running, pid_of, until_gone
from audio.sound_files import FORMATS, encoded, wav
from callreel.audio import Format, Inspection, worker
from callreel.audio.process import Child, ChildLostError, _read
from callreel.audio.worker import ChildSoundWorker
from callreel.errors import BadRecording, CallreelError, Unavailable, UnsupportedMedia

SECRET = "CALLREEL_TEST_SECRET"


async def stopped(sound: ChildSoundWorker, path: Path) -> tuple[asyncio.Task[Inspection], int]:
    """Return an inspection in whose midst the child stands still, and the child."""
    await sound.inspect(path)
    pid = pid_of(sound)
    os.kill(pid, signal.SIGSTOP)
    task = asyncio.create_task(sound.inspect(path))
    await asyncio.sleep(0)  # it hands in its job without having to wait
    assert sound._busy
    return task, pid


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_measured_by_a_child(
    sound: ChildSoundWorker, path: Path, name: str
) -> None:
    path.write_bytes(encoded(name))
    found = asyncio.run(sound.inspect(path))
    assert found.mime_type == FORMATS[name][2]
    assert abs(found.duration_ms - 2000) < 65
    assert json.loads(found.peaks)["data"]["channels"] == found.channels


def test_a_relative_path_is_ours_not_the_childs(
    sound: ChildSoundWorker, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(path.parent)

    async def work() -> int:
        await sound.convert(Path(path.name), Path("made.wav"), Format.WAV)
        return (await sound.inspect(Path("made.wav"))).channels

    assert asyncio.run(work()) >= 1


def test_one_child_does_job_after_job(sound: ChildSoundWorker, path: Path) -> None:
    asyncio.run(sound.inspect(path))
    first = pid_of(sound)
    for content, error in ((b"<html>", UnsupportedMedia), (b"", BadRecording)):
        path.write_bytes(content)
        with pytest.raises(error):
            asyncio.run(sound.inspect(path))
    assert pid_of(sound) == first


def test_nothing_is_started_before_the_first_job(fresh: ChildSoundWorker) -> None:
    assert not fresh._idle
    assert not fresh._busy


def test_no_more_children_work_than_are_allowed(path: Path) -> None:
    async def run() -> None:
        sound = ChildSoundWorker(children=2)
        await asyncio.gather(*(sound.inspect(path) for _ in range(12)))
        assert len(sound._idle) == 2
        await sound.close()
        assert not sound._idle

    asyncio.run(run())


def test_a_worker_outlives_event_loops(sound: ChildSoundWorker, path: Path) -> None:
    async def run() -> int:
        found = await asyncio.gather(*(sound.inspect(path) for _ in range(4)))
        return found[0].duration_ms

    assert asyncio.run(run()) == 2000
    assert uvloop.run(run()) == 2000
    assert asyncio.run(run()) == 2000


def test_a_worker_closed_can_be_used_again(sound: ChildSoundWorker, path: Path) -> None:
    async def run() -> None:
        await sound.inspect(path)
        pid = pid_of(sound)
        await sound.close()
        assert not is_running(pid)
        await sound.inspect(path)

    asyncio.run(run())


@pytest.mark.parametrize(
    ("number", "error"),
    [
        (signal.SIGKILL, Unavailable),  # the system, short of memory: not the audio's fault
        (signal.SIGTERM, Unavailable),
        (signal.SIGSEGV, BadRecording),
        (signal.SIGABRT, BadRecording),
        (signal.SIGXCPU, BadRecording),  # the audio kept its reader busy for too long
    ],
)
def test_a_child_that_dies_in_the_midst_of_a_job_is_replaced(
    sound: ChildSoundWorker, path: Path, number: signal.Signals, error: type[CallreelError]
) -> None:
    async def run() -> None:
        task, pid = await stopped(sound, path)
        os.kill(pid, number)
        os.kill(pid, signal.SIGCONT)
        with pytest.raises(error):
            await task
        assert not is_running(pid)
        assert (await sound.inspect(path)).duration_ms == 2000

    asyncio.run(run())


def test_a_child_that_died_between_two_jobs_is_not_noticed(
    sound: ChildSoundWorker, path: Path
) -> None:
    async def run() -> None:
        await sound.inspect(path)
        pid = pid_of(sound)
        os.kill(pid, signal.SIGKILL)
        await until_gone(pid)
        assert (await sound.inspect(path)).duration_ms == 2000
        assert pid_of(sound) != pid

    asyncio.run(run())


def test_a_child_that_hangs_is_ended(
    sound: ChildSoundWorker, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> None:
        await sound.inspect(path)
        with monkeypatch.context() as patched:
            patched.setattr(worker, "_PATIENCE", 0.01)
            task, pid = await stopped(sound, path)
            with pytest.raises(Unavailable):
                await task
        assert not is_running(pid)
        assert (await sound.inspect(path)).duration_ms == 2000

    asyncio.run(run())


def test_a_cancelled_inspection_takes_its_child_along(sound: ChildSoundWorker, path: Path) -> None:
    async def run() -> None:
        task, pid = await stopped(sound, path)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not is_running(pid)
        assert (await sound.inspect(path)).duration_ms == 2000

    asyncio.run(run())


def test_an_inspection_over_its_processor_time_is_ended(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> None:
        sound = ChildSoundWorker(inspect_seconds=1)
        with pytest.raises(BadRecording):
            await sound.inspect(path)
        await sound.close()

    monkeypatch.setattr(worker, "_PATIENCE", 60)  # the machine may be busy with other things
    path.write_bytes(wav(b"", says=2_000_000_000))
    os.truncate(path, 2_000_000_044)  # a hole in the file, which takes no room
    asyncio.run(run())


def test_a_child_is_bound_and_knows_no_secrets(
    fresh: ChildSoundWorker, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SECRET, "secret")
    asyncio.run(fresh.inspect(path))
    process = Path(f"/proc/{pid_of(fresh)}")
    if os.geteuid() == 0:  # nobody else may look
        assert b"secret" not in (process / "environ").read_bytes()
    status = (process / "status").read_text()
    assert "NoNewPrivs:\t1" in status
    assert "Seccomp:\t2" in status or platform.machine() not in {"x86_64", "aarch64"}
    limits = (process / "limits").read_text().splitlines()
    soft = {line[:25].strip(): line[26:].split()[0] for line in limits}
    assert soft["Max address space"] == str(1 << 30)
    assert soft["Max file size"] == "0"
    assert soft["Max core file size"] == "0"
    assert soft["Max open files"] == "32"
    assert 20 <= int(soft["Max cpu time"]) <= 30
    assert os.getsid(pid_of(fresh)) == pid_of(fresh)


def test_children_die_with_their_parent(path: Path) -> None:
    program = (
        "import asyncio, pathlib, sys, os, signal\n"
        "from callreel.audio.worker import ChildSoundWorker\n"
        "async def run():\n"
        "    sound = ChildSoundWorker()\n"
        "    await sound.inspect(pathlib.Path(sys.argv[1]))\n"
        "    print(sound._idle[0]._process.pid, flush=True)\n"
        "    os.kill(sound._idle[0]._process.pid, signal.SIGSTOP)\n"  # so it cannot see the end
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "asyncio.run(run())\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program, str(path)], check=False, capture_output=True
    )
    asyncio.run(until_gone(int(ran.stdout)))


def test_a_child_whose_parent_is_another_does_not_begin() -> None:
    limits = json.dumps({"cpu_seconds": 1, "memory_bytes": 1 << 30, "file_bytes": 0})
    ran = subprocess.run(
        [sys.executable, "-m", "callreel.audio.child", limits, "1"],
        check=False,
        capture_output=True,
        stdin=subprocess.DEVNULL,
    )
    assert ran.returncode == 1


def test_no_worker_is_unavailable(
    fresh: ChildSoundWorker, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for program in ("/bin/false", "/nowhere/python"):
        monkeypatch.setattr(sys, "executable", program)
        with pytest.raises(Unavailable):
            asyncio.run(fresh.inspect(path))


@pytest.mark.parametrize("line", [b"\xff\n", b"[]\n", b"{\n"])
def test_nonsense_from_a_child_counts_as_its_death(line: bytes) -> None:
    with pytest.raises(ChildLostError):
        _read(line)


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"mime_type": "text/html", "channels": 1, "duration_ms": 1, "peaks": "{}"},
        {"mime_type": "audio/wav", "channels": 0, "duration_ms": 1, "peaks": "{}"},
        {"mime_type": "audio/wav", "channels": 1, "duration_ms": "1", "peaks": "{}"},
        {"error": "SystemExit", "message": "bye"},
    ],
)
def test_an_answer_that_cannot_be_is_a_bad_recording(
    fresh: ChildSoundWorker,
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    answer: dict[str, object],
) -> None:
    async def ask(_: Child, __: object) -> dict[str, object]:
        return answer

    monkeypatch.setattr(Child, "ask", ask)
    with pytest.raises(BadRecording):
        asyncio.run(fresh.inspect(path))
