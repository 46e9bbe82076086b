"""A server as users run it, in a process of its own that faults can befall."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from callreel.archive import keys, tell
from callreel.catalog.outbox import EventKind, NewWebhook
from callreel.catalog.sqlite import SqliteCatalog
from callreel.model import Reach, Scope
from callreel.wiring import DATABASE
from cli_runs import COMMAND
from support import PATH, a_call
from support import Running as Asking

HELLO = "callreel: serving on "
TAGS = (1, 2, 3, 4, 5)
SECONDS = 25
"""A request that takes longer did not end."""


@dataclass(frozen=True, slots=True)
class Served:
    """A server.

    Attributes:
        process: What runs it.
        asking: Asks it.
    """

    process: subprocess.Popen[str]
    asking: Asking

    def kill(self) -> None:
        """End it as the machine's power would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(timeout=20)

    def session(self) -> requests.Session:
        """Return one connection that is kept, with a key."""
        session = requests.Session()
        session.headers["Authorization"] = self.asking.keys["all"]
        return session

    @property
    def list(self) -> str:
        return self.asking.url + PATH


def environment(data: Path) -> dict[str, str]:
    kept = {name: text for name, text in os.environ.items() if not name.startswith("CALLREEL_")}
    return kept | {"CALLREEL_DATA": str(data), "CALLREEL_FREE_SPACE_RESERVE": "0"}


def new_key(data: Path) -> str:
    """Make a data folder with a tenant and tags, and return a key that may do everything."""
    data.mkdir()
    return asyncio.run(_new_key(data / DATABASE))


async def _new_key(path: Path) -> str:
    catalog = SqliteCatalog(path)
    tenant = await catalog.add_tenant("Acme")
    for number in TAGS:
        await catalog.add_tag(tenant.number, f"tag {number}", number)
    text, kept = keys.make("all", Reach(tenant.number), frozenset(Scope))
    await catalog.add_key(kept)
    await catalog.close()
    return text


def new_tenant(data: Path, name: str) -> None:
    """Add a tenant."""
    asyncio.run(_new_tenant(data / DATABASE, name))


async def _new_tenant(path: Path, name: str) -> None:
    catalog = SqliteCatalog(path)
    await catalog.add_tenant(name)
    await catalog.close()


def second_key(data: Path, expires_at: int) -> str:
    """Return another key of the first tenant, which ends at this time."""
    return asyncio.run(_second_key(data / DATABASE, expires_at))


async def _second_key(path: Path, expires_at: int) -> str:
    catalog = SqliteCatalog(path)
    text, kept = keys.make("ending", Reach(1), frozenset(Scope), expires_at)
    await catalog.add_key(kept)
    await catalog.close()
    return text


def new_webhook(data: Path, url: str) -> None:
    """Have an address told of everything that happens to the tenant's recordings."""
    asyncio.run(_new_webhook(data / DATABASE, url))


async def _new_webhook(path: Path, url: str) -> None:
    catalog = SqliteCatalog(path)
    await catalog.add_webhook(NewWebhook(1, url, tell.new_secret(), frozenset(EventKind), 0))
    await catalog.close()


@contextmanager
def served(data: Path, key: str, before: tuple[str, ...] = ()) -> Iterator[Served]:
    """Serve a data folder for as long as the context lasts.

    Args:
        data: The folder.
        key: A key that may do everything.
        before: A command that runs the server's, which follows.
    """
    process = subprocess.Popen(
        [*before, *COMMAND, "serve", "--port", "0"],
        env=environment(data),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        line = process.stderr.readline().strip()
        assert line.startswith(HELLO), line
        yield Served(process, Asking(line.removeprefix(HELLO), {"all": key}, data))
    finally:
        process.kill()
        process.communicate()


def call_of(name: str, **fields: Any) -> dict[str, Any]:
    """Return a call with an id of its own."""
    return a_call(recording_uuid=name, dialog_uuid=name, **fields)


def listed(session: requests.Session, served: Served) -> dict[str, dict[str, Any]]:
    """Return every recording of the list by its id; none may be there twice."""
    found: dict[str, dict[str, Any]] = {}
    url: str | None = served.list + "?limit=500"
    while url is not None:
        answer = session.get(url, timeout=20)
        assert answer.status_code == 200, answer.text
        for each in answer.json()["data"]:
            assert each["recording_uuid"] not in found
            found[each["recording_uuid"]] = each
        url = answer.links.get("next", {}).get("url")
    return found
