"""The importers: recordings that other systems left behind, a module per foreign format.

An importer parses and adapts; it knows neither the archive nor HTTP, but for `vcon.fetch`, which
fetches audio for whoever allowed it. It is made of a `Source` and yields items: a `Candidate` for
what can be taken in, a `Refusal` with the place and the reason for what cannot, and a `Row` for
each call record that needs no word more. Every file and every record gets exactly one, and none
of them ends the import.

To add a format, copy `freepbx/`: write a class with `count` and `items`, made of a `Source`, and
name it in `FORMATS`. These modules do what every format needs: `tree` walks a hostile folder,
`audio_file` tells by a look what is no audio, `records` reads call records from a table as text, a
dump or a database, `parties` and `channels` know the words of Asterisk, `local_time` turns clock
times into UTC, `sound_json` reads JSON strictly, `streams` decodes and compares digests; what the
user wants of every format, `wanted` does to the items afterwards. The command
`callreel import FORMAT DIR` then has it. Put samples into `tests/importers/samples`.

What every importer keeps to: `Candidate.native_id` and `native_time` come of what never changes
about a recording, so that importing it again, with more call records too, finds it again;
nothing at the source is moved, changed or removed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Protocol

from callreel.errors import Misconfigured
from callreel.importers.asterisk import Asterisk
from callreel.importers.freepbx import FreePbx
from callreel.importers.freeswitch import FreeSwitch
from callreel.importers.items import Item
from callreel.importers.manifest import Manifest
from callreel.importers.source import Source
from callreel.importers.spreadsheet import Spreadsheet
from callreel.importers.vcon import Vcon
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
