"""A folder with a manifest: which audio is taken, and what is said of the rest."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from callreel.errors import BadRecording, Misconfigured
from callreel.importers.items import Candidate, Fault, Item, Refusal, Row, RowUse
from callreel.importers.manifest.importer import Manifest
from callreel.importers.manifest.lines import MAX_LINE
from callreel.importers.source import Source
from callreel.importers.tree import Found
from importers.manifests import SOUND, STARTED_AT, items, line, put, put_lines

SHA256 = hashlib.sha256(SOUND).hexdigest()


def shape(found: list[Item]) -> list[tuple[str, str]]:
    """Return where each item is and what it is."""
    return [
        (each.where, each.fault.value if isinstance(each, Refusal)
         else each.use.value if isinstance(each, Row) else "candidate")
        for each in found
    ]  # fmt: skip


def only_candidate(found: list[Item]) -> Candidate:
    (candidate,) = (each for each in found if isinstance(each, Candidate))
    return candidate


def read(candidate: Candidate) -> bytes:
    with candidate.open() as stream:
        return b"".join(iter(lambda: stream.read(1 << 16), b""))


@pytest.mark.parametrize("sha256", [None, SHA256, SHA256.upper()])
def test_a_recording_is_told_with_all_that_an_import_needs(
    tmp_path: Path, sha256: str | None
) -> None:
    put_lines(tmp_path, line("2026/a.wav", sha256=sha256, agent="101", queue="700"))
    path = put(tmp_path, "2026/a.wav")
    found = items(tmp_path)
    assert shape(found) == [("manifest.jsonl:1", "joined"), ("2026/a.wav", "candidate")]
    candidate = only_candidate(found)
    assert (candidate.native_id, candidate.native_time) == ("1772438405.10", STARTED_AT)
    assert (candidate.agent, candidate.queue, candidate.source) == ("101", "700", "manifest")
    assert (candidate.original_name, candidate.size) == ("a.wav", len(SOUND))
    assert candidate.path == (path.resolve() if sha256 is None else None)
    assert read(candidate) == SOUND


def test_audio_with_another_digest_cannot_be_read(tmp_path: Path) -> None:
    put_lines(tmp_path, line(sha256="00" * 32))
    put(tmp_path, "a.wav")
    with pytest.raises(BadRecording, match="not the one whose digest"):
        read(only_candidate(items(tmp_path)))


def test_every_line_and_every_file_is_spoken_of(tmp_path: Path) -> None:
    put_lines(
        tmp_path, line("1.wav"), "", "{", line(None, end_cause="busy"), line("gone.wav"),
        line("./sub/2.wav"), "   ", line("empty.wav"), line("x" * MAX_LINE), line("1.wav"),
    )  # fmt: skip
    put(tmp_path, "1.wav")
    put(tmp_path, "sub/2.wav")
    put(tmp_path, "empty.wav", b"")
    put(tmp_path, "stray.wav")
    assert shape(items(tmp_path)) == [
        ("manifest.jsonl:1", "joined"), ("1.wav", "candidate"),
        ("manifest.jsonl:3", "bad_row"), ("manifest.jsonl:4", "unrecorded"),
        ("manifest.jsonl:5", "no_audio"),
        ("manifest.jsonl:6", "joined"), ("sub/2.wav", "candidate"),
        ("manifest.jsonl:8", "joined"), ("empty.wav", "empty"), ("manifest.jsonl:9", "bad_row"),
        ("manifest.jsonl:10", "joined"), ("1.wav", "candidate"),
        ("stray.wav", "no_call"),
    ]  # fmt: skip


def test_a_call_without_audio_is_told_with_its_people(tmp_path: Path) -> None:
    put_lines(tmp_path, line(None, agent="101", queue="700", end_cause="no-answer"))
    (found,) = items(tmp_path)
    assert isinstance(found, Row)
    assert found.call is not None
    assert (found.use, found.call.end_cause) == (RowUse.UNRECORDED, "no-answer")
    assert (found.agent, found.queue) == ("101", "700")


@pytest.mark.parametrize(
    "audio",
    [
        "../a.wav",
        "/etc/passwd",
        "sub/../../a.wav",
        "sub//a.wav",
        "..",
        ".",
        "./",
        "a\0.wav",
        "sub/",
    ],
)
def test_a_path_that_leads_elsewhere_is_refused(tmp_path: Path, audio: str) -> None:
    put(tmp_path, "a.wav")
    root = tmp_path / "root"
    put_lines(root, line(audio))
    (found,) = items(root)
    assert found == Refusal(
        "manifest.jsonl:1", Fault.BAD_ROW, "The field audio is no path below the folder."
    )


@pytest.mark.parametrize("is_folder", [False, True])
def test_a_link_is_not_followed(tmp_path: Path, is_folder: bool) -> None:
    put(tmp_path, "outside/a.wav")
    root = tmp_path / "root"
    put_lines(root, line("link/a.wav" if is_folder else "link"))
    (root / "link").symlink_to(tmp_path / "outside" / ("" if is_folder else "a.wav"))
    assert shape(items(root)) == [("manifest.jsonl:1", "no_audio"), ("link", "not_plain")]


def test_a_folder_is_no_audio(tmp_path: Path) -> None:
    put_lines(tmp_path, line("sub"))
    put(tmp_path, "sub/manifest.wav")
    assert shape(items(tmp_path))[0] == ("manifest.jsonl:1", "no_audio")


@pytest.mark.parametrize("place", ["elsewhere/lines.jsonl", "root/sub/lines.jsonl", "root/l.json"])
def test_the_manifest_may_be_another_file(tmp_path: Path, place: str) -> None:
    root = tmp_path / "root"
    put(root, "a.wav")
    records = put_lines(tmp_path, line(), name=place)
    name = Path(place).name
    assert shape(items(root, records)) == [(f"{name}:1", "joined"), ("a.wav", "candidate")]


def test_a_manifest_that_is_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="There is no such manifest"):
        items(tmp_path, tmp_path / "nowhere.jsonl")
    with pytest.raises(Misconfigured, match="cannot be read: is a directory"):
        items(tmp_path, tmp_path)


def test_audio_is_told_by_a_file_beside_it(tmp_path: Path) -> None:
    put(tmp_path, "sub/a.wav")
    put_lines(tmp_path, line(None), name="sub/a.wav.json")
    found = items(tmp_path)
    assert shape(found) == [("sub/a.wav.json", "joined"), ("sub/a.wav", "candidate")]
    assert read(only_candidate(found)) == SOUND


@pytest.mark.parametrize("audio", ["a.wav", "./a.wav"])
def test_a_file_beside_audio_may_name_it(tmp_path: Path, audio: str) -> None:
    put(tmp_path, "a.wav")
    put_lines(tmp_path, line(audio, sha256=SHA256), name="a.wav.json")
    assert read(only_candidate(items(tmp_path))) == SOUND


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "This is no sound JSON."),
        (line("b.wav"), "It names other audio than lies beside it."),
        (line(None, direction="x"), "none of the values"),
        (" " * (MAX_LINE + 1), "It is longer than"),
    ],
)
def test_a_file_beside_audio_that_is_of_no_use_is_refused_with_it(
    tmp_path: Path, text: Any, says: str
) -> None:
    put(tmp_path, "a.wav")
    put_lines(tmp_path, text, name="a.wav.json")
    row, audio = items(tmp_path)
    assert isinstance(row, Refusal)
    assert isinstance(audio, Refusal)
    assert (row.where, row.fault) == ("a.wav.json", Fault.BAD_ROW)
    assert (audio.where, audio.fault) == ("a.wav", Fault.BAD_CALL)
    assert says in row.reason
    assert says in audio.reason


def test_a_line_of_the_manifest_goes_before_a_file_beside(tmp_path: Path) -> None:
    put(tmp_path, "a.wav")
    put_lines(tmp_path, line("a.wav", dialog_id="manifest"))
    put_lines(tmp_path, line(None, dialog_id="beside"), name="a.wav.json")
    assert only_candidate(items(tmp_path)).native_id == "manifest"


def test_a_file_without_the_audio_beside_it_is_refused(tmp_path: Path) -> None:
    put_lines(tmp_path, line(None), name="a.wav.json")
    assert shape(items(tmp_path)) == [("a.wav.json", "no_audio")]


def test_what_was_just_written_is_left_for_later(tmp_path: Path) -> None:
    put_lines(tmp_path, line("1.wav"), line("2.wav"))
    put(tmp_path, "1.wav", age=1)
    put(tmp_path, "2.wav", age=100)
    put(tmp_path, "3.wav", age=1)
    put(tmp_path, "4.wav", age=100)
    put_lines(tmp_path, line(None), name="4.wav.json", age=1)
    put_lines(tmp_path, line(None), name="5.wav.json", age=1)
    assert shape(items(tmp_path)) == [
        ("manifest.jsonl:1", "joined"), ("1.wav", "growing"),
        ("manifest.jsonl:2", "joined"), ("2.wav", "candidate"),
        ("3.wav", "growing"), ("4.wav", "growing"), ("4.wav.json", "growing"),
        ("5.wav.json", "growing"),
    ]  # fmt: skip


def test_a_line_that_is_being_written_is_left_for_later(tmp_path: Path) -> None:
    whole = put_lines(tmp_path, line("1.wav"), age=1)
    put(tmp_path, "1.wav")
    put(tmp_path, "2.wav")
    with whole.open("ab") as file:
        file.write(b'{"audio": "2.w')
    expected = [("manifest.jsonl:1", "joined"), ("1.wav", "candidate"),
                ("manifest.jsonl:2", "growing"), ("2.wav", "growing")]  # fmt: skip
    assert shape(items(tmp_path)) == expected
    assert shape(items(tmp_path, settle=0))[2:] == [
        ("manifest.jsonl:2", "bad_row"), ("2.wav", "no_call")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("news", "expected"),
    [
        ({"manifest.jsonl"}, ["manifest.jsonl:1", "1.wav", "manifest.jsonl:2"]),
        ({"1.wav"}, ["manifest.jsonl:1", "1.wav"]),
        ({"2.wav"}, ["2.wav.json", "2.wav"]),
        ({"2.wav.json"}, ["2.wav.json", "2.wav"]),
        ({"2.wav", "2.wav.json"}, ["2.wav.json", "2.wav"]),
        ({"3.wav"}, ["3.wav"]),
        (set(), []),
    ],
)
def test_only_news_is_spoken_of(tmp_path: Path, news: set[str], expected: list[str]) -> None:
    put_lines(tmp_path, line("1.wav"), line(None))
    for name in ("1.wav", "2.wav", "3.wav"):
        put(tmp_path, name)
    put_lines(tmp_path, line(None), name="2.wav.json")
    importer = Manifest(Source(root=tmp_path, is_news=lambda found: found.name in news))
    assert [each.where for each in importer.items()] == expected


def test_files_are_counted_and_read_again(tmp_path: Path) -> None:
    put_lines(tmp_path, line("1.wav"))
    put(tmp_path, "1.wav")
    importer = Manifest(Source(root=tmp_path))
    assert importer.count() == 2
    assert [*map(type, importer.items())] == [*map(type, importer.items())] == [Row, Candidate]


@pytest.mark.parametrize("length", [MAX_LINE - 1, MAX_LINE, MAX_LINE + 1])
def test_a_line_may_be_long_but_not_too_long(tmp_path: Path, length: int) -> None:
    text = '{"x": "' + "a" * (length - 9)
    path = put_lines(tmp_path, text + '"}', line(None))
    assert len(path.read_bytes().splitlines()[0]) == length
    first, second = items(tmp_path)
    assert isinstance(first, Refusal)
    assert ("longer than" in first.reason) is (length > MAX_LINE)
    assert second.where == "manifest.jsonl:2"


def test_a_manifest_that_can_no_longer_be_read_is_told(
    tmp_path: Path,
) -> None:
    put_lines(tmp_path, line(None))
    importer = Manifest(Source(root=tmp_path))

    path = tmp_path / "manifest.jsonl"
    path.unlink()
    path.mkdir()
    with pytest.raises(Misconfigured, match="is a directory"):
        list(importer.items())
    with pytest.raises(Misconfigured, match="can no longer be read"):
        items(tmp_path, Path("/proc/self/mem"))  # opens well, but nothing is at its beginning


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_either_end_of_a_line_is_taken(tmp_path: Path, line_end: str) -> None:
    path = put_lines(tmp_path, line(None), line(None))
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", line_end.encode()))
    os.utime(path, (1, 1))
    assert [type(each) for each in items(tmp_path)] == [Row, Row]


def test_audio_of_the_same_name_in_another_folder_is_another(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        put(tmp_path, f"{folder}/1.wav")
        put_lines(tmp_path, line(None), name=f"{folder}/1.wav.json")
    unseen = ("b", "1.wav")
    importer = Manifest(Source(root=tmp_path, is_news=lambda found: found.parts != unseen))
    assert [each.where for each in importer.items() if isinstance(each, Candidate)] == [
        "a/1.wav",
        "b/1.wav",
    ]


def test_it_is_asked_of_each_file_whether_it_is_news(tmp_path: Path) -> None:
    put_lines(tmp_path, line("1.wav"))
    put(tmp_path, "1.wav")
    asked: set[str] = set()

    def is_news(found: Found) -> bool:
        asked.add(found.where)
        return found.name == "manifest.jsonl"

    importer = Manifest(Source(root=tmp_path, is_news=is_news))
    told = importer.items()
    assert [next(told).where, next(told).where] == ["manifest.jsonl:1", "1.wav"]
    assert asked == {"manifest.jsonl", "1.wav"}
