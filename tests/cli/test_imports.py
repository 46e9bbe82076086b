from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from callreel.catalog.sqlite import SqliteCatalog
from cli_runs import Command
from importers.manifests import line, put_lines
from importers.monitor import put, wav

EPOCH = 1_772_438_405


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "monitor"
    for number in range(2):
        name = f"in-48221234567-486{number:06d}-20260302-090005-{EPOCH + number}.{number}.wav"
        put(folder, name, wav(60, tone=number))
    put(folder, "readme.txt", b"hello")
    return folder


@pytest.fixture
def imported(callreel: Command, root: Path) -> Command:
    """The command, after an import of two recordings and a file that is none."""
    callreel("tenant", "create", "Acme")
    arguments = ("import", "freepbx", str(root), "--timezone", "Europe/Warsaw")
    assert callreel(*arguments).code == 3
    return callreel


def test_imports_are_listed_with_what_they_brought(imported: Command) -> None:
    (row,) = imported("imports", "list", "--json").json()
    assert (row["number"], row["tenant"], row["format"]) == (1, 1, "freepbx")
    assert row["files"] == {"added": 2, "refused": 1}
    assert row["ended"] >= row["began"]
    assert row["undone"] is None
    assert "2 added, 1 refused" in imported("imports", "list", "--tenant", "Acme").out
    imported("tenant", "create", "Other")
    assert imported("imports", "list", "--tenant", "Other", "--json").json() == []


def test_an_import_is_shown_in_the_terminal_as_json_and_as_csv(imported: Command) -> None:
    shown = imported("imports", "show", "1")
    assert "readme.txt\trefused\tBy its name this is no audio." in shown.out
    lines = [
        json.loads(line) for line in imported("imports", "show", "1", "--json").out.split("\n")[:-1]
    ]
    assert [each["number"] for each in lines] == [1, 2, 3]
    assert all(each["recording"] for each in lines if each["became"] == "added")
    rows = list(csv.DictReader(io.StringIO(imported("imports", "show", "1", "--csv").out)))
    assert [row["place"] for row in rows] == [each["place"] for each in lines]


def test_only_what_became_something_is_shown_where_asked_for(imported: Command) -> None:
    shown = imported("imports", "show", "1", "--became", "refused", "--json")
    assert [json.loads(line)["fault"] for line in shown.out.splitlines()] == ["not_audio"]


@pytest.mark.parametrize("is_dry", [True, False])
def test_the_verdicts_of_an_import_are_written_as_they_are_shown(
    callreel: Command, root: Path, tmp_path: Path, *, is_dry: bool
) -> None:
    callreel("tenant", "create", "Acme")
    arguments = ("import", "freepbx", str(root), "--timezone", "Europe/Warsaw")
    lines, table = tmp_path / "verdicts.jsonl", tmp_path / "verdicts.CSV"
    table.write_text("x" * 10_000)
    more = ("--dry-run",) if is_dry else ()
    assert callreel(*arguments, *more, "--verdicts", str(lines)).code == 3
    assert callreel(*arguments, *more, "--verdicts", str(table)).code == 3
    if is_dry:
        callreel(*arguments)
        made = [
            json.loads(each) for each in callreel("imports", "show", "1", "--json").out.splitlines()
        ]
        foreseen = [json.loads(each) for each in lines.read_text().splitlines()]
        assert foreseen == [each | {"recording": None} for each in made]
    else:
        assert lines.read_text() == callreel("imports", "show", "1", "--json").out
        assert table.read_text() == callreel("imports", "show", "2", "--csv").out
    rows = list(csv.DictReader(io.StringIO(table.read_text())))
    assert [row["number"] for row in rows] == ["1", "2", "3"]
    assert "By its name this is no audio." in [row["reason"] for row in rows]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("verdicts.txt", "Give --verdicts a file whose name ends in .jsonl or .csv."),
        ("none/verdicts.csv", "The verdicts cannot be written: no such file or directory."),
    ],
)
def test_verdicts_that_cannot_be_written_are_told_of_before_the_import(
    callreel: Command, root: Path, tmp_path: Path, name: str, says: str
) -> None:
    callreel("tenant", "create", "Acme")
    arguments = ("import", "freepbx", str(root), "--timezone", "Europe/Warsaw")
    ran = callreel(*arguments, "--verdicts", str(tmp_path / name))
    assert (ran.code, ran.out, ran.err) == (1, "", f"callreel: {says}\n")
    assert callreel("imports", "list", "--json").json() == []


