"""The catalog: which recordings there are, and what may be asked of them.

`Catalog` is the seam. SQLite stands behind it (`sqlite.py`); PostgreSQL can. Every
implementation passes `tests/contracts/catalog_contract.py`, which is this contract as tests.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from callreel.catalog.audit import Audit
from callreel.catalog.deletions import Deletions
from callreel.catalog.ledger import Ledger
from callreel.catalog.outbox import Outbox
from callreel.model import (
    CallFilter,
    Facts,
    Key,
    ListRequest,
    Named,
    Page,
    Reach,
    Span,
    State,
    Tenant,
)


class Kind(Enum):
    """What an id with a name may be of."""

    PROJECT = "project"
    USER = "tenant_user"
    TAG = "custom_tag"


class Outcome(Enum):
    """What became of an entry that was handed in."""

    ADDED = "added"
    SAME = "same"  # already there, from the same content
    CONFLICT = "conflict"  # the id is taken by other content
    DELETED = "deleted"  # it was deleted for good


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEntry:
    """A recording on its way into the catalog.

    Attributes:
        id: The recording's id, unique in its tenant.
        dialog: The id of its call's dialog, or '' where it is not known. Recordings of one dialog
            that starts in one second are of one call.
        body: Its finished public JSON without the opening (see `Catalog.page`).
        facts: What the body says that can be filtered by.
        digest: SHA-256 of the audio, 32 bytes.
        fingerprint: SHA-256 of all that was handed in, 32 bytes: tells a repeat from a clash.
        arrived_at: Seconds UTC.
        original_name: The audio's file name where it came from; for people, never a path of ours.
        source: What brought it in, such as `api` or `freepbx`.
        project, user: Names to be known by `GET /project` and `GET /tenant_user`.
        import_run: The number of the import that brings it, or None.
        has_call_record: Whether anything but the name of its file tells of its call; None where
            that is not known.
    """

    id: str
    body: bytes
    facts: Facts
    digest: bytes
    fingerprint: bytes
    arrived_at: int
    original_name: str | None = None
    source: str = "api"
    project: Named | None = None
    user: Named | None = None
    import_run: int | None = None
    dialog: str = ""
    has_call_record: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCall:
    """A call without recording on its way into the catalog.

    Attributes:
        dialog: The id of its dialog.
        body: Its finished public JSON, whole.
        facts, arrived_at, source, project, user, import_run: As of a `NewEntry`.
        legs: Start, in seconds UTC, and id of more dialogs: a recording of one is one of the call.
    """

    dialog: str
    body: bytes
    facts: Facts
    arrived_at: int
    source: str
    project: Named | None = None
    user: Named | None = None
    import_run: int | None = None
    legs: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """A recording as the catalog keeps it; what its fields mean, `NewEntry` says."""

    id: str
    body: bytes
    state: State
    digest: bytes
    fingerprint: bytes
    arrived_at: int
    original_name: str | None
    source: str
    has_call_record: bool | None = None


FactsOf = Callable[[bytes], Facts]
"""Reads the facts out of a body; called inside a transaction, it must not block."""

BodyOf = Callable[[bytes], bytes | None]
"""Makes the body of a call without recording of a recording's, or None where that is damaged.

