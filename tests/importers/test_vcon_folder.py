"""A folder of vCons: several dialogs in one, audio beside them, and what else lies about."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from callreel.errors import BadRecording, Misconfigured
from callreel.importers.items import Candidate, Fault, Refusal, Row, RowUse
from callreel.importers.source import Source
from callreel.importers.tree import Tree
from callreel.importers.vcon import container
from callreel.importers.vcon.importer import Vcon
from importers.monitor import LONG_AGO, wav
from importers.vcons import (
    SOUND,
    UUID,
    hash_of,
    items,
    only,
    outside,
    put,
    recording,
    sound_of,
    vcon,
)

TRANSFER = {"type": "transfer", "transferee": 0, "transferor": 1, "original": 0}
TEXT = {"type": "text", "start": "2026-03-02T09:00:00Z", "parties": [0], "body": "Hej"}
SET = {"type": "recording-set", "recordings": [0, 1]}
INCOMPLETE = {"type": "incomplete", "start": "2026-03-02T08:59:00Z", "parties": [0, 1],
              "disposition": "busy"}  # fmt: skip
UNTAKEN = "By its name this is no vCon, and no vCon beside it names it."


def touch(path: Path, age: float = 0) -> None:
    written = time.time() - age
    os.utime(path, (written, written))


def test_every_dialog_gets_one_item(tmp_path: Path) -> None:
    dialogs = [recording(), INCOMPLETE, TEXT, recording(wav(60)), TRANSFER, SET, {},
               {"type": "hologram"}, {"start": "x"}]  # fmt: skip
    put(tmp_path, vcon(*dialogs))
    found = items(tmp_path)
    assert [each.where for each in found] == [f"call.vcon, dialog {n}" for n in range(9)]
    kinds = [Candidate, Row, Row, Candidate, Row, Row, Row, Refusal, Refusal]
    assert [type(each) for each in found] == kinds
    first, second = (each for each in found if isinstance(each, Candidate))
    assert (sound_of(first), sound_of(second)) == (SOUND, wav(60))
    assert (first.native_id, second.native_id) == (f"{UUID}/0", f"{UUID}/3")
    uses = [each.use for each in found if isinstance(each, Row)]
    assert uses == [RowUse.UNRECORDED, *[RowUse.JOINED] * 4]


@pytest.mark.parametrize("dialog", [TEXT, TRANSFER, SET, {}])
def test_a_dialog_without_sound_is_of_no_recording_where_there_is_none(
    tmp_path: Path, dialog: dict[str, Any]
) -> None:
    put(tmp_path, vcon(dialog))
    assert only(tmp_path) == Row("call.vcon", RowUse.UNRECORDED)


@pytest.mark.parametrize("kind", [None, "Recording", 7, "call"])
def test_a_dialog_of_an_unknown_type_is_a_refused_row(tmp_path: Path, kind: Any) -> None:
    put(tmp_path, vcon(recording(type=kind)))
    reason = "The type of the dialog is not known here."
    assert only(tmp_path) == Refusal("call.vcon", Fault.BAD_ROW, reason)


@pytest.mark.parametrize(
    "name", ["a.vcon", "a.vcon.json", "a.json", "A.VCON", "b/c/a.vcon", "ż\udcff.vcon"]
)
def test_a_vcon_is_told_by_its_name_at_any_depth(tmp_path: Path, name: str) -> None:
    put(tmp_path, vcon(recording()), name)
    assert isinstance(only(tmp_path), Candidate)


@pytest.mark.parametrize(
    ("name", "fault"),
    [("a.wav", Fault.NO_CALL), ("a.OGG", Fault.NO_CALL), ("a.vcon.txt", Fault.NOT_AUDIO),
     ("vcon", Fault.NOT_AUDIO), ("a.vcon~", Fault.NOT_AUDIO), ("a.vcon.part", Fault.NOT_AUDIO)],
)  # fmt: skip
def test_what_no_vcon_names_is_refused(tmp_path: Path, name: str, fault: Fault) -> None:
    put(tmp_path, SOUND, name)
    assert only(tmp_path) == Refusal(name, fault, UNTAKEN)


@pytest.mark.parametrize(
    "url", ["call.wav", "./call.wav", "file:call.wav", "file:///export/2026/call.wav",
            "file://localhost/c%61ll.wav"],
)  # fmt: skip
@pytest.mark.parametrize("folder", ["", "2026/03/"])
@pytest.mark.parametrize("is_hashed", [False, True])
def test_audio_beside_a_vcon_is_taken_with_it(
    tmp_path: Path, url: str, folder: str, is_hashed: bool
) -> None:
    put(tmp_path, vcon(outside(url, hash_of(SOUND) if is_hashed else None)), f"{folder}a.vcon")
    put(tmp_path, SOUND, f"{folder}call.wav")
    found = only(tmp_path)
    assert isinstance(found, Candidate)
    assert (found.where, found.original_name) == (f"{folder}a.vcon", "call.wav")
    assert sound_of(found) == SOUND


def test_audio_beside_that_is_another_cannot_be_read(tmp_path: Path) -> None:
    put(tmp_path, vcon(outside("call.wav", [hash_of(SOUND, "sha256"), hash_of(b"x")])))
    put(tmp_path, SOUND, "call.wav")
    found = only(tmp_path)
    assert isinstance(found, Candidate)
    with pytest.raises(BadRecording, match="not the one whose digest"):
        sound_of(found)


def test_audio_that_is_not_beside_the_vcon_cannot_be_opened(tmp_path: Path) -> None:
    put(tmp_path, vcon(outside("call.wav")))
    found = only(tmp_path)
    assert isinstance(found, Candidate)
    with pytest.raises(BadRecording, match="vanished or cannot be read"):
        found.open()


def test_a_link_beside_a_vcon_is_not_followed(tmp_path: Path) -> None:
    secret = put(tmp_path, SOUND, "elsewhere/secret.wav")
    root = tmp_path / "root"
    put(root, vcon(outside("call.wav")))
    (root / "call.wav").symlink_to(secret)
    link, found = items(root)
    assert isinstance(link, Candidate | Refusal)
    (candidate,) = (each for each in (link, found) if isinstance(each, Candidate))
    with pytest.raises(BadRecording, match="symbolic link"):
        candidate.open()


@pytest.mark.parametrize(
    "url",
    ["../call.wav", "/etc/passwd", "sub/call.wav", "..", ".", "%2e%2e/call.wav", "a%2Fb.wav",
     "file://server/share/call.wav", "//server/call.wav", "call.wav?x=1", "a%00b", "..\\call.wav",
     "file:///", "#x"],
)  # fmt: skip
def test_a_file_that_is_not_beside_the_vcon_is_not_named(tmp_path: Path, url: str) -> None:
    put(tmp_path, vcon(outside(url, hash_of(SOUND))))
    found = only(tmp_path)
    assert isinstance(found, Refusal)
    assert (found.fault, found.reason) == (
        Fault.BAD_CALL,
        "The vCon names a file that does not lie beside it.",
    )


@pytest.mark.parametrize("url", ["", "  ", None, 7, ["call.wav"]])
def test_an_address_that_is_none_is_no_audio(tmp_path: Path, url: Any) -> None:
    put(tmp_path, vcon(outside(url)))
    found = only(tmp_path)
    assert isinstance(found, Refusal)
    assert found.fault is Fault.NO_AUDIO


def test_audio_in_another_folder_than_its_vcon_is_not_of_it(tmp_path: Path) -> None:
    put(tmp_path, vcon(outside("call.wav")), "a/a.vcon")
    put(tmp_path, SOUND, "b/call.wav")
    assert [type(each) for each in items(tmp_path)] == [Candidate, Refusal]


def test_a_vcon_that_was_just_written_is_left_with_what_lies_beside_it(tmp_path: Path) -> None:
    touch(put(tmp_path, vcon(outside("call.wav"))))
    put(tmp_path, SOUND, "call.wav")
    found = items(tmp_path)
    assert [(each.where, each.fault) for each in found if isinstance(each, Refusal)] == [
        ("call.vcon", Fault.GROWING),
        ("call.wav", Fault.GROWING),
    ]


def test_a_vcon_is_left_while_its_audio_grows(tmp_path: Path) -> None:
    put(tmp_path, vcon(recording(), outside("call.wav")))
    touch(put(tmp_path, SOUND, "call.wav"))
    found = only(tmp_path)
    assert isinstance(found, Refusal)
    assert (found.where, found.fault) == ("call.vcon", Fault.GROWING)


def test_a_file_that_was_just_written_may_still_be_named(tmp_path: Path) -> None:
    touch(put(tmp_path, SOUND, "call.wav"))
    found = only(tmp_path)
    assert isinstance(found, Refusal)
    assert found.fault is Fault.GROWING


@pytest.mark.parametrize(("content", "fault"), [(b"", Fault.EMPTY), (b"{", Fault.BROKEN)])
def test_a_file_that_is_no_vcon_is_refused(tmp_path: Path, content: bytes, fault: Fault) -> None:
    put(tmp_path, content)
    found = only(tmp_path)
    assert isinstance(found, Refusal)
    assert found.fault is fault


def test_a_file_that_is_too_large_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callreel.importers.vcon.importer.LARGEST", 1 << 20)
    path = put(tmp_path, vcon(recording()))
    with path.open("r+b") as file:
        file.truncate((1 << 20) + 1)
    os.utime(path, (LONG_AGO, LONG_AGO))
    found = only(tmp_path)
    assert isinstance(found, Refusal)
    assert found.reason == "A vCon file may have 1 MiB at most."
    assert container.LARGEST == 1 << 30


def test_one_bad_vcon_does_not_stop_the_rest(tmp_path: Path) -> None:
    put(tmp_path, "[" * 90_000, "1.vcon")
    put(tmp_path, vcon(recording()), "2.vcon")
    (tmp_path / "3.vcon").symlink_to(tmp_path / "2.vcon")
    (tmp_path / "4.vcon").mkdir()
    os.mkfifo(tmp_path / "5.vcon")
    put(tmp_path, vcon(recording(), uuid="another"), "6.vcon")
    found = {each.where: type(each) for each in items(tmp_path)}
    assert found == {
        "1.vcon": Refusal, "2.vcon": Candidate, "3.vcon": Refusal, "5.vcon": Refusal,
        "6.vcon": Candidate,
    }  # fmt: skip


def test_only_news_is_spoken_of(tmp_path: Path) -> None:
    put(tmp_path, vcon(recording()), "1.vcon")
    put(tmp_path, vcon(recording(), uuid="another"), "2.vcon")
    source = Source(root=tmp_path, is_news=lambda found: found.name == "2.vcon")
    (found,) = Vcon(source).items()
    assert found.where == "2.vcon"


def test_files_are_counted(tmp_path: Path) -> None:
    put(tmp_path, vcon(recording(), recording()), "1.vcon")
    put(tmp_path, SOUND, "a/b.wav")
    assert Vcon(Source(root=tmp_path)).count() == 2


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured):
        Vcon(Source(root=tmp_path / "nowhere"))


def test_a_file_that_may_not_be_read_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, vcon(recording()))
    importer = Vcon(Source(root=tmp_path))
    opened = importer._tree.open

    def vanishing(parts: tuple[str, ...]) -> Any:
        (tmp_path / "call.vcon").unlink(missing_ok=True)
        return opened(parts)

    monkeypatch.setattr(importer._tree, "open", vanishing)
    (found,) = importer.items()
    assert isinstance(found, Refusal)
    assert found.fault is Fault.UNREADABLE


def test_what_is_kept_of_a_vcon_is_small(tmp_path: Path) -> None:
    """Neither the audio nor what else a vCon holds is in memory while its candidate waits."""
    import tracemalloc  # noqa: PLC0415 - it slows all that runs after it

    whole = vcon(recording(bytes(3 << 20)), analysis=[{"body": "x" * 90} for _ in range(9000)])
    put(tmp_path, whole)
    tracemalloc.start()
    try:
        found = only(tmp_path)
        kept, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert isinstance(found, Candidate)
    assert (kept < 300_000, peak < 12 << 20) == (True, True), (kept, peak)


def test_a_disk_that_fails_is_told_of_that_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, vcon(recording()))
    mem = Path("/proc/self/mem")  # opens well, but nothing is at its beginning
    monkeypatch.setattr(Tree, "open", lambda *_: mem.open("rb", buffering=0))
    found = only(tmp_path)
    assert isinstance(found, Refusal)
    assert (found.fault, found.reason) == (Fault.BROKEN, "The file cannot be read.")
