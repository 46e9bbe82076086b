from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from callreel.errors import BadRecording, Misconfigured
from callreel.importers.items import Fault, Refusal, printable
from callreel.importers.tree import MAX_DEPTH, Found, Tree


def found(root: Path) -> list[str]:
    return [item.where for item in Tree(root).walk() if isinstance(item, Found)]


def refused(root: Path) -> dict[str, Fault]:
    return {item.where: item.fault for item in Tree(root).walk() if isinstance(item, Refusal)}


def test_plain_files_are_found_in_the_order_of_names(tmp_path: Path) -> None:
    for name in ("2026/03/02/b.wav", "2026/03/02/a.wav", "2025/12/31/z.wav", "top.wav"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * len(name))
    files = [item for item in Tree(tmp_path).walk() if isinstance(item, Found)]
    assert [file.where for file in files] == [
        "top.wav",
        "2025/12/31/z.wav",
        "2026/03/02/a.wav",
        "2026/03/02/b.wav",
    ]
    assert files[0].size == len("top.wav")


def test_symbolic_links_are_named_and_never_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.wav").write_bytes(b"secret")
    root = tmp_path / "root"
    root.mkdir()
    (root / "passwd.wav").symlink_to("/etc/passwd")
    (root / "2026").symlink_to(outside)
    (root / "loop").symlink_to(root)
    (root / "dangling.wav").symlink_to("nowhere")
    assert found(root) == []
    assert refused(root) == dict.fromkeys(
        ("2026", "dangling.wav", "loop", "passwd.wav"), Fault.NOT_PLAIN
    )
    for name in ("passwd.wav", "dangling.wav"):
        with pytest.raises(BadRecording):
            Tree(root).open((name,))
    with pytest.raises(BadRecording):
        Tree(root).open(("2026", "secret.wav"))


def test_a_link_that_takes_a_folders_place_after_the_look_leads_nowhere(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "2026").mkdir(parents=True)
    (root / "2026" / "a.wav").write_bytes(b"ours")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a.wav").write_bytes(b"secret")
    tree = Tree(root)
    (file,) = [item for item in tree.walk() if isinstance(item, Found)]
    (root / "2026").rename(root / "moved")
    (root / "2026").symlink_to(outside)
    with pytest.raises(BadRecording, match="symbolic link"):
        tree.open(file.parts)


def test_devices_pipes_and_sockets_are_named_and_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s.wav"))
        assert refused(tmp_path) == {"pipe.wav": Fault.NOT_PLAIN, "s.wav": Fault.NOT_PLAIN}
    with pytest.raises(BadRecording, match="not a plain file"):
        Tree(tmp_path).open(("pipe.wav",))


def test_a_folder_that_is_called_like_audio_is_looked_into(tmp_path: Path) -> None:
    (tmp_path / "x.wav").mkdir()
    (tmp_path / "x.wav" / "y.wav").write_bytes(b"y")
    assert found(tmp_path) == ["x.wav/y.wav"]


def test_a_folder_that_vanishes_is_named_and_the_rest_is_found(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    (tmp_path / "0.wav").write_bytes(b"0")
    (tmp_path / "b" / "b.wav").write_bytes(b"b")
    walk = Tree(tmp_path).walk()
    assert isinstance(next(walk), Found)
    (tmp_path / "a").rmdir()
    rest = {item.where: item for item in walk}
    assert isinstance(rest["b/b.wav"], Found)
    assert isinstance(rest["a"], Refusal)
    assert "vanished" in rest["a"].reason


def test_a_file_that_vanishes_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"a")
    tree = Tree(tmp_path)
    (tmp_path / "a.wav").unlink()
    with pytest.raises(BadRecording, match="vanished"):
        tree.open(("a.wav",))


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_what_may_not_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0)
    (tmp_path / "a.wav").write_bytes(b"a")
    (tmp_path / "a.wav").chmod(0)
    assert refused(tmp_path) == {"closed": Fault.UNREADABLE}
    with pytest.raises(BadRecording, match="permission"):
        Tree(tmp_path).open(("a.wav",))
    (tmp_path / "closed").chmod(0o700)


def test_folders_nested_too_deep_are_named(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["d"] * (MAX_DEPTH + 1))
    deep.mkdir(parents=True)
    assert list(refused(tmp_path).values()) == [Fault.NOT_PLAIN]


def test_names_of_any_bytes_are_found_and_printed_safely(tmp_path: Path) -> None:
    names = [b"new\nline.wav", b"\xff\xfe.wav", b"\x1b[31mred.wav", "zażółć.wav".encode(), b"a\\b"]
    for name in names:
        (tmp_path / os.fsdecode(name)).write_bytes(name)
    tree = Tree(tmp_path)
    files = [item for item in tree.walk() if isinstance(item, Found)]
    assert sorted(file.where for file in files) == sorted(
        ["new\\nline.wav", "\\xff\\xfe.wav", "\\x1b[31mred.wav", "zażółć.wav", "a\\b"]
    )
    for file in files:
        with tree.open(file.parts) as stream:
            assert stream.read() == os.fsencode(file.name)


@pytest.mark.parametrize("text", ["a\u202eb", "a\u2028b", "a\x00b", "a\ud800b", "a\x7fb"])
def test_printable_text_has_no_character_that_moves_others(text: str) -> None:
    assert printable(text).isprintable()
    assert printable(text).encode()


def test_a_root_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for root in (tmp_path / "file", tmp_path / "none"):
        with pytest.raises(Misconfigured, match="folder to import from"):
            Tree(root)
