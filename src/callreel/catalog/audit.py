"""Whether the catalog agrees with itself, and how it is mended: what `callreel verify` asks.

Every recording, and every call without one, has one body; all rows that serve filters are made of
it and can be made again.
What is yielded together was read at one moment, and no reading lasts from one to the next.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from callreel.model import Facts, State

OF_THE_AUDIO: Final = "audio_use"
"""What of `Kept.wrong_rows` is made of the digest in the entry, and so not of the body."""


@dataclass(frozen=True, slots=True)
class ToldCall:
    """What the body of a recording, or of a call without one, tells of the call.

    Attributes:
        dialog: The id of its dialog.
        facts: What it can be filtered by.
    """

    dialog: str
    facts: Facts


Reading = Callable[[bytes], ToldCall | None]
"""Reads a body; None where it cannot be read, or is no measure of rows. It must not block."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """All that is kept of one recording, or of what is left of one.

    Attributes:
        place: Its place in the catalog.
        tenant: Whose place it is.
        second: The start that its place stands for; seconds UTC.
        id, state, digest, fingerprint: Of its entry; None where it has none.
        listed: The body that lists show, or None.
        withdrawn: The body of a recording that is in no list, or None.
        is_touched: Whether somebody tagged or heard it.
        wrong_rows: Names of what should have been made of the body, or of the entry
            (`OF_THE_AUDIO`), and is not there or not so.
    """

    place: int
    tenant: int
    second: int
    id: str | None
    state: State | None
    digest: bytes | None
    fingerprint: bytes | None
    listed: bytes | None
    withdrawn: bytes | None
    is_touched: bool
    wrong_rows: tuple[str, ...]

    @property
    def body(self) -> bytes | None:
        """The body that there is, or None."""
        return self.withdrawn if self.listed is None else self.listed


@dataclass(frozen=True, slots=True)
class SurplusRow:
    """A row that no body calls for.

    Attributes:
        table: Where it is; with `.` and a column, where that alone is surplus.
        key: What identifies it there.
        place: The place that it points to.
        tenant: Whose place that is.
        recording: The id of the recording there, or None where there is none.
    """

    table: str
    key: tuple[int | str | bytes, ...]
    place: int
    tenant: int
    recording: str | None


@dataclass(frozen=True, slots=True)
class WrongCall:
    """A call that is not listed as it should be.

    Attributes:
        place: Its place in the catalog; of one with recordings, that of the first.
        tenant: Whose place that is.
        dialog: The id of its dialog.
        recording: The id of the recording there, or None where there is none.
        tables: Names of what should have been made of it, and is not there or not so.
        is_readable: Whether the body of a call without recording can be read, and is of a call
            that started when its place says.
    """

    place: int
    tenant: int
    dialog: str
    recording: str | None
    tables: tuple[str, ...]
    is_readable: bool


@dataclass(frozen=True, slots=True)
class Deleting:
    """A recording that is being deleted."""

    tenant: int
    id: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class WrongDay:
    """A day whose count of calls is not their number; days since 2000-01-01 UTC."""

    tenant: int
    day: int


class Audit(Protocol):
    """What the catalog says of itself, and the mending of it."""

    async def damages(self) -> list[str]:
        """Return what the database itself finds wrong; nothing else can be relied on then.

        Raises:
            Unavailable: a table, or another part of the schema, is missing.
        """
        ...

    async def entries(self) -> int:
        """Return how many entries there are, of all tenants, whatever their state."""
        ...

    def kept(self, read: Reading) -> AsyncIterator[list[Kept]]:
        """Yield all that is kept, in order, a few hundred at a time."""
        ...

    def wrong_calls(self, read: Reading) -> AsyncIterator[list[WrongCall]]:
        """Yield the calls that the list of calls should show, and does not, or otherwise."""
        ...

    def surplus_rows(self, read: Reading) -> AsyncIterator[list[SurplusRow]]:
        """Yield the rows that no body calls for; those of a body that is not read are let be."""
        ...

    def wrong_days(self) -> AsyncIterator[list[WrongDay]]:
        """Yield the days whose counts are wrong."""
        ...

    async def with_audio(self, tenant: int, digest: bytes) -> list[str]:
        """Return the ids of the tenant's recordings that have this audio, whatever their state."""
        ...

    async def marked_among(self, tenant: int, digests: Sequence[bytes]) -> frozenset[bytes]:
        """Return which digests are used by the marks of uses alone, which is quick in any archive.

        Enough where `used_among` said a moment ago what the entries use: what was taken in since
        has its marks.
        """
        ...

    async def used_among(self, tenant: int, digests: Sequence[bytes]) -> frozenset[bytes]:
        """Return those of the digests that anything of the tenant names.

        More careful than `Catalog.is_digest_used`, and slow where some are not used: neither a
        mark without its entry nor an entry without its mark is overlooked.
        """
        ...

    async def deleting(self) -> list[Deleting]:
        """Return what is being deleted."""
        ...

    async def knows_its_audio(self) -> bool:
        """Say whether every body has an entry, and every entry's audio is known to be in use."""
        ...

    async def mend_rows(self, place: int, read: Reading) -> None:
        """Make all rows again that a recording should have."""
        ...

    async def mend_call(self, place: int, read: Reading) -> None:
        """Make again what lists a call. Its day may be wrong then."""
        ...

    async def drop_row(self, row: SurplusRow, read: Reading) -> None:
        """Drop a row that no body calls for, or clear its column where that alone is surplus.

        One that is called for by now stays.
        """
        ...

    async def mend_day(self, wrong: WrongDay) -> None:
        """Count the calls of a day again."""
        ...

    async def set_aside(self, place: int, state: State) -> None:
        """Take a recording out of every list, as `Catalog.withdraw`, whatever its body is like.

        One that has another state than available keeps it. Rows that lists were made of stay, and
        are surplus then.
        """
        ...
