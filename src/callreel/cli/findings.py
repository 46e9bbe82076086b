"""How what was found wrong is told: as it comes and in sum for people, or as one JSON object."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Sequence
from typing import Final, Self

from callreel.archive.damage import MEANING, Damage, Deed, Finding
from callreel.cli.output import print_rows

SHOWN: Final = 20
_BEGINNING: Final = '{"findings": [\n'
"""Written with the first finding or at the end, so that who could not look prints no half of it."""


class Findings:
    """Counts findings and tells of them; a million of them need no more memory than ten.

    Where its context ends by an error, an object that was begun is ended, and says so.

    Attributes:
        kinds: How many of each kind.
        deeds: About how many something was done, by what.
    """

    def __init__(self, *, as_json: bool, fine: str = "All is well.") -> None:
        """Begin; `fine` is said where nothing was found."""
        self._fine = fine
        self.kinds: Counter[Damage] = Counter()
        self.deeds: Counter[Deed] = Counter()
        self._as_json = as_json
        self._is_open = False
        self._first: dict[Damage, list[Finding]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if error is not None and self._is_open:
            self._write('\n], "complete": false}\n')

    @property
    def unmended(self) -> int:
        """How many of them nothing could be done about but to mark them."""
        return self.kinds.total() - self.deeds[Deed.MENDED] - self.deeds[Deed.RESTORED]

    @property
    def damages(self) -> int:
        """How many of them are damage."""
        return sum(count for kind, count in self.kinds.items() if not kind.is_leftover)

    def add(self, found: Sequence[Finding]) -> None:
        """Take in what was found."""
        for each in found:
            if self._as_json:
                beginning = ",\n" if self._is_open else _BEGINNING
                self._is_open = True
                self._write(beginning + json.dumps(_plain(each)))
            self.kinds[each.kind] += 1
            if each.deed is not None:
                self.deeds[each.deed] += 1
            first = self._first.setdefault(each.kind, [])
            if len(first) < SHOWN:
                first.append(each)

    def end(self, **totals: float) -> None:
        """Tell the rest: all of it, in sum."""
        kinds = {kind.value: self.kinds[kind] for kind in Damage if self.kinds[kind]}
        if self._as_json:
            told = {**totals, "kinds": kinds, "damaged": self.damages > 0, "complete": True}
            beginning = "" if self._is_open else _BEGINNING.rstrip()
            self._is_open = False
            self._write(beginning + "\n], " + json.dumps(told)[1:] + "\n")
            return
        print_rows(("what", "number"), [(name, f"{count:,}") for name, count in totals.items()])
        for kind, first in sorted(
            self._first.items(), key=lambda pair: list(Damage).index(pair[0])
        ):
            self._show(kind, first)
        if not self.kinds:
            print(f"\n{self._fine}")

    def _show(self, kind: Damage, first: Sequence[Finding]) -> None:
        count = self.kinds[kind]
        print(f"\n{count:,} x {kind.value}: {MEANING[kind]}")
        for each in first:
            print("  " + _line(each))
        if count > len(first):
            print(f"  … and {count - len(first):,} more; --json tells of all.")

    def _write(self, text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()


def _plain(finding: Finding) -> dict[str, str | int | None]:
    return {
        "kind": finding.kind.value,
        "tenant": finding.tenant,
        "recording": finding.recording,
        "says": finding.says,
        **({} if finding.deed is None else {"deed": finding.deed.value}),
    }


def _line(finding: Finding) -> str:
    tenant = "" if finding.tenant is None else f"tenant {finding.tenant}"
    deed = "" if finding.deed is None else f"({finding.deed.value})"
    return " ".join(each for each in (tenant, finding.recording, finding.says, deed) if each)
