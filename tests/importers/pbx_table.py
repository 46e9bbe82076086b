"""A table `cdr` as FreePBX and Asterisk fill it while calls end, in a file or a database."""

from __future__ import annotations

import csv
import sqlite3
import time
from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from callreel.importers.call_news import CallNews
from callreel.importers.source import Source

COLUMNS = (
    "calldate", "src", "dst", "dcontext", "channel", "dstchannel", "lastapp", "lastdata",
    "duration", "billsec", "disposition", "uniqueid", "linkedid", "recordingfile",
)  # fmt: skip
INSERT = "INSERT INTO cdr VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
BASE = int(time.time())
"""Less `LONG_OVER`, it is what ids are made of."""
LONG_OVER = 7_200

Cells = dict[str, str]


def leg(
    call: int, part: int = 0, *, age: int = LONG_OVER, billsec: int = 0, file: str = ""
) -> Cells:
    """Return the row of a leg that lasted for 20 seconds.

    Args:
        call: The number of its call.
        part: Its number within the call; that of the first leg is 0.
        age: How many seconds ago it began.
        billsec: How long was talked.
        file: The recording that it names.
    """
    return {
        "calldate": f"{datetime.fromtimestamp(time.time() - age, UTC):%Y-%m-%d %H:%M:%S}",
        "src": "48600100200",
        "dst": "700",
        "dcontext": "from-trunk",
        "channel": f"PJSIP/carrier-{call}" if part == 0 else f"Local/10{part}@q-{call};2",
        "dstchannel": f"PJSIP/10{part}-{call}{part}",
        "lastapp": "Dial",
        "lastdata": "",
        "duration": "20",
        "billsec": str(billsec),
        "disposition": "ANSWERED" if billsec else "NO ANSWER",
        "uniqueid": f"{BASE - LONG_OVER}.{call}{part}",
        "linkedid": f"{BASE - LONG_OVER}.{call}0",
        "recordingfile": file,
    }


def recording_of(call: int) -> str:
    """Return the name of the recording of a call's first leg."""
    begun = BASE - LONG_OVER
    return (
        f"in-700-48600100200-{datetime.fromtimestamp(begun, UTC):%Y%m%d-%H%M%S}-{begun}.{call}0.wav"
    )


class PbxTable:
    """A table that is filled, and a folder of recordings beside it."""

    def __init__(self, folder: Path, *, is_database: bool) -> None:
        self.root = folder / "monitor"
        self.root.mkdir()
        self._file = folder / ("cdr.db" if is_database else "cdr.csv")
        self.address = f"sqlite:///{self._file}" if is_database else str(self._file)
        self._is_database = is_database
        self._begin()

    def write(self, *legs: Cells) -> None:
        """Add rows."""
        rows = [[each[name] for name in COLUMNS] for each in legs]
        if self._is_database:
            with closing(sqlite3.connect(self._file)) as database, database:
                database.executemany(INSERT, rows)
        else:
            self._append(rows)

    def source(self, calls: CallNews | None = None) -> Source:
        return Source(root=self.root, records=self.address, zone=ZoneInfo("UTC"), calls=calls)

    def _begin(self) -> None:
        if self._is_database:
            with closing(sqlite3.connect(self._file)) as database, database:
                database.execute(f"CREATE TABLE cdr ({', '.join(COLUMNS)})")
        else:
            self._append([COLUMNS])

    def _append(self, rows: Iterable[Iterable[str]]) -> None:
        with self._file.open("a", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows(rows)
