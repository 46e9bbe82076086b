"""The nouns: frozen values without I/O, in the project's own words.

Times are whole seconds since 1970-01-01 UTC, durations are milliseconds, sizes are bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from callreel.errors import NotAllowed

ANY_TIME: Final = (-(1 << 62), (1 << 62))
EARLIEST_START: Final = 946_684_800  # 2000-01-01 00:00:00, before which no call can be kept
RECORDING_ID: Final = r"^(?!\.{1,2}$)[A-Za-z0-9._~:-]{1,64}$"  # safe in an address and in JSON
LATEST_START: Final = EARLIEST_START + (1 << 32) - 1  # in the year 2136


class Scope(StrEnum):
    """What a key may do."""

    READ = "read"
    LISTEN = "listen"
    INGEST = "ingest"
    MANAGE = "manage"


class State(StrEnum):
    """Where a recording stands; only an available one is ever listed or played."""

    AVAILABLE = "available"
    MISSING_AUDIO = "missing_audio"
    SUSPECT = "suspect"
    QUARANTINED = "quarantined"
    DELETING = "deleting"


class DialogType(StrEnum):
    """Whose leg of the call a dialog is."""

    CONSULTANT = "CONSULTANT"
    TENANT_USER = "TENANT_USER"
    EXTERNAL = "EXTERNAL"
    BOT = "BOT"
    SCREENSHARE_DIALOG = "SCREENSHARE_DIALOG"
    SYSTEM = "SYSTEM"
    UNBOUND_DIALOG = "UNBOUND_DIALOG"


class Direction(StrEnum):
    """The direction of a call as the company sees it."""

    INBOUND = "INBOUND"
    OUTBOUND = "OUTBOUND"


@dataclass(frozen=True, slots=True)
class Reach:
    """What a key reaches: one tenant, and of it perhaps only some projects and some users.

    Attributes:
        tenant: The tenant's number.
        projects: The only project ids, or None for all; a call without project is outside.
        users: The only tenant user ids, or None for all; a call without user is outside.
    """

    tenant: int
    projects: frozenset[int] | None = None
    users: frozenset[int] | None = None

    @property
    def is_narrowed(self) -> bool:
        return self.projects is not None or self.users is not None


@dataclass(frozen=True, slots=True)
class Access:
    """A key that was recognised.

    Attributes:
        key_id: The key's public id, which may be shown and logged.
        reach: What it reaches.
        scopes: What it may do there.
        expires_at: When it ends, or None.
    """

    key_id: str
    reach: Reach
    scopes: frozenset[Scope]
    expires_at: int | None = None

    def require(self, scope: Scope) -> None:
        """Raise NotAllowed unless the key has the scope."""
        if scope not in self.scopes:
            raise NotAllowed(f"This key lacks the scope '{scope}'.")


@dataclass(frozen=True, slots=True)
class Named:
    """An id with its name: of a project, a tenant user or a tag."""

    id: int
    name: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One dialog (a party's leg of a call) that has ended, as its call detail record has it.

    Attributes:
        dialog_id: The id that the telephone system gave the dialog; opaque.
        from_number: The calling number as it came, or None where withheld.
        to_number: The called number as it came.
        answered_at: When the call was answered technically.
        served_at: When the conversation began.
        talking_ms: Length of the conversation.
        waiting_ms: From the start of the call to the start of the conversation.
        source_call_id: The call's id in the system that it came from.
        project: The project with its name at the time of the call.
        user: The tenant user with their name at the time of the call.
        tags: Tag ids, ascending, each once.
    """

    dialog_id: str
    dialog_type: DialogType
    direction: Direction
    started_at: int
    hung_up_at: int
    talking_ms: int
    end_cause: str | None = None
    from_number: str | None = None
    to_number: str | None = None
    alerted_at: int | None = None
    rang_at: int | None = None
    answered_at: int | None = None
    served_at: int | None = None
    waiting_ms: int | None = None
    first_queue_waiting_ms: int | None = None
    machine_detected: bool = False
    machine_type: str | None = None
    source_call_id: str | None = None
    project: Named | None = None
    user: Named | None = None
    tags: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Audio:
    """What was measured of stored audio.

    Attributes:
        sha256: Hex digest of the stored bytes.
        size: Their number.
        mime_type: Sniffed from the bytes.
        channels: How many, or None where it cannot be told.
        duration_ms: Measured from the audio, or None where it cannot be told.
    """

    sha256: str
    size: int
    mime_type: str
    channels: int | None = None
    duration_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Recording:
    """A call with its audio, under the id by which clients know it."""

    id: str
    call: Call
    audio: Audio


