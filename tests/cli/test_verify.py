from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest

from callreel.archive.noted import LastVerify, last
from callreel.cli import run as run_command
from callreel.wiring import sole_server
from cli_runs import Command
from house import CALL, House, sound

Sabotage = Callable[[Path], None]


@pytest.fixture
def house(data: Path) -> list[str]:
    """Make an archive of three recordings and return their ids."""
    data.mkdir()
    (data / "audio.made").touch()
    with asyncio.Runner() as runner:
        made = House(runner, data)
        ids = [made.id_of(made.take_in(CALL, sound(tone))) for tone in (1, 2, 3)]
        runner.run(made.archive.close())
    return ids


def audio_of(data: Path) -> list[Path]:
    return sorted(each for each in (data / "audio" / "1").rglob("*") if each.is_file())


def ask(data: Path, sql: str) -> None:
    connection = apsw.Connection(str(data / "callreel.db"))
    connection.execute(sql)
    connection.close()


def flip(path: Path) -> None:
    path.chmod(0o640)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def test_a_whole_archive_is_well_and_it_is_noted_when_it_was_looked_at(
    data: Path, house: list[str], callreel: Command
) -> None:
    told = callreel("verify")
    assert (told.code, told.err) == (0, "")
    assert told.out.endswith("\nAll is well.\n")
    rows = dict(line.split("\t") for line in told.out.splitlines() if "\t" in line)
    assert (rows["records"], rows["files_read"]) == ("3", "3")
    assert rows["bytes_read"] == f"{sum(each.stat().st_size for each in audio_of(data)):,}"
    noted = last(data / "verified.json", LastVerify)
    assert noted is not None
    assert noted.damages == 0


def test_damage_is_told_to_people_and_to_scripts(
    data: Path, house: list[str], callreel: Command
) -> None:
    flip(audio_of(data)[0])
    ask(data, "UPDATE day_count SET n = 7")
    told = callreel("verify")
    assert told.code == 1
    assert "1 x audio_changed: The audio of a recording has other bytes" in told.out
    said: dict[str, Any] = callreel("verify", "--json").json()
    assert (said["damaged"], said["complete"]) == (True, True)
    assert said["kinds"] == {"audio_changed": 1, "count_wrong": 1}
    changed = next(each for each in said["findings"] if each["kind"] == "audio_changed")
    assert changed["recording"] in house
    assert changed["tenant"] == 1
    assert f"tenant 1 {changed['recording']}" in told.out
    noted = last(data / "verified.json", LastVerify)
    assert noted is not None
    assert noted.damages == 2


def test_leftovers_are_told_and_are_no_damage(
    data: Path, house: list[str], callreel: Command
) -> None:
    orphan = data / "audio" / "1" / "00" / ("0" * 64)
    orphan.write_bytes(b"")
    (data / "audio" / "notes.txt").write_text("")
    (data / "audio" / "derived" / "1" / "00" / f"{'0' * 64}.peaks").write_text("")
    told = callreel("verify", "--json")
    assert told.code == 0
    assert told.json()["kinds"] == {"orphan_audio": 1, "orphan_derived": 1, "foreign_file": 1}
    assert f"1/00/{'0' * 64}" in callreel("verify").out


@pytest.mark.parametrize("level", ["of_tenant", "of_digests"])
def test_a_folder_that_is_a_link_is_damage_since_it_is_not_read(
    data: Path, house: list[str], callreel: Command, level: str
) -> None:
    audio = audio_of(data)[0]
    flip(audio)
    folder = audio.parent.parent if level == "of_tenant" else audio.parent
    folder.rename(data / "elsewhere")
    folder.symlink_to(data / "elsewhere", target_is_directory=True)
    told = callreel("verify", "--json")
    assert told.code == 1
    (finding,) = told.json()["findings"]
    place = str(folder.relative_to(data / "audio"))
    assert (finding["kind"], finding["says"]) == ("folder_linked", place)
    assert "put the folder itself there, or mount it" in callreel("verify").out
    mended = callreel("repair", "--json")
    assert (mended.code, mended.json()["left"]) == (1, 1)
    assert callreel("gc", "--older-than", "0").out.endswith("Nothing is left over.\n")
    assert folder.is_symlink()
    folder.unlink()
    (data / "elsewhere").rename(folder)
    assert set(callreel("verify", "--json").json()["kinds"]) == {"audio_changed"}


