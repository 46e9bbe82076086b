"""The orders in which Asterisk writes the columns of call records that have no header.

`cdr_csv` (`Master.csv`, cdr/cdr_csv.c) writes 16 columns, then the unique id where `loguniqueid`
is set, the user field where `loguserfield` is, and three more where `newcdrcolumns` is; so a row
has 16 to 21. `cdr_custom` writes what its configuration says; the order of the sample that comes
with Asterisk (configs/samples/cdr_custom.conf.sample) is known here, any other is given by name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from callreel.errors import Misconfigured
from callreel.importers.asterisk.ids import ANY_ID
from callreel.importers.asterisk.words import is_disposition

Shape = Callable[[Sequence[str]], tuple[str, ...] | None]
"""Tells the names of a row's cells by the row, or None where it is no row of this order."""

SKIP: Final = "-"
RECORDING_COLUMNS: Final = (
    "recordingfile",
    "recording_file",
    "recording",
    "recordfile",
    "monitor_filename",
    "mixmonitor_filename",
    "callfilename",
    "filename",
)
"""What dialplans call the column with the name of the file, most usual first."""
_CSV_ORDER: Final = (
    "accountcode", "src", "dst", "dcontext", "clid", "channel", "dstchannel", "lastapp",
    "lastdata", "start", "answer", "end", "duration", "billsec", "disposition", "amaflags",
)  # fmt: skip
_NEW_COLUMNS: Final = ("peeraccount", "linkedid", "sequence")
_SAMPLE_ORDER: Final = (
    "clid", "src", "dst", "dcontext", "channel", "dstchannel", "lastapp", "lastdata", "start",
    "answer", "end", "duration", "billsec", "disposition", "amaflags", "accountcode",
    "uniqueid", "userfield", "sequence",
)  # fmt: skip
NAMES: Final = (
    *_CSV_ORDER,
    "uniqueid",
    "userfield",
    *_NEW_COLUMNS,
    "calldate",
    "did",
    *RECORDING_COLUMNS,
)
"""Every column that means something here, as Asterisk calls it."""
_ONE_OF: Final = (("start", "calldate"), ("duration", "end"), ("billsec", "answer"))
_SECONDS: Final = re.compile(r"[0-9]{1,9}(\.[0-9]+)?")


def csv_order(cells: Sequence[str]) -> tuple[str, ...] | None:
    """Name the cells of a row of `cdr_csv`, by their number; see `Shape`.

    With 17 or 20 cells, one is either the unique id or the user field: the unique id if it looks
    like one.
    """
    count = len(cells)
    if not 16 <= count <= 21:
        return None
    odd = ("uniqueid",) if count in {17, 20} and ANY_ID.fullmatch(cells[16]) else ("userfield",)
    kept: dict[int, tuple[str, ...]] = {
        16: (),
        17: odd,
        18: ("uniqueid", "userfield"),
        19: (),
        20: odd,
    }
    tail = kept.get(count, ("uniqueid", "userfield"))
    return (*_CSV_ORDER, *tail, *(_NEW_COLUMNS if count >= 19 else ()))


def sample_order(cells: Sequence[str]) -> tuple[str, ...] | None:
    """Name the cells of a row as `cdr_custom` writes it by Asterisk's sample; see `Shape`."""
    count = len(cells)
    return _SAMPLE_ORDER[:count] if count in {18, 19} else None


def given_order(columns: str) -> Shape:
    """Return the order that a person gives, as names with commas between; `-` skips a column.

    Raises:
        Misconfigured: a name is unknown or there twice, or what a call needs is not there.
    """
    names = tuple(each.strip().lower() for each in columns.split(","))
    unknown = sorted({name for name in names if name not in NAMES and name != SKIP})
    if unknown:
        raise Misconfigured(
            f"Of --columns, these are no columns of Asterisk: {', '.join(unknown)}; choose from "
            f"{', '.join(NAMES)}, and write {SKIP} for a column to skip."
        )
    twice = sorted({name for name in names if names.count(name) > 1 and name != SKIP})
    if twice:
        raise Misconfigured(f"Of --columns, these are there twice: {', '.join(twice)}.")
    check_columns(names)
    return lambda cells: names if len(cells) == len(names) else None


def check_columns(names: Sequence[str]) -> None:
    """Check that columns tell enough of a call.

    Raises:
        Misconfigured: they do not.
    """
    for choice in (*_ONE_OF, ("disposition",)):
        if not set(choice) & set(names):
            raise Misconfigured(
                f"The call records have no column {' or '.join(choice)}, which a call needs."
            )


def order_of(cells: Sequence[str]) -> Shape | None:
    """Return the order of Asterisk's own that a row is in, where its cells leave no doubt."""
    for shape in (csv_order, sample_order):
        names = shape(cells)
        if names is not None and _is_record(dict(zip(names, cells, strict=True))):
            return shape
    return None


def is_data(cells: Sequence[str]) -> bool:
    """Say whether a row holds a time, so that it cannot be a header."""
    return any(_is_time(cell) for cell in cells)


def _is_record(record: dict[str, str]) -> bool:
    return (
        _is_time(record["start"])
        and all(_SECONDS.fullmatch(record[name]) for name in ("duration", "billsec"))
        and is_disposition(record["disposition"])
    )


def _is_time(cell: str) -> bool:
    try:
        datetime.fromisoformat(cell)
    except ValueError:
        return False
    return len(cell) >= len("2026-03-29 14:05:00")
