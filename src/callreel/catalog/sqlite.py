"""The catalog in one SQLite file: the embedded default."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from callreel.catalog import (
    BodyOf,
    Entry,
    FactsOf,
    Kind,
    NewCall,
    NewEntry,
    Outcome,
    sqlite_audit,
    sqlite_audit_calls,
    sqlite_calls,
    sqlite_deletions,
    sqlite_ledger,
    sqlite_list,
    sqlite_outbox,
    sqlite_people,
    sqlite_surplus,
    sqlite_write,
)
from callreel.catalog.audit import (
    Deleting,
    Kept,
    Reading,
    SurplusRow,
    WrongCall,
    WrongDay,
)
from callreel.catalog.deletions import Deletion
from callreel.catalog.ledger import Brought, ImportItem, ImportRun, WatchedFile
from callreel.catalog.migrate import Migration, migrations
from callreel.catalog.outbox import Delivery, NewWebhook, Tried, Webhook
from callreel.catalog.sqlite_db import Database
from callreel.model import (
    CallFilter,
    Key,
    ListRequest,
    Named,
    Page,
    Reach,
    Span,
    State,
    Tenant,
)

AUDIT_SECONDS: Final = 3_600
"""What goes through a whole table may take longer than an answer to a client."""


class SqliteCatalog:
    """A `Catalog` in a file; several processes may have it open at once."""

    def __init__(
        self,
        path: Path,
        *,
        query_seconds: int = 10,
        steps: list[Migration] | None = None,
        read_only: bool = False,
    ) -> None:
        """Open the file, making it and bringing its schema up to date as needed.

        Args:
            path: The database file, on a local disk.
            query_seconds: After so long a question is given up.
            steps: The migrations to apply, where not all.
            read_only: Whether to leave the file as it is, so that every write fails.

        Raises:
            Misconfigured: the file cannot be opened, is no database of ours, or a newer one.
        """
        self._db = Database(path, query_seconds, steps or migrations(), read_only=read_only)

    async def page(self, reach: Reach, request: ListRequest, opening: bytes) -> Page:
        return await self._db.read(
            lambda db: sqlite_list.page(db, reach, request, opening), reach.tenant
        )

    async def count(self, reach: Reach, call_filter: CallFilter) -> int:
        return await self._db.read(
            lambda db: sqlite_list.count(db, reach, call_filter), reach.tenant
        )

    async def find(self, reach: Reach, recording_id: str) -> Entry:
        return await self._db.read(
            lambda db: sqlite_write.find(db, reach, recording_id)[0], reach.tenant
        )

    async def add(
        self, tenant: int, entries: Sequence[NewEntry], *, deleted_too: bool = False
    ) -> list[Outcome]:
        return await self._db.write(
            lambda db: sqlite_write.add(db, tenant, entries, deleted_too=deleted_too)
        )

    async def add_calls(self, tenant: int, calls: Sequence[NewCall]) -> list[Outcome]:
        return await self._db.write(lambda db: sqlite_write.add_calls(db, tenant, calls))

    async def knows_call(self, tenant: int, call: NewCall) -> bool:
        return await self._db.read(lambda db: sqlite_calls.knows(db, tenant, call))

    async def drop_calls(self, run: int, limit: int) -> int:
        return await self._db.write(lambda db: sqlite_calls.drop(db, run, limit))

    async def rewrite(
        self, reach: Reach, recording_id: str, change: Callable[[bytes], bytes], read: FactsOf
    ) -> bytes:
        return await self._db.write(
            lambda db: sqlite_write.rewrite(db, reach, recording_id, change, read)
        )

    async def withdraw(self, reach: Reach, recording_id: str, state: State, read: FactsOf) -> None:
        how = sqlite_write.Withdrawal(state, read)
        await self._db.write(lambda db: sqlite_write.withdraw(db, reach, recording_id, how))

    async def delete(
        self, reach: Reach, recording_id: str, read: FactsOf, remains: BodyOf, at: int
    ) -> None:
        how = sqlite_write.Withdrawal(State.DELETING, read, remains)
        await self._db.write(
            lambda db: sqlite_write.delete_for_good(db, reach, recording_id, how, at)
        )

    async def restore(self, reach: Reach, recording_id: str, read: FactsOf) -> None:
        await self._db.write(lambda db: sqlite_write.restore(db, reach, recording_id, read))

    async def forget(self, reach: Reach, recording_id: str) -> None:
        await self._db.write(lambda db: sqlite_write.forget(db, reach, recording_id))

    async def has_id_like(self, tenant: int, beginning: str) -> bool:
        return await self._db.read(lambda db: sqlite_write.has_id_like(db, tenant, beginning))

    async def without_call_record(self, reach: Reach, started: Span) -> frozenset[str]:
        return await self._db.read(lambda db: sqlite_write.without_call_record(db, reach, started))

    async def note_call_records(self, tenant: int, told: Sequence[tuple[str, bytes]]) -> None:
        await self._db.write(lambda db: sqlite_write.note_call_records(db, tenant, told))

    async def is_deleted(self, tenant: int, recording_id: str) -> bool:
        return await self._db.read(lambda db: sqlite_deletions.is_deleted(db, tenant, recording_id))

    async def deletions(
        self, tenant: int | None, after: tuple[int, str], limit: int
    ) -> list[Deletion]:
        return await self._db.read(lambda db: sqlite_deletions.deletions(db, tenant, after, limit))

    async def note_deletions(self, deletions: Sequence[Deletion]) -> None:
        await self._db.write(lambda db: sqlite_deletions.note(db, deletions))

    async def lift_deletion(self, tenant: int, recording_id: str) -> None:
        await self._db.write(lambda db: sqlite_deletions.lift(db, tenant, recording_id))

    async def calls_of_deleted(self, reach: Reach, started: Span) -> frozenset[tuple[int, str]]:
        return await self._db.read(lambda db: sqlite_deletions.calls_of_deleted(db, reach, started))

    async def is_digest_used(self, tenant: int, digest: bytes) -> bool:
        return await self._db.read(lambda db: sqlite_write.is_digest_used(db, tenant, digest))

    async def names(self, reach: Reach, kind: Kind) -> list[Named]:
        return await self._db.read(lambda db: sqlite_people.names(db, reach, kind), reach.tenant)

    async def add_tag(
        self, tenant: int, name: str, tag_id: int | None = None
    ) -> tuple[Named, bool]:
        return await self._db.write(lambda db: sqlite_people.add_tag(db, tenant, name, tag_id))

    async def unknown_tags(self, tenant: int, tag_ids: frozenset[int]) -> frozenset[int]:
        return await self._db.read(lambda db: sqlite_people.unknown_tags(db, tenant, tag_ids))

    async def add_tenant(self, name: str) -> Tenant:
        return await self._db.write(lambda db: sqlite_people.add_tenant(db, name))

    async def tenants(self) -> list[Tenant]:
        return await self._db.read(sqlite_people.tenants)

    async def add_key(self, key: Key) -> None:
        await self._db.write(lambda db: sqlite_people.add_key(db, key))

    async def key_by_digest(self, digest: bytes) -> Key | None:
        return await self._db.read(lambda db: sqlite_people.key_by_digest(db, digest))

    async def keys(self, tenant: int | None = None) -> list[Key]:
        return await self._db.read(lambda db: sqlite_people.keys(db, tenant))

    async def damaged_keys(self, tenant: int | None = None) -> list[str]:
        return await self._db.read(lambda db: sqlite_people.damaged_keys(db, tenant))

    async def note_key_uses(self, uses: Mapping[str, int]) -> None:
        await self._db.write(lambda db: sqlite_people.note_key_uses(db, uses))

    async def revoke_key(self, key_id: str, at: int) -> int:
        return await self._db.write(lambda db: sqlite_people.revoke_key(db, key_id, at))

    async def begin_import(self, tenant: int, format_name: str, at: int) -> int:
        return await self._db.write(
            lambda db: sqlite_ledger.begin_import(db, tenant, format_name, at)
        )

    async def note_items(self, run: int, items: Sequence[ImportItem]) -> None:
        await self._db.write(lambda db: sqlite_ledger.note_items(db, run, items))

    async def end_import(self, run: int, at: int) -> None:
        await self._db.write(lambda db: sqlite_ledger.end_import(db, run, at))

    async def imports(self, tenant: int | None = None) -> list[ImportRun]:
        return await self._db.read(lambda db: sqlite_ledger.imports(db, tenant))

    async def import_run(self, run: int) -> ImportRun:
        return await self._db.read(lambda db: sqlite_ledger.import_run(db, run))

    async def import_items(
        self,
        run: int,
        after: int,
        limit: int,
        became: frozenset[str] | None = None,
        faults: frozenset[str] | None = None,
    ) -> list[tuple[int, ImportItem]]:
        return await self._db.read(
            lambda db: sqlite_ledger.import_items(db, run, after, limit, (became, faults))
        )

    async def brought(self, run: int) -> list[Brought]:
        return await self._db.read(lambda db: sqlite_ledger.brought(db, run))

    async def note_undone(self, run: int, at: int) -> None:
        await self._db.write(lambda db: sqlite_ledger.note_undone(db, run, at))

    async def touch(self, reach: Reach, recording_id: str, at: int) -> None:
        if not await self._db.read(lambda db: sqlite_ledger.is_touched(db, reach, recording_id)):
            await self._db.write(lambda db: sqlite_ledger.touch(db, reach, recording_id, at))

    async def watched_files(self, tenant: int, folder: str) -> list[WatchedFile]:
        return await self._db.read_slowly(
            lambda db: sqlite_ledger.watched_files(db, tenant, folder)
        )

    async def note_watched(self, tenant: int, folder: str, files: Sequence[WatchedFile]) -> None:
        await self._db.write(lambda db: sqlite_ledger.note_watched(db, tenant, folder, files))

    async def mirrored(self, tenant: int, account: bytes) -> list[Span]:
        return await self._db.read(lambda db: sqlite_ledger.mirrored(db, tenant, account))

    async def note_mirrored(self, tenant: int, account: bytes, span: Span) -> None:
        await self._db.write(lambda db: sqlite_ledger.note_mirrored(db, tenant, account, span))

    async def add_webhook(self, hook: NewWebhook) -> Webhook:
        return await self._db.write(lambda db: sqlite_outbox.add_webhook(db, hook))

    async def webhooks(self, tenant: int | None = None) -> list[Webhook]:
        return await self._db.read(lambda db: sqlite_outbox.webhooks(db, tenant))

    async def end_webhook(self, number: int, at: int, why: str) -> None:
        await self._db.write(lambda db: sqlite_outbox.end_webhook(db, number, at, why))

    async def take_due(
        self, now: int, until: int, limit: int, busy: frozenset[int]
    ) -> list[Delivery]:
        if not await self._db.read(lambda db: sqlite_outbox.due_hooks(db, now, busy)):
            return []
        return await self._db.write(lambda db: sqlite_outbox.take_due(db, now, until, limit, busy))

    async def hasten(self, now: int, latest: int) -> None:
        await self._db.write(lambda db: sqlite_outbox.hasten(db, now, latest))

    async def settle(self, tried: Sequence[Tried], at: int) -> None:
        await self._db.write(lambda db: sqlite_outbox.settle(db, tried, at))

    async def deliveries(self, number: int, limit: int) -> list[Delivery]:
        return await self._db.read(lambda db: sqlite_outbox.deliveries(db, number, limit))

    async def replay(self, number: int, since: int, now: int, *, failed_only: bool) -> int:
        return await self._db.write(
            lambda db: sqlite_outbox.replay(db, number, since, now, failed_only=failed_only)
        )

    async def forget_events(self, before: int) -> None:
        await self._db.write(lambda db: sqlite_outbox.forget_events(db, before))

    async def damages(self) -> list[str]:
        return await self._db.read_slowly(sqlite_audit.damages, seconds=AUDIT_SECONDS)

    async def entries(self) -> int:
        return await self._db.read_slowly(sqlite_audit.entries, seconds=AUDIT_SECONDS)

    async def kept(self, read: Reading) -> AsyncIterator[list[Kept]]:
        after = 0
        while True:
            ask = partial(sqlite_audit.kept, after=after, read=read)
            found = await self._db.read_slowly(ask)
            if not found:
                return
            yield found
            after = found[-1].place

    async def wrong_calls(self, read: Reading) -> AsyncIterator[list[WrongCall]]:
        asks = (
            partial(sqlite_audit_calls.wrong_unrecorded, read=read),
            sqlite_audit_calls.wrong_shared,
        )
        for ask in asks:
            after: int | None = 0
            while after is not None:
                found, after = await self._db.read_slowly(partial(ask, after=after))
                yield found

    async def surplus_rows(self, read: Reading) -> AsyncIterator[list[SurplusRow]]:
        for table in sqlite_surplus.CHECKED:
            async for found in self._surplus_of(table, read):
                yield found

    async def _surplus_of(
        self, table: sqlite_surplus.Checked, read: Reading
    ) -> AsyncIterator[list[SurplusRow]]:
        after = None
        while True:
            ask = partial(sqlite_surplus.surplus_rows, table=table, after=after, read=read)
            found, after = await self._db.read_slowly(ask)
            yield found
            if after is None:
                return

    async def wrong_days(self) -> AsyncIterator[list[WrongDay]]:
        after: tuple[int, int] | None = (0, -1)
        while after is not None:
            ask = partial(sqlite_audit.wrong_days, after=after)
            found, after = await self._db.read_slowly(ask)
            yield found

    async def with_audio(self, tenant: int, digest: bytes) -> list[str]:
        return await self._db.read(lambda db: sqlite_audit.with_audio(db, tenant, digest))

    async def marked_among(self, tenant: int, digests: Sequence[bytes]) -> frozenset[bytes]:
        ask = partial(sqlite_audit.marked_among, tenant=tenant, digests=digests)
        return await self._db.read_slowly(ask)

    async def used_among(self, tenant: int, digests: Sequence[bytes]) -> frozenset[bytes]:
        ask = partial(sqlite_audit.used_among, tenant=tenant, digests=digests)
        return await self._db.read_slowly(ask, seconds=AUDIT_SECONDS)

    async def deleting(self) -> list[Deleting]:
        return await self._db.read_slowly(sqlite_audit.deleting, seconds=AUDIT_SECONDS)

    async def knows_its_audio(self) -> bool:
        return await self._db.read_slowly(sqlite_audit.knows_its_audio, seconds=AUDIT_SECONDS)

    async def mend_rows(self, place: int, read: Reading) -> None:
        await self._db.write(lambda db: sqlite_audit.mend_rows(db, place, read))

    async def mend_call(self, place: int, read: Reading) -> None:
        await self._db.write(lambda db: sqlite_audit_calls.mend_call(db, place, read))

    async def drop_row(self, row: SurplusRow, read: Reading) -> None:
        await self._db.write(lambda db: sqlite_surplus.drop_row(db, row, read))

    async def mend_day(self, wrong: WrongDay) -> None:
        await self._db.write(lambda db: sqlite_audit.mend_day(db, wrong))

    async def set_aside(self, place: int, state: State) -> None:
        await self._db.write(lambda db: sqlite_audit.set_aside(db, place, state))

    async def adopt(self, place: int, entry: NewEntry) -> None:
        await self._db.write(lambda db: sqlite_audit.adopt(db, place, entry))

    async def check(self) -> None:
        self._db.require_in_place()
        await self._db.read(sqlite_audit.require_readable)

    async def close(self) -> None:
        self._db.close()
