"""Audio in a ZIP, a tar and a folder."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from callreel.archive import delete
from callreel.archive.exporting.names import audio_file_name, stem_of
from exporting.exports import Exports
from house import CALL, EVERYTHING, sound

Files = dict[str, bytes]


def in_zip(path: Path) -> Files:
    with zipfile.ZipFile(path) as found:
        assert found.testzip() is None
        return {name: found.read(name) for name in found.namelist()}


def in_tar(path: Path) -> Files:
    files = {}
    with tarfile.open(path) as found:
        for member in found:
            opened = found.extractfile(member)
            assert opened is not None
            files[member.name] = opened.read()
    return files


def in_folder(path: Path) -> Files:
    return {
        each.relative_to(path).as_posix(): each.read_bytes()
        for each in path.rglob("*")
        if each.is_file()
    }


READERS: dict[str, Callable[[Path], Files]] = {"zip": in_zip, "tar": in_tar, "folder": in_folder}


def manifest(files: Files) -> list[dict[str, Any]]:
    return [json.loads(line) for line in files["manifest.jsonl"].splitlines()]


def take_in(exports: Exports, count: int = 3) -> list[bytes]:
    sounds = [sound(number + 1) for number in range(count)]
    for number, each in enumerate(sounds):
        call = replace(CALL, dialog_id=f"d-{number}", started_at=CALL.started_at + number)
        exports.house.take_in(call, each, recording_id=f"R:{number}")
    return sounds


def place_of(exports: Exports, audio: bytes) -> Path:
    digest = hashlib.sha256(audio).hexdigest()
    return exports.house.root / "1" / digest[:2] / digest


@pytest.mark.parametrize("name", list(READERS))
def test_audio_is_exported_byte_for_byte_with_a_manifest_and_digests(
    exports: Exports, name: str
) -> None:
    sounds = take_in(exports)
    files = READERS[name](exports.make(name))
    listed = exports.listed()
    found = manifest(files)
    assert [each["recording"] for each in found] == listed
    assert [files[each["audio"]] for each in found] == sounds
    assert [each.get("error") for each in found] == [None] * 3
    assert all(each["audio"].startswith("audio/") for each in found)
    sums = dict(line.split("  ")[::-1] for line in files["SHA256SUMS"].decode().splitlines())
    assert sums == {
        path: hashlib.sha256(content).hexdigest()
        for path, content in files.items()
        if path != "SHA256SUMS"
    }


@pytest.mark.parametrize("name", list(READERS))
def test_audio_that_is_missing_or_damaged_is_told_of_and_ends_nothing(
    exports: Exports, name: str
) -> None:
    sounds = take_in(exports, 4)
    place_of(exports, sounds[0]).unlink()
    damaged = place_of(exports, sounds[1])
    damaged.chmod(0o600)
    damaged.write_bytes(bytes(len(sounds[1])))
    unreadable = place_of(exports, sounds[2])
    unreadable.unlink()
    unreadable.mkdir()
    files = READERS[name](exports.make(name))
    found = manifest(files)
    reasons = ["The audio is missing.", "The audio is not what was taken in."]
    assert [each.get("error") for each in found] == [*reasons, "The audio is missing.", None]
    assert ["audio" not in each for each in found] == [True, True, True, False]
    assert [each["recording"]["dialog_uuid"] for each in found] == ["d-0", "d-1", "d-2", "d-3"]
    assert len(files) == 3


def test_a_recording_that_is_deleted_meanwhile_is_told_of(
    exports: Exports, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_in(exports, 2)
    catalog = exports.house.archive.catalog
    page = catalog.page

    async def page_and_delete(*arguments: Any) -> Any:
        found = await page(*arguments)
        await delete.one(exports.house.archive, EVERYTHING, "R:0")
        return found

    monkeypatch.setattr(catalog, "page", page_and_delete)
    found = manifest(in_zip(exports.make("zip")))
    assert [each.get("error") for each in found] == ["The recording was deleted meanwhile.", None]


def test_other_programs_read_it(exports: Exports) -> None:
    take_in(exports)
    folder = exports.make("folder", target="folder")
    archives = {"unzip": ["-tq", exports.make("zip", target="a.zip")]}
    archives["tar"] = ["-tf", exports.make("tar", target="a.tar")]
    for program, arguments in archives.items():
        if shutil.which(program):
            subprocess.run([program, *map(str, arguments)], check=True, capture_output=True)
    if shutil.which("sha256sum"):
        ran = subprocess.run(
            ["sha256sum", "--strict", "-c", "SHA256SUMS"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
        )
        assert ran.stdout.count(": OK\n") == 4


@pytest.mark.parametrize("name", ["zip", "tar"])
def test_an_export_of_nothing_is_whole(exports: Exports, name: str) -> None:
    files = READERS[name](exports.make(name))
    assert files["manifest.jsonl"] == b""
    assert list(files) == ["manifest.jsonl", "SHA256SUMS"]


@pytest.mark.parametrize(
    ("recording_id", "stem"),
    [
        ("0191f3a4-5c00-8d2e-9b1f-3c5a7e9d1b24", "0191f3a4-5c00-8d2e-9b1f-3c5a7e9d1b24"),
        ("a:b", "a+b"),
        (".hidden", "=.hidden"),
        ("...", "=..."),
        ("-rf", "=-rf"),
        ("~root", "=~root"),
        ("con", "=con"),
        ("nul.1", "=nul.1"),
        ("lpt1", "=lpt1"),
        ("console", "console"),
    ],
)
def test_a_name_inside_is_safe_on_every_system(recording_id: str, stem: str) -> None:
    assert stem_of(recording_id) == stem


def test_two_ids_stay_two_names_where_capitals_count_for_nothing() -> None:
    names = {stem_of(each).lower() for each in ("REC-1", "rec-1", "Rec-1", "rec:1", "r.ec-1")}
    assert len(names) == 5


def test_the_extension_says_what_the_bytes_are() -> None:
    assert audio_file_name("a", "audio/mpeg") == "a.mp3"
    assert audio_file_name("a", "audio/ogg; codecs=opus") == "a.ogg"
    assert audio_file_name("a", "application/x-unheard-of") == "a.bin"
