"""The formats that there are, and the importer of each.

Only what imports needs this module: it brings all formats with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Protocol

from callreel.errors import Misconfigured
from callreel.importers.asterisk.importer import Asterisk
from callreel.importers.freepbx.importer import FreePbx
from callreel.importers.freeswitch.importer import FreeSwitch
from callreel.importers.items import Item
from callreel.importers.manifest.importer import Manifest
from callreel.importers.source import Source
from callreel.importers.spreadsheet.importer import Spreadsheet
from callreel.importers.vcon.importer import Vcon
from callreel.importers.wanted import Wanted


class Importer(Protocol):
    """One import from one source."""

    def count(self) -> int:
        """Return about how many files `items` will speak of, fast, for a progress bar."""
        ...

    def items(self) -> Iterator[Item]:
        """Yield an item for every file and every call record, reading as it goes.

        Raises:
            Misconfigured: the source as a whole can no longer be read.
        """
        ...


FORMATS: Final[Mapping[str, Callable[[Source], Importer]]] = MappingProxyType(
    {
        "asterisk": Asterisk,
        "csv": Spreadsheet,
        "freepbx": FreePbx,
        "freeswitch": FreeSwitch,
        "manifest": Manifest,
        "vcon": Vcon,
    }
)


@dataclass(frozen=True, slots=True)
class _Asked:
    """An importer of which the user wants something particular."""

    importer: Importer
    wanted: Wanted

    def count(self) -> int:
        return self.importer.count()

    def items(self) -> Iterator[Item]:
        return self.wanted.of(self.importer.items())


def importer_for(format_name: str, source: Source, wanted: Wanted | None = None) -> Importer:
    """Return the importer of a format, doing what the user wants of it.

    Raises:
        Misconfigured: there is no such format, or the source cannot be read.
    """
    if format_name not in FORMATS:
        raise Misconfigured(f"There is no such format; choose one of: {', '.join(FORMATS)}.")
    importer = FORMATS[format_name](source)
    return importer if wanted is None else _Asked(importer, wanted)
