"""`callreel key`: who may ask, and for what."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from cyclopts import App, CoercionError, Parameter, Token

from callreel.api.limits import HIGHEST_INT, LOWEST_INT
from callreel.archive import keys
from callreel.cli.opened import opened_catalog
from callreel.cli.output import moment, note, print_json, print_objects
from callreel.cli.tenant import Text, number_of, tenant_named
from callreel.errors import NotFound
from callreel.model import Key, Reach, Scope

key = App(name="key", help="Create, list and revoke API keys.")

UNITS = {"h": 3600, "d": 86_400, "w": 604_800}
LAST = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp()  # a later one cannot be shown


def parse_scopes(text: str) -> frozenset[Scope]:
    """Return the scopes of a list with commas.

    Raises:
        ValueError: one is unknown, or there is none.
    """
    try:
        return frozenset(Scope(word.strip()) for word in text.split(","))
    except ValueError as error:
        known = ", ".join(Scope)
        raise ValueError(f"must be some of {known}, with commas between") from error


def parse_expiry(text: str, now: float) -> int:
    """Return the time that `90d`, `12h`, `6w`, a date or a date with time stands for, in UTC.

    Raises:
        ValueError: it is none of these, or not in the future.
    """
    span = re.fullmatch(r"([0-9]{1,5})([hdw])", text)
    if span:
        at = now + int(span[1]) * UNITS[span[2]]
    else:
        try:
            day = datetime.fromisoformat(text)
        except ValueError as error:
            raise ValueError("must be a span such as 90d, or a date such as 2027-01-01") from error
        at = (day if day.tzinfo else day.replace(tzinfo=UTC)).timestamp()
    if at <= now:
        raise ValueError("must lie in the future")
    if at > LAST:
        raise ValueError("must lie before the year 10000")
    return int(at)


def parse_id(text: str) -> int:
    """Return the id that is written in digits; nothing is rounded, or a key would reach others.

    Raises:
        ValueError: it is none.
    """
    if not re.fullmatch(r"-?[0-9]{1,19}", text) or not LOWEST_INT <= int(text) <= HIGHEST_INT:
        raise ValueError(f"must be a whole number from {LOWEST_INT} to {HIGHEST_INT}")
    return int(text)


def _scopes(_type: object, tokens: Sequence[Token]) -> frozenset[Scope]:
    return parse_scopes(tokens[0].value)


def _expiry(_type: object, tokens: Sequence[Token]) -> int:
    return parse_expiry(tokens[0].value, time.time())


def _listed(scopes: frozenset[Scope]) -> str:
    return ",".join(each for each in Scope if each in scopes)


def _ids(_type: object, tokens: Sequence[Token]) -> list[int]:
    return [_id(each) for each in tokens]


def _id(token: Token) -> int:
    try:
        return parse_id(token.value)
    except ValueError as error:  # of several, this one; a bare ValueError would name no option
        raise CoercionError(msg=str(error), token=token) from error


Ids = Annotated[list[int] | None, Parameter(converter=_ids, consume_multiple=True, negative=())]


@key.command
async def create(
    *,
    tenant: str,
    scope: Annotated[
        frozenset[Scope],
        Parameter(
            converter=_scopes,
            n_tokens=1,
            metavar="SCOPES",
            show_choices=False,
            show_default=_listed,
        ),
    ] = frozenset({Scope.READ, Scope.LISTEN}),
    label: Text = "",
    project: Ids = None,
    user: Ids = None,
    expires: Annotated[int | None, Parameter(converter=_expiry, n_tokens=1, metavar="WHEN")] = None,
    json: bool = False,
) -> None:
    """Create a key and print it, this once.

    Args:
        tenant: Name or number of the tenant whose recordings it reaches.
        scope: What it may do, with commas: read, listen, ingest, manage.
        label: What it is for.
        project: Only calls of these project ids.
        user: Only calls of these tenant user ids.
        expires: When it ends: a span such as 90d, or a date such as 2027-01-01 (UTC).
        json: Print `{"key", "id", …}`.
    """
    async with opened_catalog() as catalog:
        owner = await tenant_named(catalog, tenant)
        reach = Reach(
            owner.number,
            None if project is None else frozenset(project),
            None if user is None else frozenset(user),
        )
        text, kept = keys.make(label, reach, scope, expires)
        await catalog.add_key(kept)
    if json:
        print_json({"key": text, **_plain(kept)})
    else:
        print(text)
        note(f"This is key {kept.id} of {owner.name}; it is shown this once, so keep it now.")


@key.command(name="list")
async def list_(*, tenant: str | None = None, json: bool = False) -> int:
    """List keys, oldest first; a key itself is never shown again.

    When a key was last used is known to the minute, as servers note it once a minute.

    Exit code: 0 all is well, 1 a key is damaged and told on standard error.

    Args:
        tenant: Only those of this tenant, by name or number.
        json: Print a list of objects.
    """
    async with opened_catalog() as catalog:
        owner = await number_of(catalog, tenant)
        known = await catalog.keys(owner)
        damaged = await catalog.damaged_keys(owner)
    headings = (
        "id",
        "tenant",
        "scopes",
        "projects",
        "users",
        "used",
        "expires",
        "revoked",
        "label",
    )
    print_objects(headings, [_plain(each) for each in known], as_json=json)
    for each in damaged:
        note(
            f"callreel: The key {each} is damaged in the database and refused; revoke it with "
            f"`callreel key revoke {each}`, and create another."
        )
    return int(bool(damaged))


@key.command
async def revoke(key_id: Text, /) -> None:
    """Revoke a key; every server refuses it within a second.

    Args:
        key_id: The key's id, which `callreel key list` shows.
    """
    async with opened_catalog() as catalog:
        try:
            at = await catalog.revoke_key(key_id, int(time.time()))
        except NotFound as error:  # whose message has what was given, which may be a whole key
            says = "There is no such key; `callreel key list` shows the id of each."
            raise NotFound(says) from error
    print(f"Key {key_id} was revoked at {moment(at)} UTC.")


def _plain(key: Key) -> dict[str, Any]:
    reach = key.access.reach
    return {
        "id": key.id,
        "tenant": reach.tenant,
        "label": key.label,
        "scopes": sorted(key.access.scopes),
        "projects": None if reach.projects is None else sorted(reach.projects),
        "users": None if reach.users is None else sorted(reach.users),
        "created": moment(key.created_at),
        "used": moment(key.used_at) or None,
        "expires": moment(key.access.expires_at) or None,
        "revoked": moment(key.revoked_at) or None,
    }
