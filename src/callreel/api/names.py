"""Ids and their names: projects, tenant users and tags."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct
from starlette.responses import Response

from callreel.api.ask import Ask, data
from callreel.api.decoding import decoded
from callreel.api.limits import HIGHEST_INT
from callreel.archive import find, tag
from callreel.catalog import Kind

MOST_BYTES: Final = 4096


class Name(Struct):
    """An id with its name."""

    id: int
    name: str | None


class NewTag(Struct, forbid_unknown_fields=True):
    """A tag that is to be there."""

    name: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=100,
            pattern=r"^(?![\s\S]*[\u0000-\u001f\u007f])(?=[\s\S]*\S)",
            description="What people see.",
            examples=["Complaint"],
        ),
    ]
    id: (
        Annotated[
            int, Meta(ge=1, le=HIGHEST_INT, description="Without it, one is given.", examples=[17])
        ]
        | None
    ) = None


_NEW_TAG: Final = msgspec.json.Decoder(NewTag)


async def projects(ask: Ask) -> Response:
    """Answer with the projects."""
    return await _names(ask, Kind.PROJECT)


async def users(ask: Ask) -> Response:
    """Answer with the tenant users."""
    return await _names(ask, Kind.USER)


async def tags(ask: Ask) -> Response:
    """Answer with the tags."""
    return await _names(ask, Kind.TAG)


async def add_tag(ask: Ask) -> Response:
    """Name a tag; the same again is answered alike."""
    ask.query()
    raw = await ask.json(MOST_BYTES)
    wanted = decoded(_NEW_TAG, raw, "body")
    named, is_new = await tag.create(ask.archive, ask.access, wanted.name.strip(), wanted.id)
    return data(msgspec.json.encode(Name(named.id, named.name)), 201 if is_new else 200)


async def _names(ask: Ask, kind: Kind) -> Response:
    ask.query()
    found = await find.names(ask.archive, ask.access, kind)
    return data(msgspec.json.encode([Name(each.id, each.name) for each in found]))
