"""Makes tables of calls with what their columns mean, and folders of audio beside them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from callreel.importers.items import Candidate, Item
from callreel.importers.source import Source
from callreel.importers.spreadsheet.importer import Spreadsheet
from importers.monitor import put

SAMPLES = Path(__file__).parent / "samples" / "csv"
MEANING = """
timezone = "Europe/Warsaw"
[columns]
id = "id"
started = "start"
duration = "length"
from = "from"
to = "to"
[audio]
column = "file"
"""
CALL = {
    "id": "7",
    "start": "2026-03-02 09:00:05",
    "length": "75",
    "from": "+48600100200",
    "to": "101",
    "file": "a.wav",
}


class Made:
    """A table, its meaning and a folder."""

    def __init__(self, folder: Path, meaning: str = MEANING) -> None:
        self.folder = folder
        self.root = folder / "audio"
        self.root.mkdir(exist_ok=True)
        self.table = folder / "calls.csv"
        self.columns = folder / "columns.toml"
        self.columns.write_text(meaning, "utf-8")

    def rows(self, *rows: dict[str, str]) -> None:
        """Write a table, each row given as what differs from a sound one."""
        names = list(dict.fromkeys([*CALL, *(name for row in rows for name in row)]))
        lines = [[(CALL | row).get(name, "") for name in names] for row in rows]
        text = "\n".join("\t".join(line) for line in [names, *lines])
        self.table.write_text(text + "\n", "utf-8")

    def audio(self, *names: str, content: bytes | None = None) -> None:
        """Write files."""
        for name in names:
            folder, _, plain = name.rpartition("/")
            put(self.root, plain, content, day=folder)

    def source(self, zone: str | None = None) -> Source:
        return Source(
            root=self.root,
            records=str(self.table),
            columns=str(self.columns),
            zone=None if zone is None else ZoneInfo(zone),
        )

    def items(self, zone: str | None = None) -> list[Item]:
        return list(Spreadsheet(self.source(zone)).items())

    def taken(self, zone: str | None = None) -> dict[str, Candidate]:
        """Return what can be taken in, by where it is."""
        found = [item for item in self.items(zone) if isinstance(item, Candidate)]
        return {item.where: item for item in found}


def shown(seconds: int | None) -> str:
    return "" if seconds is None else f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}"
