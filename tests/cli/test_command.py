from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from callreel import __version__
from callreel.settings import reference
from cli_runs import COMMAND, Command

HEAVY = ("numpy", "soundfile", "starlette", "uvicorn")


def test_it_tells_its_version() -> None:
    told = subprocess.run([*COMMAND, "--version"], capture_output=True, text=True, check=True)

    assert told.stdout == f"callreel {__version__}\n"


def test_help_names_every_command(callreel: Command) -> None:
    told = callreel("--help")

    assert told.code == 0
    for command in ("serve", "demo", "tenant", "key", "settings"):
        assert command in told.out


@pytest.mark.parametrize("command", ["serve", "demo", "settings", "tenant create", "key create"])
def test_each_command_explains_itself(callreel: Command, command: str) -> None:
    told = callreel(*command.split(), "--help")

    assert told.code == 0
    assert "Usage:" in told.out


@pytest.mark.parametrize(
    "arguments",
    [
        ["sevre"],
        ["serve", "--prot", "1"],
        ["serve", "--port", "70000"],
        ["serve", "--workers", "0"],
        ["demo", "--port", "http"],
        ["tenant", "create"],
        ["key", "create"],
        ["key", "revoke"],
    ],
)
def test_a_wrong_call_is_one_sentence_and_code_2(callreel: Command, arguments: list[str]) -> None:
    told = callreel(*arguments)

    assert told.code == 2
    assert told.out == ""
    assert told.err.startswith("callreel: ")
    assert told.err.count("\n") == 1


def test_a_wrong_setting_is_one_sentence(
    callreel: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CALLREEL_PORT", "http")

    told = callreel("tenant", "list")

    assert told.code == 1
    assert told.err == "callreel: CALLREEL_PORT must be a whole number from 1 to 65535.\n"


def test_a_data_folder_that_is_a_file_is_one_sentence(callreel: Command, data: Path) -> None:
    data.write_text("no folder")

    told = callreel("tenant", "create", "Acme")

    assert told.code == 1
    assert told.err.startswith("callreel: The data folder cannot be used")
    assert told.err.count("\n") == 1
    assert str(data) not in told.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["tenant", "list"],
        ["key", "list"],
        ["key", "create", "--tenant", "Acme"],
        ["key", "revoke", "00000000"],
        ["import", "freepbx", ".", "--timezone", "UTC"],
    ],
)
def test_a_mistyped_data_folder_is_said_and_not_made(
    callreel: Command, data: Path, arguments: list[str]
) -> None:
    ran = callreel(*arguments)

    assert (ran.code, ran.out) == (1, "")
    assert "callreel: There is no archive in the data folder; check CALLREEL_DATA" in ran.err
    assert not data.exists()


def test_settings_show_value_and_default(
    callreel: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CALLREEL_PORT", "9000")

    rows = {row["setting"]: row for row in callreel("settings", "--json").json()}

    assert rows["CALLREEL_PORT"]["value"] == "9000"
    assert rows["CALLREEL_PORT"]["default"] == "8080"
    assert rows["CALLREEL_PUBLIC_URL"]["value"] == ""


def test_settings_for_pipes_are_lines_with_tabs(callreel: Command) -> None:
    lines = [line.split("\t") for line in callreel("settings").out.splitlines()]

    assert lines[0] == ["setting", "value", "default", "meaning"]
    assert {len(line) for line in lines} == {4}


def test_a_reader_that_has_enough_is_no_error(data: Path) -> None:
    command = shlex.join([*COMMAND, "settings"])

    told = subprocess.run(
        ["sh", "-c", f"{command} | head -n 1"], capture_output=True, text=True, check=True
    )

    assert told.stdout.startswith("setting")
    assert told.stderr == ""


def test_small_commands_do_not_load_what_only_the_server_needs(data: Path) -> None:
    program = (
        "import sys; from callreel.cli import run; run(['tenant', 'list']);"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )

    told = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert told.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["sevre"], 'Unknown command "sevre". Did you mean "serve"?'),
        (["settings", "--no-json"], "--no-json"),
        (["serve", "--port", "-1"], "--port"),
        (["serve", "--workers", "65"], "--workers"),
        (["import", "freepbx"], "FOLDER"),
        (["key", "create"], "--tenant"),
        (["tenant", "create", "a", "b"], "b"),
    ],
)
def test_a_wrong_call_says_what_is_wrong(
    callreel: Command, arguments: list[str], says: str
) -> None:
    told = callreel(*arguments)

    assert (told.code, told.out) == (2, "")
    assert says in told.err


def test_a_command_that_went_well_says_so_to_the_shell(callreel: Command) -> None:
    made = callreel("tenant", "create", "Acme")

    assert (made.code, made.err) == (0, "")


def test_a_command_alone_shows_what_there_is(callreel: Command) -> None:
    told = callreel()

    assert told.code == 0
    assert "import" in told.out
    assert "CALLREEL_DATA" in told.out


@pytest.mark.parametrize("wrong", [("CALLREEL_PROT", "1"), ("CALLREEL_HOST", "")])
@pytest.mark.parametrize(
    "command", [["settings"], ["serve", "--port", "0"], ["demo", "--port", "0"], ["key", "list"]]
)
def test_no_command_runs_on_settings_that_are_wrong(
    callreel: Command,
    data: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: list[str],
    wrong: tuple[str, str],
) -> None:
    monkeypatch.setenv(*wrong)
    monkeypatch.chdir(data.parent)

    told = callreel(*command)

    assert (told.code, told.out) == (1, "")
    assert wrong[0] in told.err
    assert told.err.count("\n") == 1
    assert not list(data.parent.iterdir())


def test_settings_for_scripts_name_each_with_its_meaning(callreel: Command) -> None:
    rows = callreel("settings", "--json").json()

    assert [tuple(row) for row in rows] == [("setting", "value", "default", "meaning")] * len(rows)
    assert [(row["setting"], row["default"], row["meaning"]) for row in rows] == reference()
