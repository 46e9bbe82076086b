from __future__ import annotations

import asyncio
from pathlib import Path

import apsw
import pytest

from cli_runs import Command
from house import House


@pytest.fixture
def recording(data: Path) -> str:
    """Make an archive of one recording and return its id."""
    data.mkdir()
    with asyncio.Runner() as runner:
        made = House(runner, data)
        taken = made.id_of(made.take_in())
        runner.run(made.archive.close())
    return taken


def ask(data: Path, sql: str) -> None:
    connection = apsw.Connection(str(data / "callreel.db"))
    connection.execute(sql)
    connection.close()


def test_a_whole_archive_stays_as_it_is(data: Path, recording: str, callreel: Command) -> None:
    told = callreel("repair")
    assert (told.code, told.err) == (0, "")
    assert told.out.endswith("All is well.\n")


def test_what_can_be_made_again_is_and_a_dry_run_changes_nothing(
    data: Path, recording: str, callreel: Command
) -> None:
    ask(data, "DELETE FROM by_number; UPDATE day_count SET n = 9")
    would = callreel("repair", "--dry-run", "--json")
    assert would.code == 0
    assert would.json()["mended"] == 2
    assert callreel("verify").code == 1
    told = callreel("repair")
    assert told.code == 0
    assert f"tenant 1 {recording} in by_number (mended)" in told.out
    assert callreel("verify").code == 0


def test_who_lost_audio_is_marked_and_returns_when_it_is_put_back(
    data: Path, recording: str, callreel: Command
) -> None:
    (audio,) = [each for each in (data / "audio" / "1").rglob("*") if each.is_file()]
    content = audio.read_bytes()
    audio.unlink()
    said = callreel("repair", "--json")
    assert said.code == 1
    (finding,) = said.json()["findings"]
    assert (finding["recording"], finding["deed"]) == (recording, "marked_missing_audio")
    assert callreel("repair").code == 1
    assert set(callreel("verify", "--json").json()["kinds"]) == {"marked", "audio_missing"}
    audio.write_bytes(content)
    said = callreel("repair", "--json")
    assert (said.code, said.json()["restored"]) == (0, 1)
    assert callreel("verify").code == 0


def test_a_deletion_that_points_to_no_call_points_nowhere_afterwards_and_stays(
    data: Path, recording: str, callreel: Command
) -> None:
    deletion = "INSERT INTO deletion (tenant, id, at, call) VALUES (1, 'gone', 1, 7)"
    ask(data, f"PRAGMA foreign_keys=0; {deletion}")
    said = callreel("verify")
    assert said.code == 1
    assert "in deletion.call" in said.out
    assert callreel("repair").code == 0
    assert callreel("verify").code == 0
    left = callreel("deletions", "list", "--json").json()
    assert (left["recording"], left["dialog"]) == ("gone", None)


def test_nothing_is_mended_in_a_damaged_database(
    data: Path, recording: str, callreel: Command
) -> None:
    ask(data, "PRAGMA foreign_keys=0; UPDATE api_key SET tenant = 9; DELETE FROM tenant")
    ask(data, "DELETE FROM by_number")
    said = callreel("repair", "--json")
    assert said.code == 1
    assert set(said.json()["kinds"]) == {"database"}


@pytest.mark.parametrize(
    "words", [("verify", "--max-rate"), ("repair", "--max-rate"), ("gc", "--older-than")]
)
def test_a_rate_or_an_age_below_nothing_is_wrongly_asked_for(
    recording: str, callreel: Command, words: tuple[str, str]
) -> None:
    said = callreel(*words, "-1")
    assert said.code == 2
    assert words[1] in said.err
    assert callreel(*words, "0").code == 0


def test_where_it_could_not_go_on_the_code_is_another_than_for_damage(
    data: Path, recording: str, callreel: Command
) -> None:
    (data / "callreel.db").write_bytes(b"no database at all" * 1000)
    told = callreel("repair")
    assert told.code == 2
    assert told.err.startswith("callreel: ")
    assert told.err.count("\n") == 1