def test_the_folder_of_all_audio_may_be_a_link(
    data: Path, house: list[str], callreel: Command
) -> None:
    (data / "audio").rename(data / "elsewhere")
    (data / "audio").symlink_to(data / "elsewhere", target_is_directory=True)
    (data / "audio" / "derived" / "2").symlink_to(data / "elsewhere", target_is_directory=True)
    told = callreel("verify", "--json")
    assert (told.code, told.json()["files_read"]) == (0, 3)
    assert told.json()["kinds"] == {"foreign_file": 1}


def test_many_findings_are_shown_in_part(data: Path, house: list[str], callreel: Command) -> None:
    for number in range(23):
        (data / "audio" / f"{number}.txt").touch()
    told = callreel("verify").out
    assert "23 x foreign_file" in told
    assert "… and 3 more" in told
    assert len(callreel("verify", "--json").json()["findings"]) == 23


def test_slices_together_read_all_once_and_are_no_full_verify(
    data: Path, house: list[str], callreel: Command
) -> None:
    read = [callreel("verify", "--json", "--subset", f"{n}/3").json() for n in (1, 2, 3)]
    assert sum(each["files_read"] for each in read) == 3
    assert {each["records"] for each in read} == {3}
    assert not (data / "verified.json").exists()


@pytest.mark.parametrize("subset", ["0/3", "4/3", "0%", "101%", "x", "", "-1", "0", "3/", "1/0"])
def test_what_is_no_subset_is_refused(
    subset: str, data: Path, house: list[str], callreel: Command
) -> None:
    told = callreel("verify", f"--subset={subset}")
    assert told.code == 2
    assert "A subset is 3/30, 10% or an amount" in told.err


def test_what_cannot_be_looked_at_has_its_own_exit_code(data: Path, callreel: Command) -> None:
    told = callreel("verify")
    assert told.code == 2
    assert "There is no archive in the data folder" in told.err


@pytest.mark.parametrize("command", ["verify", "repair", "gc"])
def test_who_could_not_look_prints_no_half_of_an_object(
    data: Path, callreel: Command, command: str
) -> None:
    told = callreel(command, "--json")
    assert told.out == ""
    assert told.code


def test_a_damaged_database_is_told_and_nothing_else_is_asked(
    data: Path, house: list[str], callreel: Command
) -> None:
    path = data / "callreel.db"
    ask(data, "PRAGMA wal_checkpoint(TRUNCATE)")
    connection = apsw.Connection(str(path))
    page = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'facts'").get
    connection.close()
    with path.open("r+b") as file:
        file.seek((page - 1) * 8192)
        file.write(b"\xff" * 4096)
    told = callreel("verify", "--json")
    assert told.code == 1
    assert set(told.json()["kinds"]) == {"database"}


def test_it_is_slower_where_a_server_runs(
    data: Path, house: list[str], callreel: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    rates: list[float | None] = []

    class Noted:
        def __init__(self, rate: float | None) -> None:
            rates.append(rate)

        def read(self, _count: int) -> None:
            return

    monkeypatch.setattr("callreel.cli.verify.Throttle", Noted)
    callreel("verify")
    with sole_server(data):
        assert callreel("verify").code == 0
        callreel("verify", "--max-rate", "0")
    callreel("verify", "--max-rate", "7")
    assert rates == [None, 50_000_000, None, 7_000_000]


def test_an_interrupted_one_says_that_not_all_was_looked_at(
    data: Path, house: list[str], press_ctrl_c: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "callreel.archive.throttle.Throttle.read", lambda _self, _count: press_ctrl_c()
    )
    assert run_command(["verify"]) == 130
    assert not (data / "verified.json").exists()


def test_the_json_of_an_interrupted_one_can_be_read_and_says_so(
    data: Path,
    house: list[str],
    press_ctrl_c: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    ask(data, "UPDATE day_count SET n = n + 1")
    monkeypatch.setattr(
        "callreel.archive.throttle.Throttle.read", lambda _self, _count: press_ctrl_c()
    )
    assert run_command(["verify", "--json"]) == 130
    said = json.loads(capsys.readouterr().out)
    assert said["complete"] is False
    assert said["findings"]


def test_the_json_of_findings_is_whole_as_it_comes(
    data: Path, house: list[str], callreel: Command
) -> None:
    assert json.loads(callreel("verify", "--json").out)["findings"] == []
