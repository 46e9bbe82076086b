"""What is exported with its audio can be imported again, as it was."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from cli.test_vcon_round_trip import bodies
from cli_runs import Command
from importers.manifests import line, put, put_lines
from importers.monitor import wav


@pytest.fixture
def filled(callreel: Command, tmp_path: Path) -> Command:
    """The command, with recordings of all kinds of calls of the first of two tenants."""
    root = tmp_path / "recordings"
    put_lines(
        root,
        line(
            "1.wav", from_number="+48600100200", to_number="101", talking_ms=900, waiting_ms=4_000,
            first_queue_waiting_ms=3_000, hung_up_at="2026-03-02T09:00:11+01:00",
            alerted_at=1_772_438_406, rang_at=1_772_438_407, answered_at=1_772_438_409,
            served_at=1_772_438_409, dialog_type="TENANT_USER", end_cause="DIALOG_LEFT",
            source_call_id="c-1", machine_detected=True, machine_type="AMD", tags=[17, 3],
            project={"id": 9, "name": "Zamówienia"}, user={"id": 7}, original_name="żółw.wav",
        ),
        line("2.wav", dialog_id="2", id="my.id~2", direction="OUTBOUND", started_at=1_772_440_000),
        line("2.wav", dialog_id="3", direction="OUTBOUND", started_at=1_772_440_000),
    )  # fmt: skip
    put(root, "1.wav", wav(1000))
    put(root, "2.wav", wav(700, tone=1))
    for name in ("First", "Second"):
        callreel("tenant", "create", name)
    ran = callreel("import", "manifest", str(root), "--tenant", "First")
    assert (ran.code, "taken in\t3\n" in ran.out) == (0, True), ran.out
    return callreel


def exported(callreel: Command, tmp_path: Path, name: str) -> Path:
    """Return the folder of an export, unpacked."""
    target, folder = tmp_path / f"export.{name}", tmp_path / "unpacked"
    assert callreel("export", name, str(target), "--tenant", "First").code == 0
    if name == "folder":
        return target
    shutil.unpack_archive(target, folder)
    return folder


@pytest.mark.parametrize("name", ["zip", "tar", "folder"])
def test_recordings_come_back_as_they_were(
    filled: Command, tmp_path: Path, data: Path, name: str
) -> None:
    folder = exported(filled, tmp_path, name)
    options = (str(folder), "--tenant", "Second", "--settle", "0")
    ran = filled("import", "manifest", *options)
    assert (ran.code, "taken in\t3\n" in ran.out, "Notes" in ran.out) == (0, True, False), ran.out
    first, second = bodies(data, 1), bodies(data, 2)
    assert second == first
    assert {each["recording_uuid"] for each in second} > {"my.id~2"}
    assert [each["custom_tag_id_list"] for each in second] == [[3, 17], [], []]
    again = filled("import", "manifest", *options)
    assert (again.code, "already there\t3\n" in again.out) == (0, True), again.out


def test_into_the_archive_that_it_came_from_nothing_comes_twice(
    filled: Command, tmp_path: Path
) -> None:
    folder = exported(filled, tmp_path, "folder")
    ran = filled("import", "manifest", str(folder), "--tenant", "First", "--settle", "0")
    assert (ran.code, "already there\t3\n" in ran.out) == (0, True), ran.out


def test_an_id_with_other_audio_is_a_conflict(filled: Command, tmp_path: Path) -> None:
    root = tmp_path / "other"
    put_lines(root, line("2.wav", dialog_id="2", id="my.id~2", started_at=1_772_440_000,
                         direction="OUTBOUND", sha256="0" * 64))  # fmt: skip
    put(root, "2.wav", wav(500))
    ran = filled("import", "manifest", str(root), "--tenant", "First")
    assert (ran.code, "conflict\t1" in ran.out) == (3, True), ran.out


def test_only_the_digests_beside_the_manifest_are_passed_over(
    callreel: Command, tmp_path: Path
) -> None:
    root = tmp_path / "recordings"
    put_lines(root, line("a.wav"))
    put(root, "a.wav", wav(500))
    put(root, "SHA256SUMS", b"")
    put(root, "sub/SHA256SUMS", b"")
    callreel("tenant", "create", "First")
    ran = callreel("import", "manifest", str(root))
    assert "sub/SHA256SUMS" in ran.out
    assert "refused\t1" in ran.out
