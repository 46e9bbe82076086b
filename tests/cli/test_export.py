from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from callreel.archive.exporting import drafts
from cli_runs import COMMAND, Command, Start
from importers.monitor import put, wav

EPOCH = 1_772_438_405  # 2026-03-02 08:00:05 UTC


@pytest.fixture
def filled(callreel: Command, tmp_path: Path) -> Command:
    """The command, with three recordings an hour apart in the archive."""
    folder = tmp_path / "monitor"
    for number in range(3):
        clock, epoch = f"{9 + number:02}0005", EPOCH + 3600 * number
        name = f"in-48221234567-486{number:06d}-20260302-{clock}-{epoch}.{number}.wav"
        put(folder, name, wav(60, tone=number))
    callreel("tenant", "create", "Acme")
    arguments = ("import", "freepbx", str(folder), "--timezone", "Europe/Warsaw")
    assert callreel(*arguments).code == 0
    return callreel


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "out"


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize(
    "name", ["csv", "jsonl", "parquet", "zip", "tar", "folder", "vcon", "vcon-folder"]
)
def test_every_format_is_written_and_told_of(filled: Command, target: Path, name: str) -> None:
    if name == "parquet":
        pytest.importorskip("pyarrow")
    ran = filled("export", name, str(target))
    assert (ran.code, ran.out) == (0, "")
    assert ran.err == f"callreel: 3 recordings were exported to {target}.\n"
    assert target.is_dir() == (name in {"folder", "vcon-folder"})
    assert [each.name for each in target.parent.glob("out.*")] == []


@pytest.mark.parametrize(
    ("options", "count"),
    [
        (("--since", "2026-03-02"), 3),
        (("--since", "2026-03-02 09:00:05"), 2),
        (("--until", "2026-03-02 09:00:05"), 1),
        (("--since", "2026-03-02 09:00:05", "--until", "2026-03-02 10:00:05"), 1),
        (("--until", "2026-03-02"), 0),
        (("--project", "7"), 0),
        (("--project", "7", "--project", "8"), 0),
        (("--filter", '[{"property":"number_list","value":["+48 600 00 01", "1"]}]'), 1),
        (("--filter", '[{"property":"project_id","value":[7]}]', "--project", "7"), 0),
    ],
)
def test_only_what_is_asked_for_is_exported(
    filled: Command, target: Path, options: tuple[str, ...], count: int
) -> None:
    assert filled("export", "jsonl", str(target), *options).code == 0
    assert len(lines(target)) == count


def test_standard_output_gets_the_export_and_nothing_else(filled: Command, tmp_path: Path) -> None:
    for name in ("jsonl", "zip", "tar"):
        ran = subprocess.run(
            [*COMMAND, "export", name, "-", "--tenant", "Acme"], capture_output=True, check=True
        )
        assert ran.stderr == b"callreel: 3 recordings were exported to standard output.\n"
        if name == "jsonl":
            assert len(ran.stdout.splitlines()) == 3
        elif name == "zip":
            assert zipfile.ZipFile(io.BytesIO(ran.stdout)).testzip() is None
        else:
            with tarfile.open(fileobj=io.BytesIO(ran.stdout)) as found:
                assert len(found.getnames()) == 5


def test_a_reader_who_has_enough_ends_it_quietly(filled: Command) -> None:
    command = " ".join([*COMMAND, "export", "tar", "-"])
    ran = subprocess.run(
        ["bash", "-c", f"{command} | head -c 10"], capture_output=True, check=True, timeout=60
    )
    assert len(ran.stdout) == 10
    assert b"Traceback" not in ran.stderr


def test_audio_that_is_gone_is_told_of_and_the_code_says_so(
    filled: Command, target: Path, data: Path
) -> None:
    (first, *_) = [path for path in (data / "audio" / "1").rglob("*") if path.is_file()]
    first.unlink()
    ran = filled("export", "zip", str(target))
    assert ran.code == 3
    assert "the audio of 1 could not be read; the export says of which" in ran.err
    with zipfile.ZipFile(target) as found:
        manifest = [json.loads(line) for line in found.read("manifest.jsonl").splitlines()]
    assert sorted(each.get("error", "") for each in manifest) == ["", "", "The audio is missing."]


