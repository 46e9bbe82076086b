"""The ZIP writer at its bounds, read back by the standard library."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from callreel.archive.exporting import zip_file
from callreel.archive.exporting.members import Member
from callreel.archive.exporting.pipe import PipeDraft
from callreel.archive.exporting.zip_file import ZipContainer, ending, index_entry, local_header

NOON = int(datetime(2026, 3, 2, 12, 0, 6, tzinfo=UTC).timestamp())


def member(name: str, content: bytes = b"", at: int = NOON) -> Member:
    return Member(name, len(content), zlib.crc32(content), at, lambda: [content])


def zipped(*members: Member) -> zipfile.ZipFile:
    stream = io.BytesIO()
    with PipeDraft(stream) as draft:
        container = ZipContainer(draft)
        for each in members:
            container.add(each)
        container.finish()
        draft.finish()
    return zipfile.ZipFile(stream)


def test_members_keep_their_names_bytes_and_times() -> None:
    found = zipped(member("a/zażółć.wav", b"one"), member("b", b""), member("c", bytes(70_000)))
    assert found.testzip() is None
    assert [found.read(name) for name in found.namelist()] == [b"one", b"", bytes(70_000)]
    (first, *_) = found.infolist()
    assert first.filename == "a/zażółć.wav"
    assert first.date_time == (2026, 3, 2, 12, 0, 6)
    assert first.external_attr >> 16 == 0o100644


@pytest.mark.parametrize(
    ("at", "shown"), [(0, (1980, 1, 1, 0, 0, 0)), (1 << 33, (2107, 12, 31, 23, 59, 58))]
)
def test_a_time_that_a_zip_cannot_say_is_the_nearest(at: int, shown: tuple[int, ...]) -> None:
    assert zipped(member("a", at=at)).infolist()[0].date_time == shown


@pytest.mark.parametrize("count", [65_535, 65_536])
def test_more_members_than_16_bits_can_count(count: int) -> None:
    found = zipped(*(member(f"{number}") for number in range(count)))
    assert len(found.infolist()) == count
    assert found.infolist()[-1].filename == str(count - 1)


def test_lengths_and_places_of_more_than_32_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    # With a low bound everything that would need Zip64 is small enough to be really written.
    monkeypatch.setattr(zip_file, "MOST_32", 1003)
    contents = [b"a" * 900, b"b" * 1500, b"c" * 2000, b""]
    stream = io.BytesIO()
    with PipeDraft(stream) as draft:
        container = ZipContainer(draft)
        for number, content in enumerate(contents):
            container.add(member(str(number), content))
        container.finish()
    # Readers know the true bound: say it where the lower one stands.
    low, high = struct.pack("<I", 1003), struct.pack("<I", 0xFFFFFFFF)
    found = zipfile.ZipFile(io.BytesIO(stream.getvalue().replace(low, high)))
    assert [found.read(name) for name in found.namelist()] == contents


def test_zip64_is_used_exactly_where_a_number_needs_it() -> None:
    large = Member("a", 0xFFFFFFFF, 1, NOON, list)
    small = Member("a", 0xFFFFFFFE, 1, NOON, list)
    assert len(local_header(small)) == 30 + 1
    assert len(local_header(large)) == 30 + 1 + 20
    assert len(index_entry(small, 0xFFFFFFFE)) == 46 + 1
    assert len(index_entry(small, 0xFFFFFFFF)) == 46 + 1 + 12
    assert len(index_entry(large, 5)) == 46 + 1 + 20
    assert len(index_entry(large, 1 << 40)) == 46 + 1 + 28
    assert len(ending(0xFFFE, 10, 10)) == 22
    assert len(ending(0xFFFF, 10, 10)) == 22 + 56 + 20
    assert len(ending(1, 10, 0xFFFFFFFF)) == 22 + 56 + 20


def test_a_sparse_member_above_4_gib_is_read_back(tmp_path: Path) -> None:
    # The bytes are a hole in the file: only what surrounds them is really there.
    size, path = (1 << 32) + 5, tmp_path / "large.zip"
    large = Member("large", size, 0, NOON, list)
    entries = index_entry(large, 0)
    header = local_header(large)
    offset = len(header) + size
    tail = member("tail", b"end")
    with path.open("wb") as file:
        file.write(header)
        file.seek(offset)
        file.write(local_header(tail) + b"end")
        entries += index_entry(tail, offset)
        begin = file.tell()
        file.write(entries + ending(2, len(entries), begin))
    with zipfile.ZipFile(path) as found:
        assert found.getinfo("large").file_size == size
        assert found.read("tail") == b"end"
