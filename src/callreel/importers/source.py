"""What an importer is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from callreel.errors import Misconfigured
from callreel.importers.call_news import CallNews
from callreel.importers.tree import Found, every_file


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where recordings are to be imported from.

    Attributes:
        root: The folder with the audio, or the one file that the format is about.
        records: Where the call records are, or None: a file, or the address of a database.
        zone: The time zone of the system that wrote them, or None where the format says it.
        settle: Seconds for which a file must not have been written to, or it is left for later.
        fetch: Whether audio that a source names by its address on the web may be fetched.
        columns: What the columns of the call records mean, in the way of the format, or None.
        is_news: Whether a file need be looked at at all; of one that need not, nothing is said.
        calls: Where not every file is looked at, which calls of a table of call records to tell
            of, or None to tell only of rows of the files.
    """

    root: Path
    records: str | None = None
    zone: ZoneInfo | None = None
    settle: float = 10
    columns: str | None = None
    fetch: bool = False
    is_news: Callable[[Found], bool] = every_file
    calls: CallNews | None = None

    def need_zone(self) -> ZoneInfo:
        """Return the time zone.

        Raises:
            Misconfigured: none was given.
        """
        if self.zone is None:
            raise Misconfigured("Give the time zone of the telephone system with --timezone.")
        return self.zone
