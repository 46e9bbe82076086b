from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from callreel.archive.verdict import Became, Verdict
from callreel.cli.import_report import SHOWN, Report, show
from callreel.errors import Misconfigured
from callreel.importers.items import Fault

ADDED = Verdict(where="a.wav", became=Became.ADDED)
SAME = Verdict(where="b.wav", became=Became.SAME)
LATER = Verdict(
    where="c.wav", became=Became.LATER, fault=Fault.GROWING, reason="It is still written to."
)
JOINED = Verdict(where="cdr.csv:2", became=Became.JOINED, is_row=True)
UNRECORDED = Verdict(where="cdr.csv:3", became=Became.UNRECORDED, is_row=True)


def bad_file(number: int = 0, fault: Fault = Fault.EMPTY) -> Verdict:
    return Verdict(
        where=f"{number}.wav", became=Became.REFUSED, fault=fault, reason=f"File {number} is bad."
    )


def bad_row(number: int = 0) -> Verdict:
    return Verdict(
        where=f"cdr.csv:{number}",
        became=Became.REFUSED,
        is_row=True,
        fault=Fault.NO_AUDIO,
        reason=f"Row {number} is bad.",
    )


def noted(where: str, *notes: str) -> Verdict:
    return Verdict(where=where, became=Became.ADDED, notes=notes)


def report_of(*verdicts: Verdict, is_dry: bool = False) -> Report:
    report = Report("freepbx", None, is_dry=is_dry)
    for verdict in verdicts:
        report.add(verdict)
    return report


def shown(capsys: pytest.CaptureFixture[str], *verdicts: Verdict, is_dry: bool = False) -> str:
    show(report_of(*verdicts, is_dry=is_dry))
    printed = capsys.readouterr()
    assert printed.err == ""
    return printed.out


def written(path: Path, *verdicts: Verdict, is_dry: bool = False) -> dict[str, Any]:
    """Return a finished report as a script reads it."""
    with Report("freepbx", path, is_dry=is_dry) as report:
        for verdict in verdicts:
            report.add(verdict)
        report.is_finished = True
    read: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return read


