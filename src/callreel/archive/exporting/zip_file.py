"""A ZIP, written from its beginning to its end (APPNOTE.TXT 6.3.10), members stored as they are.

The standard library's writer keeps all that it wrote in memory and, into a pipe, marks members in
a way that many readers refuse to stream (stored, with their length behind them). Here the length
and the CRC of a member are known before it is written, and the index lies in a file until the end.
Zip64 is used where a number needs it, so there is no limit to members or bytes.
"""

from __future__ import annotations

import struct
import time
from typing import Final

from callreel.archive.exporting import Draft
from callreel.archive.exporting.members import Member, pieces_of

INDEX: Final = "index"
ENTRIES: Final = "entries"
MOST_16: Final = 0xFFFF
MOST_32: Final = 0xFFFFFFFF

_UTF_8: Final = 0x0800
_STORED: Final = 0
_PLAIN, _ZIP64 = 20, 45
_MADE_ON_UNIX: Final = 3 << 8 | _ZIP64
_REGULAR_FILE: Final = 0o100644 << 16
_EARLIEST: Final = (1980, 1, 1, 0, 0, 0)
_LATEST: Final = (2107, 12, 31, 23, 59, 58)


class ZipContainer:
    """Writes a ZIP into a draft, and its index beside it until the end."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft

    def add(self, member: Member) -> None:
        offset = self._draft.main.size
        self._draft.main.write(local_header(member))
        for piece in member.pieces():
            self._draft.main.write(piece)
        self._draft.side(INDEX).write(index_entry(member, offset))
        numbers = self._draft.numbers
        numbers[ENTRIES] = numbers.get(ENTRIES, 0) + 1

    def finish(self) -> None:
        main, size = self._draft.main, self._draft.side(INDEX).size
        offset = main.size
        with self._draft.read_side(INDEX) as index:
            for piece in pieces_of(index):
                main.write(piece)
        main.write(ending(self._draft.numbers.get(ENTRIES, 0), size, offset))


def local_header(member: Member) -> bytes:
    """Return what stands before a member (4.3.7)."""
    extra = b""
    size, needed = member.size, _PLAIN
    if size >= MOST_32:
        extra, size, needed = struct.pack("<HHQQ", 1, 16, size, size), MOST_32, _ZIP64
    name = member.name.encode()
    fields = (0x04034B50, needed, _UTF_8, _STORED, *_moment(member.modified_at), member.crc)
    return struct.pack("<IHHHHHIIIHH", *fields, size, size, len(name), len(extra)) + name + extra


def index_entry(member: Member, offset: int) -> bytes:
    """Return a member's entry in the index (4.3.12).

    Args:
        member: The member.
        offset: Where its local header begins.
    """
    size = member.size
    large = [size, size] if size >= MOST_32 else []
    if offset >= MOST_32:
        large.append(offset)
    extra = struct.pack(f"<HH{len(large)}Q", 1, 8 * len(large), *large) if large else b""
    name = member.name.encode()
    needed = _ZIP64 if large else _PLAIN
    fields = (0x02014B50, _MADE_ON_UNIX, needed, _UTF_8, _STORED, *_moment(member.modified_at))
    sizes = (member.crc, min(size, MOST_32), min(size, MOST_32), len(name), len(extra))
    rest = (0, 0, 0, _REGULAR_FILE, min(offset, MOST_32))
    return struct.pack("<IHHHHHHIIIHHHHHII", *fields, *sizes, *rest) + name + extra


def ending(entries: int, size: int, offset: int) -> bytes:
    """Return what ends a ZIP (4.3.14 to 4.3.16).

    Args:
        entries: How many members there are.
        size: The length of the index.
        offset: Where it begins.
    """
    capped = min(entries, MOST_16)
    end = struct.pack(
        "<IHHHHIIH", 0x06054B50, 0, 0, capped, capped, min(size, MOST_32), min(offset, MOST_32), 0
    )
    if entries < MOST_16 and size < MOST_32 and offset < MOST_32:
        return end
    versions = (_MADE_ON_UNIX, _ZIP64)
    record = struct.pack(
        "<IQHHIIQQQQ", 0x06064B50, 44, *versions, 0, 0, entries, entries, size, offset
    )
    locator = struct.pack("<IIQI", 0x07064B50, 0, offset + size, 1)
    return record + locator + end


def _moment(seconds: int) -> tuple[int, int]:
    """Return a time as MS-DOS wrote it, in UTC: time, then date."""
    found = max(_EARLIEST, min(_LATEST, tuple(time.gmtime(seconds)[:6])))
    year, month, day, hour, minute, second = found
    return hour << 11 | minute << 5 | second // 2, year - 1980 << 9 | month << 5 | day
