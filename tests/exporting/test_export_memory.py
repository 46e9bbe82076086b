"""An export takes as much memory as a page, however long the list is."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import tracemalloc
from collections.abc import Iterator

import pytest

from cli_runs import COMMAND
from exporting.exports import Exports, many_calls
from house import CALL, House, sound

MANY, FEW = 20_000, 1_500


def peak_kib(exports: Exports, name: str, count: int) -> int:
    """Return the most memory that a process which exports so many recordings had at once."""
    last = CALL.started_at + count - 1
    value = subprocess.check_output(["date", "-u", "-d", f"@{last}", "+%Y-%m-%d %H:%M:%S"])
    bound = {"property": "start_time", "operator": "lte", "value": value.decode().strip()}
    target = exports.folder / f"{name}-{count}"
    arguments = ("export", name, str(target), "--filter", f"[{bound}]".replace("'", '"'))
    environment = {**os.environ, "CALLREEL_DATA": str(exports.folder / "data")}
    process = subprocess.Popen([*COMMAND, *arguments], env=environment, stderr=subprocess.PIPE)
    assert process.stderr is not None
    said = process.stderr.read().decode()
    process.stderr.close()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, said
    assert f" {count} recordings" in said
    return usage.ru_maxrss


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exports]:
    """An archive of so many recordings, which exports only read."""
    folder = tmp_path_factory.mktemp("many")
    (folder / "data").mkdir()
    with asyncio.Runner() as runner:
        house = House(runner, folder / "data")
        made = Exports(house, folder)
        taken = house.take_in(audio=sound(seconds=0.01))
        first, *others = many_calls(MANY)
        assert first.started_at == CALL.started_at
        made.add_calls(others, house.archive.bodies.parse(taken.body).audio)
        yield made
        runner.run(house.archive.close())


@pytest.mark.parametrize("name", ["jsonl", "csv", "zip"])
def test_memory_is_flat_over_twenty_thousand_records(many: Exports, name: str) -> None:
    few, most = peak_kib(many, name, FEW), peak_kib(many, name, MANY)
    assert most < few + (8 << 10), (few, most)


def test_memory_is_flat_over_the_length_of_audio(exports: Exports) -> None:
    exports.house.take_in(audio=sound(seconds=0.01))
    exports.make("vcon", target="warm")
    exports.house.take_in(audio=sound(seconds=1200.0))
    for name in ("zip", "tar", "folder", "vcon"):
        gc.collect()
        tracemalloc.start()
        exports.make(name, target=name)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert most < 6 << 20, (name, most)
