"""What becomes of a target while it is written, and how an export goes on."""

from __future__ import annotations

import errno
import io
import json
import os
import shutil
from pathlib import Path

import pytest

from callreel.archive.exporting import drafts
from callreel.archive.exporting.drafts import TargetDraft
from callreel.archive.exporting.outputs import FileOutput
from callreel.archive.exporting.pipe import PipeDraft
from callreel.errors import Misconfigured, StorageFull
from exporting.exports import Exports, many_calls
from house import sound

RESUMABLE = ("csv", "jsonl", "zip", "tar", "folder", "vcon", "vcon-folder")


@pytest.fixture(autouse=True)
def note_after_each_page_of_ten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drafts, "STATE_SECONDS", 0.0)
    monkeypatch.setattr("callreel.archive.export.PAGE", 10)


def fill(exports: Exports, count: int = 25) -> None:
    """Put many calls with one piece of audio into the archive, and a few whose audio is gone."""
    taken = exports.house.take_in(audio=sound())
    audio = exports.house.archive.bodies.parse(taken.body).audio
    exports.add_calls(many_calls(count), audio)


def content(path: Path) -> dict[str, bytes]:
    files = [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]
    return {each.relative_to(path.parent).as_posix(): each.read_bytes() for each in files}


@pytest.mark.parametrize("name", RESUMABLE)
def test_an_export_that_was_cut_short_goes_on_to_the_same_end(exports: Exports, name: str) -> None:
    fill(exports)
    whole = content(exports.make(name))
    shutil.move(exports.folder / "export", exports.folder / "whole")
    exports.make(name, stop_after=2)
    assert not (exports.folder / "export").exists()
    part = exports.folder / "export.part"
    if part.is_file():
        with part.open("ab") as file:  # what was written after the state was
            file.write(b"half a rec")
    assert json.loads((exports.folder / "export.part.state").read_bytes())["count"] == 20
    again = content(exports.make(name, resume=True))
    times = ("manifest.jsonl", "SHA256SUMS")  # when they were added is part of a ZIP and a tar
    if name in {"zip", "tar"}:
        assert len(again["export"]) == len(whole["export"])
        assert all(again["export"].count(each.encode()) for each in times)
    else:
        assert again == whole
    assert [each.name for each in exports.folder.iterdir() if ".part" in each.name] == []


@pytest.mark.parametrize("name", RESUMABLE)
def test_an_export_that_is_begun_anew_keeps_nothing_of_the_one_before(
    exports: Exports, name: str
) -> None:
    fill(exports, 15)
    exports.make(name, stop_after=1)
    target = exports.make(name)
    assert target.exists()
    assert [each.name for each in exports.folder.iterdir() if ".part" in each.name] == []
    if name == "jsonl":
        assert [json.loads(line) for line in target.read_text().splitlines()] == exports.listed()


def test_going_on_where_there_is_nothing_begins(exports: Exports) -> None:
    exports.add_calls(many_calls(2))
    assert exports.make("jsonl", resume=True).read_text().count("\n") == 2


def test_another_export_of_the_same_name_does_not_go_on(exports: Exports) -> None:
    exports.add_calls(many_calls(15))
    exports.make("jsonl", stop_after=1)
    with pytest.raises(Misconfigured, match="asks for something else"):
        exports.make("csv", resume=True)


def test_a_draft_that_someone_cut_does_not_go_on(exports: Exports) -> None:
    exports.add_calls(many_calls(15))
    exports.make("jsonl", stop_after=1)
    os.truncate(exports.folder / "export.part", 10)
    with pytest.raises(Misconfigured, match="was changed"):
        exports.make("jsonl", resume=True)


def test_what_stood_there_is_replaced_only_by_a_whole_export(exports: Exports) -> None:
    exports.add_calls(many_calls(15))
    target = exports.folder / "export"
    target.write_text("old")
    exports.make("jsonl", stop_after=1)
    assert target.read_text() == "old"
    exports.make("jsonl", resume=True)
    assert target.read_text().count("\n") == 15


@pytest.mark.parametrize("name", ["csv", "folder"])
def test_a_folder_that_stands_there_is_never_replaced(exports: Exports, name: str) -> None:
    (exports.folder / "export").mkdir()
    with pytest.raises(Misconfigured, match="choose another name"):
        exports.make(name)


def test_two_exports_do_not_write_to_one_name(tmp_path: Path) -> None:
    first = TargetDraft(tmp_path / "a", "", is_folder=False, resume=False)
    with first, pytest.raises(Misconfigured, match="Another export"):
        TargetDraft(tmp_path / "a", "", is_folder=False, resume=False)
    with TargetDraft(tmp_path / "a", "", is_folder=False, resume=False) as draft:
        draft.finish()
    assert [each.name for each in tmp_path.iterdir()] == ["a"]


def test_the_draft_and_the_export_are_for_their_owner_only(tmp_path: Path) -> None:
    with TargetDraft(tmp_path / "a", "", is_folder=False, resume=False) as draft:
        draft.main.write(b"x")
        draft.finish()
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o600


def test_a_folder_that_does_not_exist_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="no such file or directory"):
        TargetDraft(tmp_path / "none" / "a", "", is_folder=False, resume=False)


@pytest.mark.parametrize(
    ("number", "kind"), [(errno.ENOSPC, StorageFull), (errno.EDQUOT, StorageFull)]
)
def test_a_full_disk_is_one_sentence(number: int, kind: type[Exception]) -> None:
    class Full(io.BytesIO):
        def write(self, _piece: object, /) -> int:
            raise OSError(number, "full")

    with pytest.raises(kind, match="no room"):
        FileOutput(Full()).write(b"x")


def test_a_reader_who_left_is_no_fault_of_the_export() -> None:
    class Left(io.BytesIO):
        def write(self, _piece: object, /) -> int:
            raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        FileOutput(Left()).write(b"x")


def test_a_pipe_has_no_folder() -> None:
    with PipeDraft(io.BytesIO()) as draft, pytest.raises(Misconfigured):
        draft.add_file("a")


def test_nothing_is_left_of_what_a_pipe_kept_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with PipeDraft(io.BytesIO()) as draft:
        draft.side("index").write(b"one")
        with draft.read_side("index") as file:
            assert file.read() == b"one"
        assert list(tmp_path.iterdir())
    assert list(tmp_path.iterdir()) == []


def test_the_state_tells_only_of_what_is_on_the_disk(
    exports: Exports, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append(os.fstat(descriptor).st_size)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    exports.add_calls(many_calls(15))
    exports.make("jsonl", stop_after=1)
    state = json.loads((exports.folder / "export.part.state").read_bytes())
    assert synced[0] == state["sizes"][""] == (exports.folder / "export.part").stat().st_size
