"""That a folder of any size, and of any content, leaves nothing open, and what is said of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from callreel.errors import BadRecording, Misconfigured
from callreel.importers.items import Fault, Refusal
from callreel.importers.tree import MAX_DEPTH, Found, Tree


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


@pytest.fixture
def nothing_left_open() -> Iterator[None]:
    before = open_files()
    yield
    assert open_files() == before


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    (folder / "2026" / "03").mkdir(parents=True)
    (folder / "2026" / "03" / "a.wav").write_bytes(b"a")
    os.mkfifo(folder / "2026" / "pipe.wav")
    (folder / "2026" / "link.wav").symlink_to("03/a.wav")
    return folder


@pytest.mark.usefixtures("nothing_left_open")
def test_a_walk_leaves_nothing_open(root: Path) -> None:
    assert [item.where for item in Tree(root).walk()] == [
        "2026/link.wav",
        "2026/pipe.wav",
        "2026/03/a.wav",
    ]


@pytest.mark.usefixtures("nothing_left_open")
def test_a_walk_that_is_left_halfway_leaves_nothing_open(root: Path) -> None:
    assert next(Tree(root).walk()).where == "2026/link.wav"


@pytest.mark.usefixtures("nothing_left_open")
def test_a_file_that_was_read_leaves_nothing_open(root: Path) -> None:
    with Tree(root).open(("2026", "03", "a.wav")) as file:
        assert file.read() == b"a"


@pytest.mark.usefixtures("nothing_left_open")
@pytest.mark.parametrize(
    ("parts", "says"),
    [
        (("2026", "pipe.wav"), "This is not a plain file."),
        (("2026", "03"), "This is not a plain file."),
        (
            ("2026", "link.wav"),
            "The file vanished or a symbolic link stands in its place, which is not followed.",
        ),
        (
            ("2026", "link.wav", "x"),
            "The file vanished or a symbolic link stands in its place, which is not followed.",
        ),
        (
            ("2026", "none", "a.wav"),
            "The file vanished or cannot be read: no such file or directory.",
        ),
        (("2026", "x" * 300), "The file vanished or cannot be read: file name too long."),
    ],
)
def test_what_cannot_be_opened_says_why_and_leaves_nothing_open(
    root: Path, parts: tuple[str, ...], says: str
) -> None:
    with pytest.raises(BadRecording) as caught:
        Tree(root).open(parts)
    assert caught.value.message == says


@pytest.mark.usefixtures("nothing_left_open")
def test_a_root_that_vanishes_is_named_by_a_dot(root: Path) -> None:
    tree = Tree(root)
    root.rename(root.with_name("moved"))
    reason = "The folder vanished or cannot be read: no such file or directory."
    assert list(tree.walk()) == [Refusal(".", Fault.UNREADABLE, reason)]


def test_each_kind_of_what_is_no_file_has_its_reason(root: Path) -> None:
    refused = {item.where: item for item in Tree(root).walk() if isinstance(item, Refusal)}
    assert refused["2026/link.wav"].reason == "A symbolic link is not followed."
    assert refused["2026/pipe.wav"].reason == "This is not a plain file."


@pytest.mark.parametrize(("folders", "is_found"), [(MAX_DEPTH, True), (MAX_DEPTH + 1, False)])
def test_a_file_is_found_below_sixteen_folders(
    tmp_path: Path, folders: int, is_found: bool
) -> None:
    deep = tmp_path.joinpath(*["d"] * folders)
    deep.mkdir(parents=True)
    (deep / "a.wav").write_bytes(b"a")
    (item,) = Tree(tmp_path).walk()
    assert isinstance(item, Found) is is_found
    if isinstance(item, Refusal):
        assert item.reason == "Folders nested deeper than 16 are not looked into."
        assert item.where == "/".join(["d"] * folders)


def test_a_root_may_be_a_link_itself(root: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(root)
    tree = Tree(tmp_path / "link")
    assert tree.root == root.resolve()
    assert "2026/03/a.wav" in [item.where for item in tree.walk()]
    assert tree.path(("2026", "03", "a.wav")).read_bytes() == b"a"


def test_a_file_in_the_place_of_the_root_is_said_to_be_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Misconfigured, match=r"import from cannot be opened: not a directory\."):
        Tree(tmp_path / "file")


def test_a_file_is_found_with_its_size_and_when_it_was_written_to(root: Path) -> None:
    os.utime(root / "2026" / "03" / "a.wav", (5, 1_772_438_405.5))
    (file,) = [item for item in Tree(root).walk() if isinstance(item, Found)]
    assert file == Found(("2026", "03", "a.wav"), 1, 1_772_438_405.5)
    assert file.name == "a.wav"
