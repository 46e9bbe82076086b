"""Writes call records and recordings as Asterisk does."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from callreel.importers.asterisk.calls import AsteriskCall
from callreel.importers.asterisk.legs import Leg, leg_of

WARSAW = ZoneInfo("Europe/Warsaw")
SAMPLES = Path(__file__).parent / "samples" / "asterisk"
EPOCH = 1_772_438_405  # 2026-03-02 08:00:05 UTC, 09:00:05 in Warsaw
ORDER = (
    "accountcode", "src", "dst", "dcontext", "clid", "channel", "dstchannel", "lastapp",
    "lastdata", "start", "answer", "end", "duration", "billsec", "disposition", "amaflags",
    "uniqueid", "userfield", "peeraccount", "linkedid", "sequence",
)  # fmt: skip
INTEGERS = ("duration", "billsec", "sequence")
TIMES = ("start", "answer", "end")
SOUND = {
    "accountcode": "",
    "src": "48600100200",
    "dst": "101",
    "dcontext": "from-trunk",
    "clid": '"Jan Nowak" <48600100200>',
    "channel": "PJSIP/carrier-00000010",
    "dstchannel": "PJSIP/101-00000011",
    "lastapp": "Dial",
    "lastdata": "PJSIP/101,30",
    "start": "2026-03-02 09:00:05",
    "answer": "2026-03-02 09:00:20",
    "end": "2026-03-02 09:01:20",
    "duration": "75",
    "billsec": "60",
    "disposition": "ANSWERED",
    "amaflags": "DOCUMENTATION",
    "uniqueid": f"{EPOCH}.10",
    "userfield": "",
    "peeraccount": "",
    "linkedid": f"{EPOCH}.10",
    "sequence": "7",
}
"""A call from outside that 101 answered."""


def line(cells: dict[str, str], names: Iterable[str] = ORDER) -> str:
    """Return a row as cdr_csv.c writes it: numbers bare, an unset time as nothing at all."""
    return ",".join(_written(name, cells[name]) for name in names)


def row(names: Iterable[str] = ORDER, **cells: str) -> str:
    """Return the row of a sound call with some cells of it otherwise."""
    return line(SOUND | cells, names)


def master(folder: Path, *rows: str) -> Path:
    """Write rows into a file; what is no UTF-8 stays what it is."""
    path = folder / "Master.csv"
    path.write_bytes("".join(f"{each}\n" for each in rows).encode("utf-8", "surrogateescape"))
    return path


def leg(**cells: str) -> Leg:
    """Return the leg of a sound row with some cells of it otherwise."""
    return leg_of("Master.csv:1", SOUND | cells, WARSAW)


def told(first: Leg, *others: Leg) -> AsteriskCall:
    """Return the call of some legs."""
    made = AsteriskCall(first)
    for each in others:
        made.add(each)
    return made


def utc(seconds: int | None) -> str:
    """Return a moment as its clock time in UTC."""
    return "" if seconds is None else f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}"


def _written(name: str, text: str) -> str:
    if name in INTEGERS or (name in TIMES and not text):
        return text
    return '"' + text.replace('"', '""') + '"'
