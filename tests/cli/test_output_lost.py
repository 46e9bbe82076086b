"""What commands have to say may be impossible to write."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from callreel import cli
from callreel.cli import run
from cli_runs import COMMAND, Command

FULL = Path("/dev/full")


@pytest.mark.skipif(not FULL.exists(), reason="there is no full device here")
@pytest.mark.parametrize(
    "arguments",
    [("tenant", "list"), ("settings", "--json"), ("--help",), ("--version",), ("reconcile",)],
)
def test_output_onto_a_full_disk_is_one_sentence_and_code_2(
    callreel: Command, arguments: tuple[str, ...]
) -> None:
    callreel("tenant", "create", "Acme")
    with FULL.open("w") as full:
        ran = subprocess.run(
            [*COMMAND, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    told = "callreel: The output cannot be written: no space left on device.\n"
    assert (ran.returncode, ran.stderr) == (2, told)


@pytest.mark.parametrize("arguments", [("tenant", "list"), ("--version",)])
def test_without_a_standard_output_nothing_is_thought_to_be_told(
    callreel: Command, arguments: tuple[str, ...]
) -> None:
    callreel("tenant", "create", "Acme")
    command = ["bash", "-c", 'exec "$@" <&- >&-', "bash", *COMMAND, *arguments]
    ran = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
    told = "callreel: The output cannot be written: bad file descriptor.\n"
    assert (ran.returncode, ran.stderr) == (2, told)


def test_without_a_standard_error_output_is_as_ever(callreel: Command) -> None:
    callreel("tenant", "create", "Acme")
    command = ["bash", "-c", 'exec "$@" 2>&-', "bash", *COMMAND]
    listed, wrong = (
        subprocess.run([*command, *each], stdout=subprocess.PIPE, text=True, check=False)
        for each in (("tenant", "list"), ("tenant", "l\udcffst"))
    )
    assert (listed.returncode, listed.stdout) == (0, "number\tname\n1\tAcme\n")
    assert (wrong.returncode, wrong.stdout) == (2, "")


def test_another_fault_of_the_system_is_not_taken_for_one_of_the_output(
    callreel: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object, **_options: object) -> int:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(cli, "app", fail)
    with pytest.raises(OSError, match="Input/output error"):
        run(["settings"])


def test_a_reader_who_has_enough_of_the_last_line_ends_it_quietly(callreel: Command) -> None:
    callreel("tenant", "create", "Acme")
    command = f"{sys.executable} -m callreel tenant list | true; exit ${{PIPESTATUS[0]}}"
    ran = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.parametrize(
    ("settle", "code"), [("0", 0), ("1.5", 0), ("-1", 1), ("nan", 1), ("inf", 1), ("soon", 2)]
)
def test_settle_takes_fractions_and_refuses_what_is_no_time(
    callreel: Command, tmp_path: Path, settle: str, code: int
) -> None:
    callreel("tenant", "create", "Acme")
    folder = tmp_path / "recordings"
    folder.mkdir()
    ran = callreel("import", "manifest", str(folder), "--settle", settle, "--dry-run")
    assert ran.code == code, ran.err
    if code == 1:
        assert ran.err == "callreel: --settle needs a number of seconds from 0 on.\n"