@dataclass(frozen=True, slots=True)
class Span:
    """Whole numbers from low to high, both included; empty where low is above high."""

    low: int = ANY_TIME[0]
    high: int = ANY_TIME[1]

    def narrowed(self, low: int | None = None, high: int | None = None) -> Span:
        """Return the part of this span that lies from low to high."""
        return Span(
            self.low if low is None else max(self.low, low),
            self.high if high is None else min(self.high, high),
        )

    @property
    def is_open(self) -> bool:
        """Whether every number lies in it."""
        return (self.low, self.high) == ANY_TIME

    @property
    def is_empty(self) -> bool:
        return self.low > self.high


EVERYTHING: Final = Span()


@dataclass(frozen=True, slots=True)
class CallFilter:
    """A question about calls; everything named must hold.

    Attributes:
        started: Seconds UTC.
        hung_up: Seconds UTC.
        talking: Milliseconds.
        projects: Any of these project ids, or None for all; an empty set matches nothing.
        users: Any of these tenant user ids, or None for all.
        numbers: For each set, either side's normalised number is among it.
        tags: For each set, one of the call's tags is among it.
        types: Any of these types of a dialog, or None for all.
        directions: Any of these directions, or None for all.
        source_call_ids: For each set, the call's id in the system it came from is among it.
        unrecorded_too: Whether calls are asked for, each once, with or without recording; else
            recordings are.
    """

    started: Span = EVERYTHING
    hung_up: Span = EVERYTHING
    talking: Span = EVERYTHING
    projects: frozenset[int] | None = None
    users: frozenset[int] | None = None
    numbers: tuple[frozenset[str], ...] = ()
    tags: tuple[frozenset[int], ...] = ()
    types: frozenset[DialogType] | None = None
    directions: frozenset[Direction] | None = None
    source_call_ids: tuple[frozenset[str], ...] = ()
    unrecorded_too: bool = False


NO_FILTER: Final = CallFilter()
EVERY_CALL: Final = CallFilter(unrecorded_too=True)


class SortField(StrEnum):
    """What a list may be sorted by."""

    STARTED = "started"
    HUNG_UP = "hung_up"
    TALKING = "talking"


@dataclass(frozen=True, slots=True)
class SortKey:
    field: SortField
    descending: bool = False


DEFAULT_SORT: Final = (SortKey(SortField.STARTED),)

Position = tuple[int, ...]
"""A place in a sorted list: the values that its order compares, its own closing number last.

Opaque outside of the catalog that made it; never names a tenant.
"""


@dataclass(frozen=True, slots=True)
class ListRequest:
    """Which page of which list.

    Attributes:
        filter: Which calls.
        sort: In which order; arrival closes it, in the direction of the last key.
        limit: At most so many, at least 1.
        offset: Skip so many; 0 where `after` is given.
        after: Only what comes after this position.
    """

    filter: CallFilter = NO_FILTER
    sort: tuple[SortKey, ...] = DEFAULT_SORT
    limit: int = 500
    offset: int = 0
    after: Position | None = None


@dataclass(slots=True)
class Page:
    """A page of a list, ready to be sent; leave it as it is.

    One is made for each request, and what makes the others frozen takes longer than the rest of it.

    Attributes:
        pieces: The records' bodies, each with its opening, divided by commas; cut anywhere, since
            a long page takes longer to put together than to send.
        count: How many.
        last: The position of the last one, or None for an empty page.
    """

    pieces: tuple[bytes, ...]
    count: int
    last: Position | None

    @property
    def bodies(self) -> bytes:
        """The pieces, put together."""
        return b"".join(self.pieces)


@dataclass(frozen=True, slots=True)
class Facts:
    """What of a call can be filtered and sorted by.

    Attributes:
        numbers: Normalised numbers of both sides.
        tags: Tag ids.
        dialog_type, direction: None only where the one who asks knows of no such thing.
        source_call_id: The call's id in the system that it came from.
    """

    started_at: int
    hung_up_at: int
    talking_ms: int
    project_id: int | None = None
    user_id: int | None = None
    numbers: frozenset[str] = field(default_factory=frozenset)
    tags: frozenset[int] = field(default_factory=frozenset)
    dialog_type: DialogType | None = None
    direction: Direction | None = None
    source_call_id: str | None = None


@dataclass(frozen=True, slots=True)
class Key:
    """An API key as it is kept: its digest, never itself.

    Attributes:
        id: The public id, also the readable beginning of the key.
        label: What it is for, in the words of the person who made it.
        digest: SHA-256 of the whole key, 32 bytes.
        access: What it may do.
        created_at: When it was made.
        revoked_at: When it was revoked, or None.
        used_at: When it was last used, as far as it has been noted, or None.
    """

    id: str
    label: str
    digest: bytes
    access: Access
    created_at: int
    revoked_at: int | None = None
    used_at: int | None = None


@dataclass(frozen=True, slots=True)
class Tenant:
    """A customer whose calls nobody else sees; the number is ours, the name the operator's."""

    number: int
    name: str