It must not block either.
"""


class Catalog(Audit, Deletions, Ledger, Outbox, Protocol):
    """Recordings, names, keys, tenants, deletions, imports, the outbox of webhooks, the audit.

    Every method that reads or changes recordings is given a `Reach` and behaves as if nothing
    outside of it existed. A write has reached stable storage when its method returns. Methods
    are coroutines so that a database over a network can stand behind them; they may be called
    from one event loop only, several at once.

    Raises (any method):
        Unavailable: the store is away, busy or took longer than its time limit.
        StorageFull: a write found no room; nothing of it was kept.
    """

    async def page(self, reach: Reach, request: ListRequest, opening: bytes) -> Page:
        """Return a page of the available recordings, or of all calls, as the filter says.

        A call is there once: by its first available recording, or else by what is known of it
        without one.

        Args:
            reach: Whose.
            request: Which.
            opening: Put before the body of each recording; it is how the server's own address gets
                into a record. The body of a call without recording is whole.
        """
        ...

    async def count(self, reach: Reach, call_filter: CallFilter) -> int:
        """Return how many available recordings, or calls, match."""
        ...

    async def find(self, reach: Reach, recording_id: str) -> Entry:
        """Return one, whatever its state.

        Raises:
            NotFound: none within reach has this id.
        """
        ...

    async def add(
        self, tenant: int, entries: Sequence[NewEntry], *, deleted_too: bool = False
    ) -> list[Outcome]:
        """Add all entries in one transaction, as available; return what became of each, in order.

        Within a second of `started_at`, arrival decides the order of a list. The id of a recording
        that is being deleted, but not for good, is free: its deletion ends here.

        Args:
            tenant: Whose they become.
            entries: The entries.
            deleted_too: Whether to add also what was deleted for good, which is forgotten then.
        """
        ...

    async def add_calls(self, tenant: int, calls: Sequence[NewCall]) -> list[Outcome]:
        """Add calls without recording in one transaction; return what became of each, in order.

        A call that is known, with a recording or without, stays as it is. One of which a recording
        comes later is listed by that, in the place that it has.
        """
        ...

    async def knows_call(self, tenant: int, call: NewCall) -> bool:
        """Say whether `add_calls` would leave a call as it is; nothing is written."""
        ...

    async def drop_calls(self, run: int, limit: int) -> int:
        """Drop so many of the calls that an import brought without recording; return how many.

        A recording that came since stays.
        """
        ...

    async def rewrite(
        self, reach: Reach, recording_id: str, change: Callable[[bytes], bytes], read: FactsOf
    ) -> bytes:
        """Change an available recording's body and its tags in one transaction; return the body.

        It counts as touched from then on.

        Of the facts, only the tags may differ between the old body and the new one.

        Raises:
            NotFound: none within reach has this id and is available.
        """
        ...

    async def withdraw(self, reach: Reach, recording_id: str, state: State, read: FactsOf) -> None:
        """Take a recording out of every list and give it another state than available.

        Its call is listed by another recording of it, or as it came without one, if it did. Where
        there is neither, it is listed no more. What is being deleted stays so.

        Raises:
            NotFound: none within reach has this id.
        """
        ...

    async def delete(
        self, reach: Reach, recording_id: str, read: FactsOf, remains: BodyOf, at: int
    ) -> None:
        """Take a recording out of every list for good, and keep that it was deleted.

        Its call stays listed, as by `withdraw`, or as `remains` has it; so it does where the
        recording was in no list any more. `forget` ends it.

        Args:
            reach: Whose.
            recording_id: Which, of whatever state.
            read: Reads its facts.
            remains: Makes the call that it leaves.
            at: When, seconds UTC.

        Raises:
            NotFound: none within reach has this id.
        """
        ...

    async def restore(self, reach: Reach, recording_id: str, read: FactsOf) -> None:
        """Make a withdrawn recording available again, at its old place.

        Raises:
            NotFound: none within reach has this id and is withdrawn, or it is being deleted.
        """
        ...

    async def forget(self, reach: Reach, recording_id: str) -> None:
        """Drop a withdrawn recording for good; nothing happens where there is none."""
        ...

    async def has_id_like(self, tenant: int, beginning: str) -> bool:
        """Say whether the id of any recording of the tenant begins so.

        Of whatever state, or deleted for good.
        """
        ...

    async def without_call_record(self, reach: Reach, started: Span) -> frozenset[str]:
        """Return the ids of available recordings of whose call only their file's name tells.

        Args:
            reach: Whose.
            started: Of calls that started in this span, seconds UTC.
        """
        ...

    async def note_call_records(self, tenant: int, told: Sequence[tuple[str, bytes]]) -> None:
        """Note that a call record tells of recordings of which only their file's name did.

        Args:
            tenant: Whose.
            told: The id of each, and the digest of its audio: of one with other audio it does not
                tell.
        """
        ...

    async def adopt(self, place: int, entry: NewEntry) -> None:
        """Make the entry again of a body that has none; nothing happens where its id has one.

        What is in no list becomes suspect, as nobody knows any more why it is in none; unless it
        was deleted for good: its deletion goes on.
        """
        ...

    async def is_digest_used(self, tenant: int, digest: bytes) -> bool:
        """Say whether any recording of the tenant that is not being deleted has this audio."""
        ...

    async def names(self, reach: Reach, kind: Kind) -> list[Named]:
        """Return the ids and names, ascending by id.

        A narrowed reach sees the projects and users of its own calls only, and every tag.
        """
        ...

    async def add_tag(
        self, tenant: int, name: str, tag_id: int | None = None
    ) -> tuple[Named, bool]:
        """Name a tag and say whether it is new; without an id, one is given or the name's is found.

        Raises:
            Conflict: the id has another name, or the name another id.
        """
        ...

    async def unknown_tags(self, tenant: int, tag_ids: frozenset[int]) -> frozenset[int]:
        """Return those of the ids that no tag has."""
        ...

    async def add_tenant(self, name: str) -> Tenant:
        """Create a tenant.

        Raises:
            Conflict: the name is taken.
        """
        ...

    async def tenants(self) -> list[Tenant]:
        """Return all tenants by number."""
        ...

    async def add_key(self, key: Key) -> None:
        """Keep a key."""
        ...

    async def key_by_digest(self, digest: bytes) -> Key | None:
        """Return the key with this digest, revoked or not; of damaged ones, None if revoked.

        Raises:
            Unavailable: the key is damaged.
        """
        ...

    async def keys(self, tenant: int | None = None) -> list[Key]:
        """Return the keys, of one tenant or all, oldest first, without those that are damaged."""
        ...

    async def damaged_keys(self, tenant: int | None = None) -> list[str]:
        """Return the ids of keys that are damaged, of one tenant or all, and not revoked."""
        ...

    async def note_key_uses(self, uses: Mapping[str, int]) -> None:
        """Keep when keys were last used, by their ids: seconds UTC. The latest moment stays."""
        ...

    async def revoke_key(self, key_id: str, at: int) -> int:
        """Revoke a key and return when; one that is revoked already keeps its time.

        Raises:
            NotFound: there is no such key.
        """
        ...

    async def check(self) -> None:
        """Return if the catalog can be read; raise Unavailable if not."""
        ...

    async def close(self) -> None:
        """Give everything back; no other method may be called afterwards."""
        ...
