"""Which files of the monitor's folder are taken, and what is said of the others."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from callreel.errors import BadRecording, Misconfigured
from callreel.importers.freepbx.importer import FreePbx
from callreel.importers.freepbx.names import parse
from callreel.importers.items import Candidate, Fault, Refusal
from callreel.importers.source import Source
from importers.monitor import LONG_AGO, WARSAW, put, source, wav

NAME = "in-101-102-20260302-090005-1772438405.10.wav"
WHERE = f"2026/03/02/{NAME}"
HEADER = "calldate,src,dst,duration,billsec,disposition,uniqueid,recordingfile\n"


@pytest.fixture
def records(tmp_path: Path) -> Path:
    path = tmp_path / "cdr.csv"
    path.write_text(HEADER)
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "monitor"


def only(importer: FreePbx) -> Candidate | Refusal:
    (item,) = importer.items()
    assert isinstance(item, Candidate | Refusal)
    return item


def test_a_file_is_told_with_all_that_an_import_needs(root: Path) -> None:
    path = put(root, NAME, wav(60))
    found = only(FreePbx(source(root)))
    assert isinstance(found, Candidate)
    assert (found.where, found.original_name, found.source) == (WHERE, NAME, "freepbx")
    assert (found.native_id, found.native_time) == ("1772438405.10", 1_772_438_405)
    assert (found.path, found.size) == (path.resolve(), len(wav(60)))
    assert (found.is_measured, found.notes) == (False, ())
    with found.open() as stream:
        assert stream.read() == wav(60)


@pytest.mark.parametrize(
    ("extension", "fault"),
    [
        *((each, None) for each in ("wav", "WAV", "wav49", "mp3", "ogg", "opus", "flac")),
        *(
            (each, "convert it to WAV first, under the same name.")
            for each in (
                "gsm", "sln", "sln16", "ulaw", "ul", "pcm", "alaw", "al", "g722", "g729", "raw",
                "GSM",
            )
        ),
        *((each, "By its name this is no audio.") for each in ("txt", "wav ", "m4a", "")),
    ],
)  # fmt: skip
def test_a_files_extension_says_whether_it_is_audio(
    root: Path, extension: str, fault: str | None
) -> None:
    put(root, NAME.removesuffix("wav") + extension)
    found = only(FreePbx(source(root)))
    if fault is None:
        assert isinstance(found, Candidate)
    else:
        assert isinstance(found, Refusal)
        assert found.fault is Fault.NOT_AUDIO
        assert found.reason.endswith(fault)


@pytest.mark.parametrize(("size", "is_taken"), [(44, False), (45, True)])
def test_a_file_with_more_than_a_header_is_taken(root: Path, size: int, is_taken: bool) -> None:
    put(root, NAME, b"R" * size)
    found = only(FreePbx(source(root)))
    assert isinstance(found, Candidate) is is_taken
    if isinstance(found, Refusal):
        assert found == Refusal(WHERE, Fault.EMPTY, "The file holds no sound.")


@pytest.mark.parametrize(
    ("age", "settle", "is_taken"),
    [(0, 60, False), (30, 60, False), (90, 60, True), (0, 0, True), (-30, 60, False)],
)
def test_a_file_is_left_until_it_has_settled(
    root: Path, age: int, settle: int, is_taken: bool
) -> None:
    written = time.time() - age
    os.utime(put(root, NAME), (written, written))
    found = only(FreePbx(source(root, settle=settle)))
    assert isinstance(found, Candidate) is is_taken
    if isinstance(found, Refusal):
        reason = "The file was written to a moment ago; the next import takes it."
        assert (found.fault, found.reason) == (Fault.GROWING, reason)


def test_a_clock_that_went_back_does_not_keep_a_file_for_ever(root: Path) -> None:
    later = time.time() + 86_400
    os.utime(put(root, NAME), (later, later))
    assert isinstance(only(FreePbx(source(root))), Candidate)


def test_an_empty_file_that_was_just_made_is_left_for_later(root: Path) -> None:
    path = put(root, NAME, b"")
    os.utime(path)
    found = only(FreePbx(source(root)))
    assert isinstance(found, Refusal)
    assert found.fault is Fault.GROWING


@pytest.mark.parametrize("is_counted", [True, False])
def test_rows_are_joined_whether_or_not_the_files_were_counted(
    root: Path, records: Path, is_counted: bool
) -> None:
    put(root, NAME)
    records.write_text(f"{HEADER}2026-03-02 09:00:05,102,101,75,60,ANSWERED,1772438405.10,{NAME}\n")
    importer = FreePbx(source(root, records))
    if is_counted:
        assert importer.count() == 1
    found = [each for each in importer.items() if isinstance(each, Candidate)]
    assert [each.is_measured for each in found] == [True]
    assert found[0].notes == ()


def test_a_file_that_no_row_is_of_says_so_only_beside_rows(root: Path, records: Path) -> None:
    put(root, NAME)
    note = "The call records have no row of it; its name alone was used."
    beside, alone = only(FreePbx(source(root, records))), only(FreePbx(source(root)))
    assert isinstance(beside, Candidate)
    assert isinstance(alone, Candidate)
    assert (beside.notes, alone.notes) == ((note,), ())


def test_a_file_that_comes_after_the_count_is_taken_where_there_are_no_rows(root: Path) -> None:
    root.mkdir()
    importer = FreePbx(source(root))
    assert importer.count() == 0
    put(root, NAME)
    assert isinstance(only(importer), Candidate)


def test_all_files_are_counted_whatever_they_are(root: Path) -> None:
    put(root, NAME)
    put(root, "readme.txt")
    (root / "link").symlink_to(NAME)
    assert FreePbx(source(root)).count() == 3


def test_a_file_replaced_by_a_link_after_it_was_found_is_not_opened(root: Path) -> None:
    path = put(root, NAME)
    found = only(FreePbx(source(root)))
    assert isinstance(found, Candidate)
    path.unlink()
    path.symlink_to("/etc/hostname")
    with pytest.raises(BadRecording, match="a symbolic link stands in its place"):
        found.open()


def test_a_file_is_left_for_ten_seconds_unless_said_otherwise(root: Path) -> None:
    path = put(root, NAME)
    os.utime(path, (time.time() - 5, time.time() - 5))
    assert isinstance(only(FreePbx(Source(root=root, zone=WARSAW))), Refusal)
    os.utime(path, (LONG_AGO, LONG_AGO))
    assert isinstance(only(FreePbx(Source(root=root, zone=WARSAW))), Candidate)


def test_a_folder_or_a_table_that_is_not_there_is_said_at_once(root: Path, records: Path) -> None:
    with pytest.raises(Misconfigured, match=r"cannot be opened: no such file or directory\."):
        FreePbx(source(root))
    root.mkdir()
    records.write_text("calldate,src\n")
    with pytest.raises(Misconfigured, match="no column billsec, disposition, dst, duration, rec"):
        FreePbx(source(root, records))


@pytest.mark.parametrize(
    ("to", "caller", "is_read"),
    [("1" * 64, "2", True), ("1" * 65, "2", False), ("1", "2" * 64, True), ("1", "2" * 65, False)],
)
def test_a_number_in_a_name_has_at_most_64_characters(to: str, caller: str, is_read: bool) -> None:
    name = f"in-{to}-{caller}-20260302-090005-1772438405.10.wav"
    assert (parse(name) is not None) is is_read


@pytest.mark.parametrize("policy", ["always", "force", "yes", "no", "never", "dontcare", "delayed"])
def test_a_policy_is_nobody_in_a_conference_and_a_name_elsewhere(policy: str) -> None:
    conference = parse(f"8000-8000-{policy}-20260302-090005-1772438405.10.wav")
    internal = parse(f"internal-101-{policy}-20260302-090005-1772438405.10.wav")
    assert conference is not None
    assert internal is not None
    assert (conference.caller, internal.caller) == (None, policy)
