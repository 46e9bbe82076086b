"""An empty catalog and one with calls in it, for the suites of the contract."""

from __future__ import annotations

import asyncio
import json
import random
import tempfile
from collections.abc import AsyncIterator, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings

from callreel.catalog import Catalog
from callreel.model import (
    ListRequest,
    Page,
    Reach,
)
from contracts.catalog_reference import (
    OPENING,
    Known,
    call_of,
    entry_of,
    random_facts,
)

Result = TypeVar("Result")
ENOUGH = 1_000
ONE_HALF = 0.5

SLOW_OK = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
)


def run(coroutine: Coroutine[Any, Any, Result]) -> Result:
    return asyncio.run(coroutine)


def ids_of(page: Page) -> list[str]:
    records = json.loads(b"[" + page.bodies + b"]")
    assert len(records) == page.count
    assert all(record["at"] == f"here/{record['id']}" for record in records)
    return [record["id"] for record in records]


async def walk(catalog: Catalog, reach: Reach, request: ListRequest) -> list[str]:
    found: list[str] = []
    while True:
        page = await catalog.page(reach, request, OPENING)
        found += ids_of(page)
        if page.count < request.limit:
            return found
        assert len(found) < ENOUGH, "a walk without end"
        request = replace(request, offset=0, after=page.last)


def known_of(count: int, seed: int, tenants: int = 3) -> list[Known]:
    rng = random.Random(seed)
    return [
        Known(
            rng.randint(1, tenants),
            f"{seed}-{index:04}",
            random_facts(rng),
            rng.choice(["", f"own {seed} {index}", f"own {seed} {index}", "a", "b", "c"]),
        )
        for index in range(count)
    ]


def mixed_of(count: int, seed: int, tenants: int = 3) -> list[Known]:
    """Return recordings among calls without recording, some of them of one call."""
    rng = random.Random(seed)
    known = [each for each in known_of(count, seed, tenants) if each.dialog]
    return [replace(each, is_recorded=rng.random() < ONE_HALF) for each in known]


async def fill(catalog: Catalog, known: list[Known]) -> None:
    for tenant in sorted({each.tenant for each in known}):
        own = [each for each in known if each.tenant == tenant]
        for is_recorded, run_of in groupby(own, key=lambda each: each.is_recorded):
            await _add(catalog, tenant, list(run_of), is_recorded=is_recorded)


async def _add(catalog: Catalog, tenant: int, known: list[Known], *, is_recorded: bool) -> None:
    for start in range(0, len(known), 50):
        batch = known[start : start + 50]
        if is_recorded:
            await catalog.add(tenant, [entry_of(each) for each in batch])
        else:
            await catalog.add_calls(tenant, [call_of(each) for each in batch])


class CatalogCase:
    """Inherit, and say how to open an empty catalog in a folder."""

    def open(self, folder: Path) -> Catalog:
        raise NotImplementedError

    @asynccontextmanager
    async def empty(self, tenants: int = 4) -> AsyncIterator[Catalog]:
        with tempfile.TemporaryDirectory() as folder:
            catalog = self.open(Path(folder))
            for number in range(1, tenants + 1):
                await catalog.add_tenant(f"tenant {number}")
            try:
                yield catalog
            finally:
                await catalog.close()

    def filled(self, known: list[Known]) -> AbstractAsyncContextManager[Catalog]:
        @asynccontextmanager
        async def opened() -> AsyncIterator[Catalog]:
            async with self.empty() as catalog:
                await fill(catalog, known)
                yield catalog

        return opened()
