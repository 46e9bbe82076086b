"""What `import` and `watch` are told of the recordings that another system leaves behind."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from pathlib import Path

from cyclopts import Parameter

from callreel.catalog import Catalog
from callreel.cli.tenant import tenant_named
from callreel.errors import Misconfigured
from callreel.importers.local_time import zone_of
from callreel.importers.source import Source
from callreel.importers.wanted import Directory, Wanted, moment_of
from callreel.model import Tenant


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class SourceOptions:
    """What is known of the recordings.

    Attributes:
        timezone: The telephone system's time zone, such as Europe/Warsaw.
        cdr: Its call records: a table as text, a dump, or the address of a database; of freeswitch
            a folder of records.
        columns: What the columns of the call records mean, where the format leaves it open: of
            asterisk their names, of csv a TOML file.
        since: Only calls that started at this time or later: 2026-03-29, or 2026-03-29T14:00:00, by
            the telephone system's clock.
        map: A CSV file that tells who is behind extensions and queues: kind (extension or queue),
            source (its number or name), id and name of the tenant user or the project.
        tenant: Name or number of the tenant whose recordings they become; the only one if left out.
        fetch: Fetch audio that the source names by its address on the web; else it is refused.
        settle: Seconds for which a file must not have changed; younger ones are left for later.
    """

    timezone: str | None = None
    cdr: str | None = None
    columns: str | None = None
    since: str | None = None
    map: Path | None = None
    tenant: str | None = None
    fetch: bool = False
    settle: float = 10

    def source(self, folder: Path) -> Source:
        """Return the folder with what is known of it.

        Raises:
            Misconfigured: there is no such time zone, or the seconds are none.
        """
        if not 0 <= self.settle < inf:
            raise Misconfigured("--settle needs a number of seconds from 0 on.")
        zone = None if self.timezone is None else zone_of(self.timezone)
        return Source(
            root=folder,
            records=self.cdr,
            zone=zone,
            settle=self.settle,
            columns=self.columns,
            fetch=self.fetch,
        )

    def wanted(self) -> Wanted:
        """Return what is wanted of it.

        Raises:
            Misconfigured: the date is none, or the directory cannot be read.
        """
        zone = None if self.timezone is None else zone_of(self.timezone)
        return Wanted(
            since=None if self.since is None else moment_of(self.since, zone),
            directory=Directory() if self.map is None else Directory.read(self.map),
        )


async def owner_of(catalog: Catalog, name: str | None) -> Tenant:
    """Return the tenant of a name, or the only one.

    Raises:
        NotFound: there is none of this name.
        Misconfigured: no name was given and there is not exactly one tenant.
    """
    if name is not None:
        return await tenant_named(catalog, name)
    known = await catalog.tenants()
    if len(known) == 1:
        return known[0]
    if known:
        raise Misconfigured("There are several tenants; say whose recordings these are: --tenant.")
    raise Misconfigured("There is no tenant yet; create one with `callreel tenant create NAME`.")
