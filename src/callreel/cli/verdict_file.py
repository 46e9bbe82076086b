"""Verdicts as an object each or as a row each, printed or written to a file, one after another."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Protocol, Self, TextIO

from callreel.catalog.ledger import ImportItem
from callreel.errors import Misconfigured

COLUMNS: Final = ("number", "place", "is_row", "became", "fault", "reason", "notes", "recording")


def plain_item(number: int, item: ImportItem) -> dict[str, Any]:
    """Return what became of something as JSON has it."""
    return {
        "number": number,
        "place": item.place,
        "is_row": item.is_row,
        "became": item.became,
        "fault": item.fault,
        "reason": item.reason,
        "notes": list(item.notes),
        "recording": item.recording,
    }


class Lines:
    """Writes an object a line."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, item: Mapping[str, Any]) -> None:
        """Write what `plain_item` returned."""
        self._stream.write(json.dumps(item, ensure_ascii=False) + "\n")


class Table:
    """Writes a CSV file with a header."""

    def __init__(self, stream: TextIO) -> None:
        self._writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        self._writer.writeheader()

    def write(self, item: Mapping[str, Any]) -> None:
        """Write what `plain_item` returned."""
        self._writer.writerow({**item, "notes": " ".join(item["notes"])})


class _Form(Protocol):
    def write(self, item: Mapping[str, Any]) -> None: ...


class VerdictFile:
    """A file with every verdict of an import, in the words of `callreel imports show`."""

    def __init__(self, path: Path) -> None:
        """Begin it, in place of an older one.

        Raises:
            Misconfigured: its name tells no form, or it cannot be written.
        """
        forms: dict[str, Callable[[TextIO], _Form]] = {".jsonl": Lines, ".csv": Table}
        form = forms.get(path.suffix.lower())
        if form is None:
            raise Misconfigured("Give --verdicts a file whose name ends in .jsonl or .csv.")
        self._count = 0
        try:
            self._file = path.open("w", encoding="utf-8", newline="")
            self._form = form(self._file)
        except OSError as error:
            raise _unwritten(error) from error

    def add(self, item: ImportItem) -> None:
        """Write what became of the next file or row.

        Raises:
            Misconfigured: it cannot be written.
        """
        self._count += 1
        try:
            self._form.write(plain_item(self._count, item))
        except OSError as error:
            raise _unwritten(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        try:
            self._file.close()
        except OSError as failure:
            raise _unwritten(failure) from failure


def _unwritten(error: OSError) -> Misconfigured:
    says = (error.strerror or "it failed").lower()
    return Misconfigured(f"The verdicts cannot be written: {says}.")
