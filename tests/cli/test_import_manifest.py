"""`callreel import manifest`, from the folder to the archive."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from cli_runs import Command
from importers.manifests import SOUND, line, put, put_lines
from importers.monitor import wav


def fill(root: Path) -> None:
    put_lines(
        root,
        line("1.wav", sha256=hashlib.sha256(SOUND).hexdigest(), colour="red"),
        line("2.wav", dialog_id="2", sha256="00" * 32),
        line("3.wav", dialog_id="3", talking_ms=1000, tags=[3]),
        line(None, dialog_id="4"),
        line("5.wav", dialog_id="5"),
        "no JSON",
    )
    put(root, "1.wav")
    put(root, "2.wav", wav(200))
    put(root, "3.wav", wav(300))
    put(root, "4.wav", wav(400))
    put_lines(root, line(None, dialog_id="7"), name="4.wav.json")
    put(root, "6.wav", b"no sound at all, though long enough to be some")
    put_lines(root, line(None, dialog_id="8"), name="6.wav.json")


def test_recordings_are_taken_in_once_however_often_they_are_imported(
    callreel: Command, tmp_path: Path
) -> None:
    root = tmp_path / "recordings"
    fill(root)
    callreel("tenant", "create", "Acme")
    foreseen = callreel("import", "manifest", str(root), "--dry-run")
    report = tmp_path / "report.json"
    ran = callreel("import", "manifest", str(root), "--json", str(report))
    assert (foreseen.code, ran.code) == (3, 3)
    assert foreseen.out.replace("files, if imported", "files") == ran.out
    told = json.loads(report.read_text())
    assert (told["files"]["added"], told["files"]["refused"]) == (3, 2)
    assert told["rows"] == told["rows"] | {"joined": 5, "call_added": 1, "refused": 2}
    assert {each["where"] for each in told["items"] if each["kind"]} == {
        "2.wav", "6.wav", "manifest.jsonl:5", "manifest.jsonl:6",
    }  # fmt: skip
    assert "2.wav: The audio is not the one whose digest is given." in ran.out
    assert "1 x The line has fields that are not known here" in ran.out
    again = callreel("import", "manifest", str(root))
    assert "taken in\t0\nalready there\t3" in again.out


def test_a_dry_run_without_an_archive_compares_the_digest_too(
    callreel: Command, tmp_path: Path
) -> None:
    root = tmp_path / "recordings"
    fill(root)
    ran = callreel("import", "manifest", str(root), "--dry-run")
    assert "2.wav: The audio is not the one whose digest is given." in ran.out
    assert "taken in\t3\n" in ran.out


def test_a_corrected_line_is_a_conflict_that_is_told(callreel: Command, tmp_path: Path) -> None:
    root = tmp_path / "recordings"
    put(root, "a.wav")
    put_lines(root, line("a.wav"))
    callreel("tenant", "create", "Acme")
    assert callreel("import", "manifest", str(root)).code == 0
    records = put_lines(tmp_path, line("a.wav", from_number="101"), name="corrected.jsonl")
    (root / "manifest.jsonl").unlink()
    ran = callreel("import", "manifest", str(root), "--cdr", str(records))
    assert ran.code == 3
    assert "a.wav: The archive has this recording with other data of the call" in ran.out
