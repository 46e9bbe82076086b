from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from callreel.cli import reconcile as command
from cli_runs import Command
from importers.monitor import put, wav

HEADER = "calldate|src|dst|did|dcontext|duration|billsec|disposition|uniqueid|recordingfile"
EPOCH = 1_772_438_405  # 2026-03-02 08:00:05 UTC


@pytest.fixture
def fill(callreel: Command, tmp_path: Path) -> Callable[..., Command]:
    """Import a recording of half a second for each number of seconds of talk."""

    def filled(*talks: int) -> Command:
        folder, rows = tmp_path / "monitor", [HEADER]
        for number, talk in enumerate(talks):
            name = f"exten-101-486{number}-20260302-09000{number}-{EPOCH + number}.{number}.wav"
            put(folder, name, wav(500, tone=number))
            rows.append(
                f"2026-03-02 09:00:0{number}|486{number}|101|||{talk}|{talk}|ANSWERED|"
                f"{EPOCH + number}.{number}|{name}"
            )
        records = tmp_path / "cdr.csv"
        records.write_text("\n".join(rows) + "\n")
        callreel("tenant", "create", "Acme")
        arguments = ("--cdr", str(records), "--timezone", "Europe/Warsaw")
        assert callreel("import", "freepbx", str(folder), *arguments).code == 0
        return callreel

    return filled


def test_a_file_without_a_call_record_is_told_unless_there_are_none_at_all(
    fill: Callable[..., Command], tmp_path: Path
) -> None:
    callreel = fill(1)
    put(tmp_path / "monitor", f"exten-101-4869-20260302-090009-{EPOCH + 9}.9.wav", wav(500, tone=9))
    arguments = ("--timezone", "Europe/Warsaw", "--cdr", str(tmp_path / "cdr.csv"))
    assert callreel("import", "freepbx", str(tmp_path / "monitor"), *arguments).code == 0
    ran = callreel("reconcile", "--json")
    found = json.loads(ran.out)
    assert (ran.code, found["kinds"]["no_call"], found["kinds"]["no_recording"]) == (1, 1, 0)
    assert [each["kind"] for each in found["findings"]] == ["no_call"]
    assert callreel("reconcile", "--files-alone").code == 0


def test_where_all_fits_the_code_is_0(fill: Callable[..., Command]) -> None:
    ran = fill(1, 5)("reconcile")
    assert (ran.code, ran.err) == (0, "")
    lines = [line.split("\t") for line in ran.out.splitlines()]
    assert lines[0] == ["finding", "number"]
    assert lines[-1] == ["recordings looked at", "2"]
    assert {number for _, number in lines[1:-1]} == {"0"}


def test_what_does_not_fit_is_named_and_the_code_is_1(fill: Callable[..., Command]) -> None:
    ran = fill(1, 60)("reconcile")
    assert ran.code == 1
    assert "audio_shorter\t1\n" in ran.out
    (told,) = [line for line in ran.out.splitlines() if "2026-03-02" in line]
    kind, started, recording, reason = told.split("\t")
    assert (kind, started) == ("audio_shorter", "2026-03-02 08:00:01")
    assert len(recording) == 36
    assert reason == "Of 60.0 s of talk, 0.5 s were recorded."


def test_json_is_an_object_with_every_finding(fill: Callable[..., Command]) -> None:
    callreel = fill(1, 60, 70)
    told = callreel("reconcile", "--json").json()
    assert told["recordings"] == 3
    assert told["kinds"]["audio_shorter"] == 2
    assert told["kinds"]["gap"] == 0
    assert [each["expected"] for each in told["findings"]] == [60_000, 70_000]
    assert list(told["findings"][0]) == list(command.COLUMNS)


def test_json_and_csv_of_nothing_can_be_read_too(fill: Callable[..., Command]) -> None:
    callreel = fill(1)
    assert callreel("reconcile", "--json").json()["findings"] == []
    assert callreel("reconcile", "--csv").out == ",".join(command.COLUMNS) + "\n"


def test_csv_has_a_line_for_every_finding(fill: Callable[..., Command]) -> None:
    ran = fill(1, 60, 70)("reconcile", "--csv")
    rows = list(csv.DictReader(io.StringIO(ran.out)))
    assert ran.code == 1
    assert [(row["kind"], row["found"]) for row in rows] == [("audio_shorter", "500")] * 2


def test_a_table_holds_the_first_findings_and_says_of_how_many(
    fill: Callable[..., Command], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "SHOWN", 1)
    ran = fill(60, 70)("reconcile")
    assert ran.out.count("2026-03-02") == 1
    assert ran.out.endswith("\nThese are the first 1 of 2; --json and --csv tell all.\n")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--tolerance", "59.5"), 0),
        (("--tolerance", "59.4"), 1),
        (("--until", "2026-03-02 08:00:00"), 0),
        (("--since", "2026-03-02 08:00:00", "--until", "2026-03-02 08:00:01"), 1),
        (("--since", "2026-03-03"), 0),
        (("--grace", "100000000"), 0),
        (("--tenant", "1", "--whole-call"), 1),
    ],
)
def test_what_is_asked_for_is_looked_at(
    fill: Callable[..., Command], arguments: tuple[str, ...], code: int
) -> None:
    assert fill(60)("reconcile", *arguments).code == code


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--tenant", "Nobody"), "There is no such tenant"),
        (("--timezone", "Nowhere"), "There is no such time zone"),
        (("--since", "March"), "--since needs a day such as 2026-03-01"),
        (("--tolerance", "-1"), "--tolerance and --grace need a number from 0 on."),
        (("--grace", "-0.5"), "--tolerance and --grace need a number from 0 on."),
        (("--grace", "nan"), "--tolerance and --grace need a number from 0 on."),
        (("--tolerance", "inf"), "--tolerance and --grace need a number from 0 on."),
        (("--json", "--csv"), "Ask for --json or for --csv."),
        (("--colour",), ""),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_code_2(
    callreel: Command, arguments: tuple[str, ...], says: str
) -> None:
    callreel("tenant", "create", "Acme")
    ran = callreel("reconcile", *arguments)
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert says in ran.err


def test_where_there_is_no_archive_it_cannot_be_done(callreel: Command) -> None:
    ran = callreel("reconcile")
    assert ran.code == 2
    assert "There is no archive" in ran.err


def test_ctrl_c_ends_it(
    fill: Callable[..., Command],
    monkeypatch: pytest.MonkeyPatch,
    press_ctrl_c: Callable[[], None],
) -> None:
    callreel = fill(1)
    monkeypatch.setattr(command, "owner_of", lambda *_: press_ctrl_c())
    ran = callreel("reconcile")
    assert (ran.code, ran.err) == (130, "callreel: interrupted.\n")


def test_a_terminal_gets_a_table(
    fill: Callable[..., Command], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    out = fill(60)("reconcile").out
    assert "\t" not in out
    assert "audio_shorter" in out


def test_json_stays_json_whatever_is_in_it(fill: Callable[..., Command]) -> None:
    (found,) = json.loads(fill(60)("reconcile", "--json").out)["findings"]
    assert found["dialog"] == f"{EPOCH}.0"
