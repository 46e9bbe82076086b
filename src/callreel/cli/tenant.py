"""`callreel tenant`: whose recordings there are."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from callreel.catalog import Catalog
from callreel.cli.opened import opened_catalog
from callreel.cli.output import print_json, print_rows
from callreel.errors import NotFound
from callreel.model import Tenant
from callreel.settings import read_settings
from callreel.wiring import open_catalog, require_no_older_server

tenant = App(name="tenant", help="Create and list tenants: customers whose calls nobody else sees.")


def _need_text(_type: object, value: str) -> None:
    if not value.isascii() and any("\ud800" <= each <= "\udfff" for each in value):
        raise ValueError("Must be text in UTF-8.")


Text = Annotated[str, Parameter(validator=_need_text)]


@tenant.command
async def create(name: Text, /, *, json: bool = False) -> None:
    """Create a tenant and print its number.

    Args:
        name: What to call it, such as the company's name.
        json: Print `{"number", "name"}`.
    """
    settings = read_settings()
    require_no_older_server(settings.data)
    catalog = open_catalog(settings)
    try:
        made = await catalog.add_tenant(name)
    finally:
        await catalog.close()
    if json:
        print_json(_plain(made))
    else:
        print(f"Tenant {made.number} is {made.name}.")


@tenant.command(name="list")
async def list_(*, json: bool = False) -> None:
    """List all tenants.

    Args:
        json: Print a list of `{"number", "name"}`.
    """
    async with opened_catalog() as catalog:
        known = await catalog.tenants()
    if json:
        print_json([_plain(each) for each in known])
    else:
        print_rows(("number", "name"), [(str(each.number), each.name) for each in known])


async def tenant_named(catalog: Catalog, name: str) -> Tenant:
    """Return a tenant by its name or number.

    Raises:
        NotFound: there is none.
    """
    known = await catalog.tenants()
    for each in known:
        if each.name == name:
            return each
    for each in known:
        if str(each.number) == name:
            return each
    raise NotFound("There is no such tenant; `callreel tenant list` names them.")


async def number_of(catalog: Catalog, name: str | None) -> int | None:
    """Return a tenant's number by its name or number, or None where none is named.

    Raises:
        NotFound: there is none.
    """
    return None if name is None else (await tenant_named(catalog, name)).number


def _plain(tenant: Tenant) -> dict[str, int | str]:
    return {"number": tenant.number, "name": tenant.name}