def test_the_address_in_a_record_is_the_servers(
    filled: Command, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CALLREEL_PUBLIC_URL", "https://calls.example.org")
    filled("export", "jsonl", str(target))
    assert all(
        str(each["recording_url"]).startswith("https://calls.example.org/cdr_dialog_recording/")
        for each in lines(target)
    )


def test_only_one_tenants_recordings_are_exported(filled: Command, target: Path) -> None:
    filled("tenant", "create", "Other")
    ran = filled("export", "csv", str(target))
    assert (ran.code, target.exists()) == (1, False)
    assert "several tenants" in ran.err
    assert filled("export", "csv", str(target), "--tenant", "Other").code == 0
    assert list(csv.DictReader(io.StringIO(target.read_text()))) == []
    assert filled("export", "csv", str(target), "--tenant", "None").code == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("xml", "out"), "There is no format 'xml'; there are csv, jsonl, "),
        (("csv", "out", "--audio-by-url"), "--audio-by-url is for vcon"),
        (("folder", "-"), "A folder cannot be written to standard output"),
        (("parquet", "out", "--resume"), "Leave out --resume"),
        (("csv", "-", "--resume"), "Leave out --resume"),
        (("csv", "out", "--since", "March"), "--since needs a day such as 2026-03-01"),
        (("csv", "out", "--until", "2026-02-30"), "--until needs a day"),
        (("csv", "out", "--filter", "[{}]"), "Object 1 of the filter needs both"),
        (("csv", "none/out"), "cannot be written: no such file or directory"),
    ],
)
def test_what_cannot_be_asked_for_is_one_sentence(
    filled: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    says: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = filled("export", *arguments)
    assert ran.code == 1
    assert says in ran.err
    assert ran.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_where_there_is_no_archive_none_is_made(callreel: Command, data: Path) -> None:
    assert "There is no archive" in callreel("export", "csv", "out").err
    assert not data.exists()


def test_an_export_that_was_interrupted_goes_on(
    filled: Command,
    target: Path,
    monkeypatch: pytest.MonkeyPatch,
    press_ctrl_c: Callable[[], None],
) -> None:
    from callreel.archive import export as verb  # noqa: PLC0415 - patched here only

    monkeypatch.setattr(drafts, "STATE_SECONDS", 0.0)
    monkeypatch.setattr(verb, "PAGE", 1)
    real = drafts.TargetDraft.note

    def note_and_stop(draft: drafts.TargetDraft, position: tuple[int, ...]) -> None:
        real(draft, position)
        if draft.count == 2:
            press_ctrl_c()

    monkeypatch.setattr(drafts.TargetDraft, "note", note_and_stop)
    ran = filled("export", "jsonl", str(target))
    assert (ran.code, ran.err) == (130, "callreel: interrupted; --resume goes on with it.\n")
    assert not target.exists()
    monkeypatch.setattr(drafts.TargetDraft, "note", real)
    assert filled("export", "jsonl", str(target), "--resume").code == 0
    assert len({str(each["recording_uuid"]) for each in lines(target)}) == 3


def test_an_export_that_is_killed_leaves_no_half_file(
    filled: Command, start: Start, target: Path
) -> None:
    process = start("export", "jsonl", str(target), "--tenant", "Acme")
    until = time.monotonic() + 20
    while not target.with_name("out.part").exists() and time.monotonic() < until:
        if process.poll() is not None:
            break
    process.kill()
    process.wait()
    assert not target.exists() or len(lines(target)) == 3
    assert filled("export", "jsonl", str(target), "--resume").code == 0
    assert len(lines(target)) == 3


def test_a_terminal_gets_no_bytes(filled: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert "Standard output is a terminal" in filled("export", "zip", "-").err


def test_a_vcon_that_was_exported_is_imported_again(
    filled: Command, target: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled("export", "vcon-folder", str(target))
    monkeypatch.setenv("CALLREEL_DATA", str(data.with_name("second")))
    filled("tenant", "create", "Acme")
    assert filled("import", "vcon", str(target), "--settle", "0").code == 0
    filled("export", "jsonl", str(target.with_name("again")))
    assert len(lines(target.with_name("again"))) == 3