def test_verdicts_on_a_full_disk_end_the_import_with_a_sentence(
    callreel: Command, root: Path, tmp_path: Path
) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this machine has no device that is full")
    callreel("tenant", "create", "Acme")
    full = tmp_path / "verdicts.jsonl"
    full.symlink_to("/dev/full")
    ran = callreel(
        "import", "freepbx", str(root), "--timezone", "Europe/Warsaw", "--verdicts", str(full)
    )
    assert (ran.code, ran.err) == (
        1, "callreel: The verdicts cannot be written: no space left on device.\n"
    )  # fmt: skip


def test_audio_without_call_is_listed_whatever_the_format_was(
    callreel: Command, tmp_path: Path
) -> None:
    callreel("tenant", "create", "Acme")
    root = tmp_path / "calls"
    put(root, "stray.wav", wav(60), day="")
    put(root, "readme.txt", b"hello", day="")
    table, columns = tmp_path / "calls.csv", tmp_path / "columns.toml"
    table.write_text("start,file\n")
    columns.write_text('[columns]\nstarted = "start"\n[audio]\ncolumn = "file"\n')
    records = tmp_path / "json_cdr"
    records.mkdir()
    given = {
        "asterisk": ("--timezone", "UTC"),
        "csv": ("--timezone", "UTC", "--cdr", str(table), "--columns", str(columns)),
        "freeswitch": ("--cdr", str(records)),
        "manifest": (),
        "vcon": (),
    }
    for number, (name, options) in enumerate(given.items(), 1):
        assert callreel("import", name, str(root), *options).code == 3
        shown = callreel("imports", "show", str(number), "--fault", "no_call", "--json")
        places = [json.loads(line)["place"] for line in shown.out.splitlines()]
        assert "stray.wav" in places
    both = ("--fault", "no_call", "--fault", "not_audio", "--became", "refused")
    assert len(callreel("imports", "show", "5", *both, "--json").out.splitlines()) == 2
    added = callreel("imports", "show", "5", "--fault", "no_call", "--became", "added", "--json")
    assert added.out == ""


def test_an_import_of_before_is_shown_by_the_words_it_was_kept_with(
    imported: Command, data: Path
) -> None:
    catalog = SqliteCatalog(data / "callreel.db")
    catalog._db._writer.connection.execute("UPDATE import_item SET fault = 'gone_word' "
                                           "WHERE fault IS NOT NULL")  # fmt: skip
    catalog._db.close()
    lines = imported("imports", "show", "1", "--json").out.splitlines()
    assert "gone_word" in [json.loads(line)["fault"] for line in lines]


def test_an_import_is_undone_and_a_second_time_finds_nothing(imported: Command) -> None:
    ran = imported("imports", "undo", "1")
    assert (ran.code, ran.out) == (0, "2 recordings of import 1 were deleted.\n")
    assert imported("imports", "undo", "1").out == "0 recordings of import 1 were deleted.\n"
    assert imported("imports", "list", "--json").json()[0]["undone"]


def test_what_was_heard_is_kept_and_named_unless_told(imported: Command, data: Path) -> None:
    catalog = SqliteCatalog(data / "callreel.db")
    lines = imported("imports", "show", "1", "--became", "added", "--json").out.splitlines()
    heard = json.loads(lines[0])["recording"]
    catalog._db._writer.connection.execute(
        "INSERT INTO touched SELECT k, 1 FROM entry WHERE id = ?", (heard,)
    )
    catalog._db.close()
    ran = imported("imports", "undo", "1", "--json")
    assert ran.code == 3
    assert ran.json() == {
        "deleted": [json.loads(lines[1])["recording"]],
        "kept": [heard],
        "calls": 0,
    }
    ran = imported("imports", "undo", "1")
    assert ran.err == f"callreel: {heard} was kept: someone has tagged or heard it.\n"
    assert imported("imports", "undo", "1", "--touched-too").code == 0


@pytest.mark.parametrize("command", ["show", "undo"])
def test_an_import_that_does_not_exist_is_one_sentence(imported: Command, command: str) -> None:
    ran = imported("imports", command, "9")
    assert (ran.code, ran.err) == (1, "callreel: There is no import 9.\n")


def test_a_dry_run_leaves_no_import_behind(imported: Command, root: Path) -> None:
    arguments = ("import", "freepbx", str(root), "--timezone", "Europe/Warsaw", "--dry-run")
    imported(*arguments)
    assert len(imported("imports", "list", "--json").json()) == 1


def test_undoing_tells_how_many_calls_without_recording_went(
    callreel: Command, tmp_path: Path
) -> None:
    callreel("tenant", "create", "Acme")
    put_lines(tmp_path / "calls", line(None), line(None, dialog_id="other"))
    callreel("import", "manifest", str(tmp_path / "calls"))
    ran = callreel("imports", "undo", "1")
    assert ran.out.endswith("2 calls without recording of import 1 were dropped.\n")
    assert callreel("imports", "undo", "1", "--json").json()["calls"] == 0
