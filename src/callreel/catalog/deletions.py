"""What was deleted for good: only ids and times, and whose call it was while that is kept.

A recording that somebody deleted stays deleted, however often an import meets it again, until
somebody asks for it by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from callreel.model import Reach, Span


@dataclass(frozen=True, slots=True)
class Deletion:
    """A recording that was deleted for good.

    Attributes:
        tenant: Whose it was.
        id: Its id.
        at: When it was deleted, seconds UTC.
        call: The call that it was of, while that is kept without the recording: its start, seconds
            UTC, and the id of its dialog. None where either is not known.
    """

    tenant: int
    id: str
    at: int
    call: tuple[int, str] | None = None


class Deletions(Protocol):
    """Deletions. A write has reached stable storage when its method returns."""

    async def is_deleted(self, tenant: int, recording_id: str) -> bool:
        """Say whether a recording was deleted for good."""
        ...

    async def deletions(
        self, tenant: int | None, after: tuple[int, str], limit: int
    ) -> list[Deletion]:
        """Return deletions, of one tenant or all, ascending by tenant and id.

        Args:
            tenant: Whose, or None for all.
            after: Only those after this tenant and id; (0, "") is before all.
            limit: At most so many.
        """
        ...

    async def note_deletions(self, deletions: Sequence[Deletion]) -> None:
        """Note deletions that were made elsewhere; of two times of one, the earlier is kept.

        A call that is kept is known from then on as one of which a recording was deleted. One that
        comes later is when its deletion is noted again.

        Raises:
            NotFound: there is no such tenant; nothing is noted.
        """
        ...

    async def lift_deletion(self, tenant: int, recording_id: str) -> None:
        """Forget a deletion, so that an import may bring the recording again.

        Its call lacks it from then on. What the tenant's mirrors have mirrored is forgotten, so
        that they look again.

        Raises:
            NotFound: no such recording was deleted.
        """
        ...

    async def calls_of_deleted(self, reach: Reach, started: Span) -> frozenset[tuple[int, str]]:
        """Return the calls of which a recording was deleted, and that started in a span.

        Each is its start, seconds UTC, and the id of its dialog.
        """
        ...
