"""The conversions of the worker: how many are made at once, and what one leaves that fails."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from audio.children import is_running
from audio.sound_files import tone, wav, written
from callreel.audio import Format, worker
from callreel.audio.process import Child
from callreel.audio.worker import ChildSoundWorker
from callreel.errors import BadRecording, CallreelError, Unavailable


@pytest.fixture
def long_path(tmp_path: Path) -> Path:
    """Twenty minutes, whose conversion takes seconds of processor time."""
    made = tmp_path / "long"
    made.write_bytes(written(tone(8000, 1200, 1), 8000, "wav-ulaw"))
    return made


@pytest.mark.parametrize("to", Format)
def test_a_child_converts(sound: ChildSoundWorker, path: Path, tmp_path: Path, to: Format) -> None:
    async def run() -> None:
        target = tmp_path / f"made.{to.value}"
        await sound.convert(path, target, to)
        assert abs((await sound.inspect(target)).duration_ms - 2000) < 50
        assert not sound._busy

    asyncio.run(run())


def test_as_many_conversions_run_as_are_allowed(
    fresh: ChildSoundWorker, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> None:
        pair = asyncio.Barrier(2)

        async def ask(_: Child, __: object) -> dict[str, object]:
            assert len(fresh._busy) <= 2
            await pair.wait()
            return {}

        monkeypatch.setattr(Child, "ask", ask)
        made = [tmp_path / str(number) for number in range(4)]
        async with asyncio.timeout(30):
            await asyncio.gather(*(fresh.convert(path, each, Format.WAV) for each in made))

    asyncio.run(run())


def test_a_conversion_too_many_is_turned_away_and_one_of_another_tenant_is_next(
    fresh: ChildSoundWorker, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> None:
        over, begun = asyncio.Event(), list[str]()

        async def converted(_: ChildSoundWorker, job: dict[str, str]) -> dict[str, object]:
            begun.append(Path(job["target"]).name)
            await over.wait()
            return {}

        def convert(name: str, tenant: int) -> Coroutine[Any, Any, None]:
            return fresh.convert(path, tmp_path / name, Format.WAV, tenant)

        monkeypatch.setattr(ChildSoundWorker, "_converted", converted)
        async with asyncio.timeout(60), asyncio.TaskGroup() as waiting:
            for number in range(worker._MOST_CONVERSIONS // 2):
                waiting.create_task(convert(str(number), 1))
            await asyncio.sleep(0)
            with pytest.raises(Unavailable, match="Many conversions"):
                await convert("more", 1)
            waiting.create_task(convert("another's", 2))
            await asyncio.sleep(0)
            over.set()
        await convert("later", 1)
        assert begun[:5] == ["0", "1", "2", "another's", "3"]

    asyncio.run(run())


def test_a_conversion_over_its_processor_time_leaves_nothing(
    long_path: Path, tmp_path: Path
) -> None:
    target = tmp_path / "target"
    with pytest.raises(Unavailable):
        asyncio.run(ChildSoundWorker(convert_seconds=1).convert(long_path, target, Format.OPUS))
    assert not target.exists()


def test_a_conversion_over_its_length_leaves_nothing(
    sound: ChildSoundWorker, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sound, "_converting", replace(sound._converting, file_bytes=10_000))
    target = tmp_path / "target"
    with pytest.raises(Unavailable):
        asyncio.run(sound.convert(path, target, Format.WAV))
    assert not target.exists()


def test_a_conversion_over_its_memory_leaves_nothing(
    sound: ChildSoundWorker, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sound, "_converting", replace(sound._converting, memory_bytes=1 << 20))
    target = tmp_path / "target"
    with pytest.raises(CallreelError):
        asyncio.run(sound.convert(path, target, Format.OPUS))
    assert not target.exists()


def test_a_cancelled_conversion_leaves_nothing(
    sound: ChildSoundWorker, long_path: Path, tmp_path: Path
) -> None:
    async def run() -> None:
        target = tmp_path / "target"
        task = asyncio.create_task(sound.convert(long_path, target, Format.OPUS))
        while not target.exists():  # noqa: ASYNC110 - a file tells nobody
            await asyncio.sleep(0.005)
        pid = next(iter(sound._busy))._process.pid
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not target.exists()
        assert not is_running(pid)

    asyncio.run(run())


def test_broken_audio_is_not_converted(sound: ChildSoundWorker, path: Path, tmp_path: Path) -> None:
    path.write_bytes(wav(b"\0\0" * 10, says=10_000))
    target = tmp_path / "target"
    with pytest.raises(BadRecording):
        asyncio.run(sound.convert(path, target, Format.MP3))
    assert not target.exists()
