"""CSV as of RFC 4180: UTF-8, a header, commas, lines that end with CR LF.

A spreadsheet may take a cell for a formula and carry it out, so texts are guarded (`guarded`).
Docs: decisions, "Text in a CSV that a spreadsheet could carry out".
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from typing import Final

import msgspec

from callreel.api.wire import WireRecording
from callreel.archive.exporting import Draft

COLUMNS: Final = WireRecording.__struct_fields__
_DECODER: Final = msgspec.json.Decoder(WireRecording)
_E_164: Final = re.compile(r"\+[1-9][0-9]{1,14}", re.ASCII)
_FORMULA: Final = re.compile(r"(^|[;\t\r\n])(?=[ \u00a0]*[=+\-@\t\r\n\0\uff1d\uff0b\uff0d\uff20])")

Value = str | int | list[int] | None


class CsvWriter:
    """Writes CSV."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft

    async def add(self, records: Sequence[bytes]) -> None:
        text = io.StringIO()
        writer = csv.writer(text)
        if self._draft.main.size == 0:
            writer.writerow(COLUMNS)
        for record in records:
            wire = _DECODER.decode(record)
            writer.writerow([cell(getattr(wire, name)) for name in COLUMNS])
        self._draft.main.write(text.getvalue().encode())

    async def finish(self) -> None:
        if self._draft.main.size == 0:
            await self.add(())


def cell(value: Value) -> str:
    """Return what stands in a cell: nothing for null, ids divided by spaces for a list."""
    if value is None:
        return ""
    if isinstance(value, list):
        return " ".join(map(str, value))
    return guarded(value) if isinstance(value, str) else str(value)


def guarded(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula.

    An apostrophe is put before what could begin one: = + - @, their wide forms, a tab, a line
    break or NUL, at the beginning or behind a semicolon, a tab or a line break, where a
    spreadsheet may begin another cell. A plain number such as +48221234567 stays as it is: it is
    worth nothing but itself.
    """
    return text if _E_164.fullmatch(text) else _FORMULA.sub(r"\1'", text)
