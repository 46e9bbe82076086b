"""What `callreel import` tells: a summary that adds up, the first refusals, all of them as JSON."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final, Self, TextIO

from callreel.archive.imports import item_of
from callreel.archive.verdict import Became, Verdict
from callreel.cli.output import moment, print_rows
from callreel.cli.verdict_file import VerdictFile
from callreel.errors import Misconfigured

SHOWN: Final = 10
_FILES: Final = (
    Became.ADDED,
    Became.SAME,
    Became.DELETED,
    Became.LATER,
    Became.EARLIER,
    Became.REFUSED,
)
_ROWS: Final = (
    Became.JOINED,
    Became.CALL_ADDED,
    Became.CALL_SAME,
    Became.UNRECORDED,
    Became.LATER,
    Became.EARLIER,
    Became.REFUSED,
)
_SELDOM_OF_FILES: Final = frozenset(Became) - {
    Became.ADDED,
    Became.SAME,
    Became.LATER,
    Became.REFUSED,
}
_SELDOM_OF_ROWS: Final = frozenset(Became) - {Became.JOINED, Became.CALL_ADDED, Became.REFUSED}
WORDS: Final = {
    Became.ADDED: "taken in",
    Became.SAME: "already there",
    Became.DELETED: "deleted before",
    Became.LATER: "left for later",
    Became.EARLIER: "of earlier calls",
    Became.REFUSED: "refused",
    Became.JOINED: "of the recordings",
    Became.CALL_ADDED: "calls without recording",
    Became.CALL_SAME: "calls already there",
    Became.UNRECORDED: "other rows of such calls",
}
_WORDS_OF_ONE: Final = {Became.CALL_ADDED: "call without recording"}


class Report:
    """Counts verdicts and writes what is worth reading of them to a file, as they come.

    Attributes:
        format: The format's name.
        is_dry: Whether the import is only foreseen.
        is_finished: Whether the import came to its end.
        files, rows: How many of each became what.
        faults: How many were not taken in for which kind of reason.
        calls: How many calls without recording come in, with those of rows that are not taken in.
        noted: How many that can be taken in carry a note.
        first_refused: What was refused first.
        notes: The first different notes, each with its number and where it came first.
    """

    def __init__(
        self,
        format_name: str,
        path: Path | None,
        *,
        is_dry: bool,
        every: VerdictFile | None = None,
    ) -> None:
        """Begin a report.

        Args:
            format_name: The format's name.
            path: Where to write what is worth reading, or None.
            is_dry: Whether the import is only foreseen.
            every: What takes every verdict, or None.

        Raises:
            Misconfigured: the file cannot be written.
        """
        self.is_dry = is_dry
        self.is_finished = False
        self.files: Counter[Became] = Counter()
        self.rows: Counter[Became] = Counter()
        self.faults: Counter[str] = Counter()
        self.calls = 0
        self.noted = 0
        self.first_refused: list[Verdict] = []
        self.notes: dict[str, tuple[int, str]] = {}
        self.format = format_name
        self._file = None if path is None else _opened(path)
        self._every = every
        self._is_first = True
        self._write('{"items": [')

    @property
    def seen(self) -> int:
        """How many verdicts there are."""
        return self.files.total() + self.rows.total()

    @property
    def has_refusals(self) -> bool:
        return self.files[Became.REFUSED] + self.rows[Became.REFUSED] > 0

    def add(self, verdict: Verdict) -> None:
        """Count a verdict."""
        (self.rows if verdict.is_row else self.files)[verdict.became] += 1
        if verdict.adds_call or verdict.became is Became.CALL_ADDED:
            self.calls += 1
        if verdict.fault is not None:
            self.faults[verdict.fault.value] += 1
        if verdict.became is Became.REFUSED and len(self.first_refused) < SHOWN:
            self.first_refused.append(verdict)
        self.noted += 1 if verdict.notes else 0
        for text in verdict.notes:
            count, where = self.notes.get(text, (0, verdict.where))
            if count or len(self.notes) < SHOWN:
                self.notes[text] = (count + 1, where)
        if verdict.reason is not None or verdict.notes:
            self._write_item(verdict)
        if self._every is not None:
            self._every.add(item_of(verdict))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        if self._file is None:
            return
        self._write("\n], ")
        self._write(json.dumps(self._totals())[1:] + "\n")
        try:
            self._file.close()
        except OSError as failure:
            raise _unwritten(failure) from failure

    def _write_item(self, verdict: Verdict) -> None:
        item = {
            "where": verdict.where,
            "became": verdict.became.value,
            "kind": None if verdict.fault is None else verdict.fault.value,
            "reason": verdict.reason,
            "notes": list(verdict.notes),
        }
        self._write(("\n" if self._is_first else ",\n") + json.dumps(item, ensure_ascii=False))
        self._is_first = False

    def _write(self, text: str) -> None:
        if self._file is None:
            return
        try:
            self._file.write(text)
        except OSError as error:
            raise _unwritten(error) from error

    def _totals(self) -> dict[str, Any]:
        return {
            "format": self.format,
            "dry_run": self.is_dry,
            "finished": self.is_finished,
            "files": {"seen": self.files.total(), **_counts(self.files, _FILES)},
            "rows": {"seen": self.rows.total(), **_counts(self.rows, _ROWS)},
            "calls": self.calls,
            "kinds": dict(self.faults),
            "noted": self.noted,
        }


def tell(verdict: Verdict) -> None:
    """Print a line about one verdict, with the time, for who follows what goes on."""
    reason = f": {verdict.reason}" if verdict.reason else ""
    word = _WORDS_OF_ONE.get(verdict.became, WORDS[verdict.became])
    said = f"{moment(int(time.time()))} {word} {verdict.where}{reason}"
    print(said, flush=True)


def show(report: Report) -> None:
    """Print the summary, then what was refused first, then the notes."""
    title = "files, if imported" if report.is_dry else "files"
    _show_table(title, _counts(report.files, _FILES), _SELDOM_OF_FILES)
    if report.rows:
        print()
        _show_table("rows of call records", _counts(report.rows, _ROWS), _SELDOM_OF_ROWS)
    missing = report.calls - report.rows[Became.CALL_ADDED]
    if missing:
        print(f"\nFurther calls without recording, as theirs is missing: {missing}")
    if report.faults:
        print()
        print_rows(
            ("not taken in", "number"), [(k, str(n)) for k, n in report.faults.most_common()]
        )
    _show_refused(report)
    if report.notes:
        print(f"\nNotes on {report.noted} files and rows:")
    for text, (count, where) in report.notes.items():
        print(f"  {count} x {text} First: {where}")


def _show_table(title: str, counts: dict[Became, int], seldom: frozenset[Became]) -> None:
    rows = [
        (WORDS[became], str(count))
        for became, count in counts.items()
        if count or became not in seldom
    ]
    print_rows((title, "number"), [*rows, ("seen", str(sum(counts.values())))])


def _show_refused(report: Report) -> None:
    shown = report.first_refused
    total = report.files[Became.REFUSED] + report.rows[Became.REFUSED]
    if not shown:
        return
    print("\nRefused:" if total == len(shown) else f"\nRefused, the first {SHOWN} of {total}:")
    for verdict in shown:
        print(f"  {verdict.where}: {verdict.reason}")
    if total > len(shown):
        print("  --json FILE writes a report with all of them.")


def _counts(counts: Counter[Became], order: tuple[Became, ...]) -> dict[Became, int]:
    """Return how many became what, in an order; what that lacks, where there are such, after it."""
    return {became: counts[became] for became in dict.fromkeys((*order, *counts))}


def _opened(path: Path) -> TextIO:
    try:
        return path.open("w", encoding="utf-8")
    except OSError as error:
        raise _unwritten(error) from error


def _unwritten(error: OSError) -> Misconfigured:
    return Misconfigured(
        f"The report cannot be written: {(error.strerror or 'it failed').lower()}."
    )
