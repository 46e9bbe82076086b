from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from callreel.errors import Unavailable
from callreel.importers.moving import move
from callreel.importers.tree import Found, Tree


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "monitor" / "2026"
    folder.mkdir(parents=True)
    (folder / "a.b.wav").write_bytes(b"sound")
    return folder.parent


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "done"


def found_in(root: Path) -> Found:
    (found,) = Tree(root).walk()
    assert isinstance(found, Found)
    return found


def test_a_file_is_moved_to_the_same_place_below_the_other_folder(root: Path, target: Path) -> None:
    assert move(root, found_in(root), target) == target / "2026" / "a.b.wav"
    assert (target / "2026" / "a.b.wav").read_bytes() == b"sound"
    assert list(Tree(root).walk()) == []


def test_what_has_the_name_already_is_never_replaced(root: Path, target: Path) -> None:
    (target / "2026").mkdir(parents=True)
    (target / "2026" / "a.b.wav").write_bytes(b"older")
    (target / "2026" / "a.b.1.wav").write_bytes(b"old")
    assert move(root, found_in(root), target) == target / "2026" / "a.b.2.wav"
    kept = {path.name: path.read_bytes() for path in (target / "2026").iterdir()}
    assert kept == {"a.b.wav": b"older", "a.b.1.wav": b"old", "a.b.2.wav": b"sound"}


def test_a_file_that_was_changed_since_stays(root: Path, target: Path) -> None:
    found = found_in(root)
    path = root / "2026" / "a.b.wav"
    path.write_bytes(b"other sound")
    assert move(root, found, target) is None
    assert path.read_bytes() == b"other sound"
    assert not target.exists()


def test_a_file_that_is_gone_is_no_fault(root: Path, target: Path) -> None:
    found = found_in(root)
    (root / "2026" / "a.b.wav").unlink()
    assert move(root, found, target) is None


def test_a_file_that_became_a_link_stays(root: Path, target: Path, tmp_path: Path) -> None:
    found = found_in(root)
    path = root / "2026" / "a.b.wav"
    path.unlink()
    path.symlink_to(tmp_path)
    assert move(root, found, target) is None
    assert path.is_symlink()


@pytest.mark.parametrize("code", [errno.EXDEV, errno.EPERM])
def test_to_another_disk_it_is_copied_whole_with_its_time(
    root: Path, target: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    found, link = found_in(root), os.link

    def only_within_the_disk(source: Path, place: Path, **more: bool) -> None:
        if root in source.parents:
            raise OSError(code, "not there")
        link(source, place, **more)

    monkeypatch.setattr(os, "link", only_within_the_disk)
    place = move(root, found, target)
    assert place is not None
    assert place.read_bytes() == b"sound"
    assert place.stat().st_mtime == found.modified_at
    assert [path.name for path in place.parent.iterdir()] == ["a.b.wav"]
    assert list(Tree(root).walk()) == []


def test_a_place_that_cannot_be_had_is_told_and_the_file_stays(root: Path, target: Path) -> None:
    target.write_text("a file, not a folder")
    with pytest.raises(Unavailable, match="taken in but cannot be moved"):
        move(root, found_in(root), target)
    assert (root / "2026" / "a.b.wav").exists()
