"""What the user wants of an import, whatever the format: calls since a time, and people by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Self
from zoneinfo import ZoneInfo

from callreel.errors import Misconfigured
from callreel.importers.items import Candidate, Fault, Item, Refusal, plain_text
from callreel.importers.local_time import to_utc
from callreel.importers.table import Table
from callreel.model import Call, Named

COLUMNS: Final = frozenset({"kind", "source", "id"})
KINDS: Final = ("extension", "queue")
LONGEST_NAME: Final = 256
_MOST: Final = 1 << 53


@dataclass(frozen=True, slots=True)
class Directory:
    """Who stands behind the extensions of a telephone system, and what behind its queues.

    Attributes:
        users: The tenant user of each extension or agent.
        projects: The project of each queue.
    """

    users: dict[str, Named] = field(default_factory=dict)
    projects: dict[str, Named] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a table with the columns `kind` (extension or queue), `source`, `id` and `name`.

        Raises:
            Misconfigured: it cannot be read, or a row of it cannot be meant; the message has the
                line.
        """
        directory = cls()
        for row in Table(path, COLUMNS).rows():
            if row.fault is not None:
                raise Misconfigured(f"{path.name}:{row.line}: {row.fault}")
            if row.cells["kind"] not in KINDS:
                raise Misconfigured(f"{path.name}:{row.line}: kind is one of {', '.join(KINDS)}.")
            places = directory.users if row.cells["kind"] == "extension" else directory.projects
            number = row.cells["id"]
            if not (number.isascii() and number.isdigit()) or int(number[:20]) >= _MOST:
                raise Misconfigured(f"{path.name}:{row.line}: id is no whole number.")
            name = plain_text(row.cells.get("name", ""))[:LONGEST_NAME]
            places[row.cells["source"]] = Named(int(number), name or None)
        return directory

    def introduce(self, call: Call, agent: str | None, queue: str | None) -> Call:
        """Return the call with its user and its project, where it has none and both are known."""
        user = call.user or (None if agent is None else self.users.get(agent))
        project = call.project or (None if queue is None else self.projects.get(queue))
        if user is call.user and project is call.project:
            return call
        return replace(call, user=user, project=project)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is wanted of the items of an import.

    Attributes:
        since: Seconds UTC before which no call may have started, or None.
        directory: Who is who.
    """

    since: int | None = None
    directory: Directory = field(default_factory=Directory)

    def of(self, items: Iterable[Item]) -> Iterator[Item]:
        """Yield an item for each item: as it is, with its people, or left out."""
        for item in items:
            yield self._one(item)

    def _one(self, item: Item) -> Item:
        if item.call is None:
            return item
        if self.since is not None and item.call.started_at < self.since:
            reason = "The call started before the time given."
            return Refusal(
                item.where, Fault.EARLIER, reason, is_row=not isinstance(item, Candidate)
            )
        call = self.directory.introduce(item.call, item.agent, item.queue)
        return item if call is item.call else replace(item, call=call)


def moment_of(text: str, zone: ZoneInfo | None) -> int:
    """Return the moment of a date such as 2026-03-29, perhaps with a time, in seconds UTC.

    Args:
        text: The date, in ISO 8601.
        zone: Where the clock stands that shows it, unless the text says so; else it is UTC.

    Raises:
        Misconfigured: it is no date.
    """
    try:
        clock = datetime.fromisoformat(text)
        if clock.tzinfo is None and zone is None:
            clock = clock.replace(tzinfo=UTC)
        return int(clock.timestamp()) if zone is None else to_utc(clock, zone)[0]
    except (ValueError, OverflowError) as error:
        raise Misconfigured(
            "Give a date such as 2026-03-29 or 2026-03-29T14:00:00, not something else."
        ) from error