def test_where_nothing_was_found_the_summary_says_so_and_no_more(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert shown(capsys) == (
        "files\tnumber\ntaken in\t0\nalready there\t0\nleft for later\t0\nrefused\t0\nseen\t0\n"
    )


def test_the_summary_counts_files_and_rows_apart(capsys: pytest.CaptureFixture[str]) -> None:
    told = shown(
        capsys, ADDED, ADDED, SAME, JOINED, JOINED, JOINED, UNRECORDED, bad_row(4), bad_file(1)
    )

    assert told == (
        "files\tnumber\ntaken in\t2\nalready there\t1\nleft for later\t0\nrefused\t1\nseen\t4\n"
        "\n"
        "rows of call records\tnumber\n"
        "of the recordings\t3\ncalls without recording\t0\nother rows of such calls\t1\n"
        "refused\t1\nseen\t5\n"
        "\n"
        "not taken in\tnumber\nno_audio\t1\nempty\t1\n"
        "\n"
        "Refused:\n  cdr.csv:4: Row 4 is bad.\n  1.wav: File 1 is bad.\n"
    )


def test_a_dry_run_says_that_nothing_happened_yet(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys, ADDED, is_dry=True).startswith("files, if imported\tnumber\n")


def test_calls_that_are_kept_although_their_row_is_not_taken_in_are_counted(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    added = Verdict(where="cdr.csv:3", became=Became.CALL_ADDED, is_row=True)
    kept = [replace(bad_row(number), adds_call=True) for number in range(2)]

    told = shown(capsys, added, *kept, bad_row(4))

    assert "calls without recording\t1\nrefused\t3\nseen\t4\n" in told
    assert "\nFurther calls without recording, as theirs is missing: 2\n" in told
    assert "Further" not in shown(capsys, added, bad_row(4))
    assert written(tmp_path / "report.json", added, *kept, bad_row(4))["calls"] == 3


def test_the_most_frequent_reason_comes_first(capsys: pytest.CaptureFixture[str]) -> None:
    told = shown(
        capsys,
        *(bad_file(1), bad_file(2, Fault.BROKEN), bad_file(3, Fault.BROKEN), bad_row(), LATER),
        *(bad_file(4, Fault.BROKEN), bad_row()),
    )

    assert "not taken in\tnumber\nbroken\t3\nno_audio\t2\nempty\t1\ngrowing\t1\n" in told


def test_what_is_left_for_later_is_counted_but_not_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    told = shown(capsys, LATER)

    assert "left for later\t1\nrefused\t0\nseen\t1\n" in told
    assert "Refused" not in told
    assert "growing\t1" in told


@pytest.mark.parametrize("is_row", [False, True])
@pytest.mark.parametrize("became", Became)
def test_whatever_something_became_the_counts_add_up_to_what_was_seen(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, became: Became, *, is_row: bool
) -> None:
    verdict = Verdict(where="a", became=became, is_row=is_row)
    ours = ADDED if not is_row else JOINED

    table = shown(capsys, verdict, ours).split("\n\n")[1 if is_row else 0]
    *others, seen = [int(line.partition("\t")[2]) for line in table.splitlines()[1:]]
    assert sum(others) == seen == 2

    counts = written(tmp_path / "report.json", verdict, ours)["rows" if is_row else "files"]
    assert counts.pop("seen") == sum(counts.values()) == 2


@pytest.mark.parametrize(
    ("verdicts", "refuses"),
    [
        ((), False),
        ((ADDED, SAME, LATER, JOINED, UNRECORDED), False),
        ((ADDED, bad_file()), True),
        ((JOINED, bad_row()), True),
    ],
)
def test_only_what_was_refused_is_a_refusal(verdicts: tuple[Verdict, ...], refuses: bool) -> None:
    report = report_of(*verdicts)

    assert report.has_refusals is refuses
    assert report.seen == len(verdicts)


def test_as_many_refusals_as_are_shown_need_no_report(capsys: pytest.CaptureFixture[str]) -> None:
    told = shown(capsys, *map(bad_file, range(SHOWN)))

    assert "\nRefused:\n" in told
    assert f"  {SHOWN - 1}.wav: " in told
    assert "--json" not in told


def test_of_more_refusals_the_first_are_shown_and_where_the_rest_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    told = shown(capsys, *map(bad_file, range(6)), *map(bad_row, range(5)))

    assert "\nRefused, the first 10 of 11:\n  0.wav: File 0 is bad.\n" in told
    assert "  cdr.csv:3: Row 3 is bad.\n" in told
    assert "cdr.csv:4" not in told
    assert told.endswith("  --json FILE writes a report with all of them.\n")


def test_the_same_note_is_told_once_with_its_number_and_first_place(
    capsys: pytest.CaptureFixture[str],
) -> None:
    told = shown(
        capsys,
        *(noted("a.wav", "Odd name."), noted("b.wav", "No length.", "Odd name."), ADDED),
        noted("c.wav", "Odd name."),
    )

    assert told.endswith(
        "\nNotes on 3 files and rows:\n"
        "  3 x Odd name. First: a.wav\n  1 x No length. First: b.wav\n"
    )


def test_of_many_different_notes_the_first_are_told_and_counted_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    many = [noted(f"{number}.wav", f"Note {number}.") for number in range(SHOWN + 3)]

    told = shown(capsys, *many, *many[:1], *many[-1:])

    assert f"Notes on {SHOWN + 5} files and rows:" in told
    assert "  2 x Note 0. First: 0.wav\n" in told
    assert f"  1 x Note {SHOWN - 1}. " in told
    assert f"Note {SHOWN}." not in told


def test_the_report_of_nothing_is_whole(tmp_path: Path) -> None:
    kinds = ("added", "already_there", "deleted_before", "left_for_later", "earlier", "refused")
    nothing = dict.fromkeys(("seen", *kinds), 0)

    assert written(tmp_path / "report.json") == {
        "items": [],
        "format": "freepbx",
        "dry_run": False,
        "finished": True,
        "files": nothing,
        "rows": {
            "seen": 0,
            "joined": 0,
            "call_added": 0,
            "call_already_there": 0,
            "unrecorded": 0,
            "left_for_later": 0,
            "earlier": 0,
            "refused": 0,
        },
        "calls": 0,
        "kinds": {},
        "noted": 0,
    }


def test_the_report_has_what_somebody_should_look_at_and_nothing_else(tmp_path: Path) -> None:
    report = written(
        tmp_path / "report.json",
        *(ADDED, SAME, JOINED, UNRECORDED, bad_file(7), LATER, noted("ż.wav", "One.", "Two.")),
        is_dry=True,
    )

    assert report["items"] == [
        {
            "where": "7.wav",
            "became": "refused",
            "kind": "empty",
            "reason": "File 7 is bad.",
            "notes": [],
        },
        {
            "where": "c.wav",
            "became": "left_for_later",
            "kind": "growing",
            "reason": "It is still written to.",
            "notes": [],
        },
        {
            "where": "ż.wav",
            "became": "added",
            "kind": None,
            "reason": None,
            "notes": ["One.", "Two."],
        },
    ]
    assert report["dry_run"] is True
    assert report["kinds"] == {"empty": 1, "growing": 1}
    assert report["noted"] == 1
    assert report["files"]["seen"] == 5
    assert report["rows"]["seen"] == 2


def test_each_item_of_the_report_has_a_line_with_its_letters(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    written(path, noted("ż.wav", "One."), bad_file(1), bad_file(2))

    text = path.read_text(encoding="utf-8").splitlines()

    assert len(text) == 5
    assert text[1].startswith('{"where": "ż.wav"')


def test_a_report_that_was_cut_short_is_still_json(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    with suppress(KeyboardInterrupt), Report("freepbx", path, is_dry=False) as report:
        report.add(bad_file())
        raise KeyboardInterrupt

    read = json.loads(path.read_text())
    assert read["finished"] is False
    assert read["files"]["refused"] == len(read["items"]) == 1


def test_a_report_takes_the_place_of_an_older_one(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text("x" * 10_000)

    assert written(path)["finished"] is True


@pytest.mark.parametrize(
    ("name", "why"), [(".", "is a directory"), ("none/report.json", "no such file or directory")]
)
def test_a_report_that_cannot_be_begun_is_said_before_the_import(
    tmp_path: Path, name: str, why: str
) -> None:
    with pytest.raises(Misconfigured) as caught:
        Report("freepbx", tmp_path / name, is_dry=False)

    assert caught.value.message == f"The report cannot be written: {why}."


@pytest.mark.parametrize("count", [0, 1_000])
def test_a_full_disk_is_said_of_the_report(count: int) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this machine has no device that is full")

    with pytest.raises(Misconfigured, match=r"^The report cannot be written: no space left"):
        written(full, *map(bad_file, range(count)))
