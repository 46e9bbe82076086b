"""Many at once: writers, an import and exports together, and clients that hang up."""

from __future__ import annotations

import random
import socket
import time
from pathlib import Path
from typing import Final

import requests

from faults.checker import LOST, WRONG, Checker, temporary
from faults.clients import Crowd, parts_of
from faults.history import History
from faults.kills import sounds
from faults.programs import Site
from faults.running import Served, new_tenant, served
from faults.table import Figures, figures_of
from support import ended_export

WRITERS: Final = 8
GONE_SECONDS: Final = 20


def together(scratch: Path, rounds: int, seed: int) -> Figures:
    """Let eight write while an import and an export run, so many times."""
    site, history = Site(scratch, seed), History()
    new_tenant(site.data, "Other")
    crowd = Crowd(history, sounds(scratch), seed, writers=WRITERS)
    checker = Checker(history)
    with served(site.data, site.key) as server:
        for _ in range(rounds):
            with crowd.at_work(server):
                importing = site.run("import", "manifest", str(site.source), "--tenant", "Other")
                _export(server, checker)
                if importing.wait():
                    checker.verdict.tell(LOST, "an import beside writers failed")
                history.wait_for_promises(WRITERS)
            checker.check(server, site.data)
    if crowd.is_deaf:
        checker.verdict.tell(LOST, "the server did not answer any more")
    return figures_of(
        f"{WRITERS} writers beside import and export, {rounds} rounds", history, checker.verdict
    )


def _export(server: Served, checker: Checker) -> None:
    """Order an export, wait for its end, and drop it."""
    ordered = server.asking.ask("POST", "/export", json={"format": "jsonl"})
    if ordered.status_code != 202:
        checker.verdict.tell(WRONG, f"an export was answered {ordered.status_code}: {ordered.text}")
        return
    export = ordered.json()["data"]["id"]
    if ended_export(server.asking, export)["state"] != "finished":
        checker.verdict.tell(LOST, "an export beside writers failed")
    server.asking.ask("DELETE", f"/export/{export}")


def hang_up(scratch: Path, times: int, seed: int) -> Figures:
    """Break off so many uploads, each at another point."""
    site, history, chance = Site(scratch, seed), History(), random.Random(seed)
    checker, audio = Checker(history), sounds(scratch)
    with served(site.data, site.key) as server:
        for number in range(times):
            whole = _request(server, f"r{number}", chance.choice(audio))
            with socket.create_connection(server.asking.address, timeout=GONE_SECONDS) as client:
                client.sendall(whole[: chance.randrange(1, len(whole))])
        until = time.monotonic() + GONE_SECONDS
        while (left := temporary(site.data)) and time.monotonic() < until:
            time.sleep(0.05)  # the server learns of the last ones a moment later
        if left:
            checker.verdict.tell(WRONG, f"{len(left)} files are left of uploads broken off")
        checker.check(server, site.data)
    return figures_of(f"uploads broken off, {times} times", history, checker.verdict)


def _request(server: Served, name: str, audio: bytes) -> bytes:
    """Return an upload as it goes over the wire."""
    asked = requests.Request("POST", server.list, files=parts_of(name, audio)).prepare()
    asked.headers["Authorization"] = server.asking.keys["all"]
    asked.headers["Host"] = "{}:{}".format(*server.asking.address)
    head = "".join(f"{each}: {text}\r\n" for each, text in asked.headers.items())
    assert isinstance(asked.body, bytes)
    return f"POST {asked.path_url} HTTP/1.1\r\n{head}\r\n".encode() + asked.body
