"""Tenants, keys and names; the writing functions run inside a transaction of the writer."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

import apsw
import msgspec

from callreel.catalog import Kind
from callreel.catalog.bounds import MAX_TENANT, keys_of, narrowing
from callreel.errors import Conflict, NotFound, Unavailable
from callreel.model import Access, Key, Named, Reach, Scope, Tenant

_KEY_COLUMNS: Final = (
    "id, label, digest, tenant, scopes, projects, users, created_at, expires_at, revoked_at"
)
_KEY_READ: Final = (  # text as bytes, since text that is none cannot be read at all
    "CAST(id AS BLOB), CAST(label AS BLOB), CASE typeof(digest) WHEN 'blob' THEN digest END, "
    "CASE typeof(tenant) WHEN 'integer' THEN tenant END, CAST(scopes AS BLOB), "
    "coalesce(CAST(projects AS BLOB), 'null'), coalesce(CAST(users AS BLOB), 'null'), "
    "created_at, expires_at, revoked_at"
)
_USED: Final = "(SELECT at FROM key_use WHERE key_use.id = api_key.id)"
_REVOKE: Final = """
UPDATE api_key SET revoked_at = ?1,
    -- What a column may not hold, SQLite would not write again.
    label = CAST(label AS TEXT), scopes = CAST(scopes AS TEXT), projects = CAST(projects AS TEXT),
    users = CAST(users AS TEXT), created_at = coalesce(CAST(created_at AS INTEGER), 0),
    expires_at = CAST(expires_at AS INTEGER)
WHERE rowid = ?2 AND revoked_at IS NULL
"""
_SCOPES: Final = msgspec.json.Decoder(frozenset[Scope])
_IDS: Final = msgspec.json.Decoder(frozenset[int] | None)
_TENANTS: Final = range(1, MAX_TENANT + 1)
_TIMES: Final = range(253_402_300_800)  # up to the year 10000
_NOTE_USE: Final = f"""
INSERT INTO key_use VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET at = excluded.at
WHERE at NOT BETWEEN excluded.at AND {_TIMES[-1]}  -- what damage made of it does not stay
"""
_DAMAGED: Final = (
    "This key is damaged in the database; tell the operator, to whom `callreel key list` names it."
)
_UNWRITABLE: Final = (
    "The key is damaged beyond being marked as revoked; it stays refused, and is named until the "
    "database is restored from a backup."
)
_MAX_TAG: Final = (1 << 53) - 1


def add_tenant(connection: apsw.Connection, name: str) -> Tenant:
    """Create a tenant with the next number (see `Catalog.add_tenant`)."""
    if connection.execute("SELECT 1 FROM tenant WHERE name = ?", (name,)).get:
        raise Conflict(f"There is a tenant '{name}' already.")
    number = connection.execute("SELECT coalesce(max(number), 0) + 1 FROM tenant").get
    if number > MAX_TENANT:
        raise Conflict(f"One database holds at most {MAX_TENANT:,} tenants.")
    connection.execute("INSERT INTO tenant (number, name) VALUES (?, ?)", (number, name))
    return Tenant(number, name)


def tenants(connection: apsw.Connection) -> list[Tenant]:
    """Return all tenants by number."""
    rows = connection.execute("SELECT number, name FROM tenant ORDER BY number")
    return [Tenant(number, name) for number, name in rows]


def add_key(connection: apsw.Connection, key: Key) -> None:
    """Keep a key."""
    access = key.access
    connection.execute(
        f"INSERT INTO api_key ({_KEY_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            key.id,
            key.label,
            key.digest,
            access.reach.tenant,
            json.dumps(sorted(access.scopes)),
            _listed(access.reach.projects),
            _listed(access.reach.users),
            key.created_at,
            access.expires_at,
            key.revoked_at,
        ),
    )


def _listed(ids: frozenset[int] | None) -> str | None:
    return None if ids is None else json.dumps(sorted(ids))


def _key(row: Any) -> Key | None:  # noqa: ANN401 - a row of the columns to be read
    """Return the key in a row, or None where the row is damaged."""
    key_id, label, digest, tenant, scopes, projects, users, created, expires, revoked = row
    times = (created, *(each for each in (expires, revoked) if each is not None))
    if (
        digest is None
        or not _is_in(_TENANTS, tenant)
        or not all(_is_in(_TIMES, each) for each in times)
    ):
        return None
    try:
        reach = Reach(tenant, _IDS.decode(projects), _IDS.decode(users))
        access = Access(key_id.decode(), reach, _SCOPES.decode(scopes), expires)
        return Key(access.key_id, label.decode(), digest, access, created, revoked)
    except (msgspec.DecodeError, ValueError):
        return None


def _is_in(numbers: range, found: object) -> bool:
    """Say whether it is one of these; a single bit makes bytes or a fraction of what was a number.

    A range compares what is no whole number with each of its own, one after the other.
    """
    return isinstance(found, int) and found in numbers


def key_by_digest(connection: apsw.Connection, digest: bytes) -> Key | None:
    """Return the key with this digest, or None (see `Catalog.key_by_digest`)."""
    sql = f"SELECT {_KEY_READ} FROM api_key WHERE digest = ?"
    row = connection.execute(sql, (digest,)).fetchone()
    if row is None:
        return None
    key = _key(row)
    if key is None and row[-1] is None:
        raise Unavailable(_DAMAGED, retry_after=60)
    return key


def keys(connection: apsw.Connection, tenant: int | None) -> list[Key]:
    """Return the keys of one tenant or all, oldest first."""
    found = ((used, _key(row)) for used, *row in _rows(connection, tenant, f"{_USED}, {_KEY_READ}"))
    return [
        replace(key, used_at=used if _is_in(_TIMES, used) else None)
        for used, key in found
        if key is not None
    ]


def damaged_keys(connection: apsw.Connection, tenant: int | None) -> list[str]:
    """Return the ids of damaged keys (see `Catalog.damaged_keys`)."""
    rows = _rows(connection, tenant, _KEY_READ)
    return [_shown(row[0]) for row in rows if row[-1] is None and _key(row) is None]


def _shown(key_id: bytes) -> str:
    return key_id.decode(errors="replace")


def _rows(connection: apsw.Connection, tenant: int | None, columns: str) -> Iterator[Any]:
    sql = (
        f"SELECT {columns} FROM api_key WHERE ?1 IS NULL OR tenant = ?1 ORDER BY created_at, rowid"
    )
    return connection.execute(sql, (tenant,))


def revoke_key(connection: apsw.Connection, key_id: str, at: int) -> int:
    """Revoke a key (see `Catalog.revoke_key`)."""
    # Not by the index, which may hold the id of a damaged row as it was.
    sql = "SELECT rowid, CAST(id AS BLOB) FROM api_key NOT INDEXED"
    ids: list[Any] = connection.execute(sql).fetchall()
    found = next((row for row, kept in ids if _shown(kept) == key_id), None)
    if found is None:
        raise NotFound(f"There is no key '{key_id}'.")
    try:
        connection.execute(_REVOKE, (at, found))
    except apsw.ConstraintError as error:  # its digest or tenant is of another kind
        raise Unavailable(_UNWRITABLE) from error
    sql = "SELECT CAST(revoked_at AS INTEGER) FROM api_key WHERE rowid = ?"
    return int(connection.execute(sql, (found,)).get)


def note_key_uses(connection: apsw.Connection, uses: Mapping[str, int]) -> None:
    """Keep when keys were used (see `Catalog.note_key_uses`)."""
    connection.executemany(_NOTE_USE, uses.items())


def names(connection: apsw.Connection, reach: Reach, kind: Kind) -> list[Named]:
    """Return ids and names within reach (see `Catalog.names`)."""
    narrow = narrowing(reach)
    seen, args = "", tuple[int | str, ...]()
    if reach.is_narrowed and kind is not Kind.TAG:
        table = "by_project" if kind is Kind.PROJECT else "by_user"
        column = "project" if kind is Kind.PROJECT else "user"
        met = (
            f"EXISTS (SELECT 1 FROM {{}}{table} d WHERE d.{column} = n.id "
            f"AND d.k >= ? AND d.k < ?{narrow.where})"
        )
        seen = f" AND ({met.format('')} OR {met.format('unrecorded_')})"
        args = (*keys_of(reach.tenant), *narrow.args) * 2
    rows = connection.execute(
        f"SELECT n.id, n.name FROM named n WHERE n.tenant = ? AND n.kind = ?{seen} ORDER BY n.id",
        (reach.tenant, kind.value, *args),
    )
    return [Named(an_id, name) for an_id, name in rows]


def add_tag(
    connection: apsw.Connection, tenant: int, name: str, tag_id: int | None
) -> tuple[Named, bool]:
    """Name a tag (see `Catalog.add_tag`)."""
    by_name = "SELECT id FROM named WHERE tenant = ? AND kind = 'custom_tag' AND name = ?"
    named_so = connection.execute(by_name, (tenant, name)).get
    if named_so is not None:
        if tag_id not in {None, named_so}:
            raise Conflict(f"The tag {named_so} has this name already.")
        return Named(named_so, name), False
    if tag_id is None:
        tag_id = _next_tag(connection, tenant)
    by_id = "SELECT name FROM named WHERE tenant = ? AND kind = 'custom_tag' AND id = ?"
    if connection.execute(by_id, (tenant, tag_id)).get is not None:
        raise Conflict(f"The tag {tag_id} has another name.")
    connection.execute(
        "INSERT INTO named VALUES (?, 'custom_tag', ?, ?) "
        "ON CONFLICT DO UPDATE SET name = excluded.name",
        (tenant, tag_id, name),
    )
    return Named(tag_id, name), True


def _next_tag(connection: apsw.Connection, tenant: int) -> int:
    sql = "SELECT coalesce(max(id), 0) + 1 FROM named WHERE tenant = ? AND kind = 'custom_tag'"
    following = int(connection.execute(sql, (tenant,)).get)
    if following > _MAX_TAG:
        raise Conflict("The highest tag id is taken; name one yourself.")
    return max(following, 1)


def unknown_tags(
    connection: apsw.Connection, tenant: int, tag_ids: frozenset[int]
) -> frozenset[int]:
    """Return the ids that no tag has."""
    sql = "SELECT 1 FROM named WHERE tenant = ? AND kind = 'custom_tag' AND id = ?"
    return frozenset(tag for tag in tag_ids if not connection.execute(sql, (tenant, tag)).get)
