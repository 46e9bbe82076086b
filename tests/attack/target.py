"""A server as users run it, on a data folder of its own, with two tenants filled."""

from __future__ import annotations

import asyncio
import secrets
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from attack.case import Key, Target
from callreel.archive import keys
from callreel.catalog.sqlite import SqliteCatalog
from callreel.model import Reach, Scope
from callreel.wiring import DATABASE
from cli_runs import COMMAND
from faults.running import HELLO, environment
from support import PROJECT, Running, a_call, a_sound, ended_export

START_SECONDS = 30
OUTSIDE_PROJECT, OUTSIDE_USER = 77_000_010, 77_000_011
FOREIGN_PROJECT, FOREIGN_USER = 88_000_020, 88_000_021
USER = 4
EVERY = frozenset(Scope)
ONE_SCOPE = tuple(frozenset({scope}) for scope in Scope)


@contextmanager
def filled(folder: Path, most_seconds: float = 2.0) -> Iterator[Target]:
    """Serve for as long as the context lasts.

    Args:
        folder: Where the data folder is made, and `server.log`, all that the server said.
        most_seconds: How long an answer may take.
    """
    data, log = folder / "data", folder / "server.log"
    data.mkdir(parents=True)
    mark = f"mark{secrets.token_hex(6)}"
    found = asyncio.run(_keys(data / DATABASE, mark))
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*COMMAND, "serve", "--port", "0"],
            env=environment(data),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        running = Running(_address(process, log), _texts(found), data)
        yield replace(_fill(running, found, mark, folder), most_seconds=most_seconds)
    finally:
        process.terminate()
        process.wait(timeout=30)


def state(target: Target) -> list[object]:
    """Return all that the other tenant has, to be compared with itself later."""
    host, port = target.address
    running = Running(f"http://{host}:{port}", {"guard": target.guard.text}, Path())
    list_path = "/cdr_dialog_recording"
    places = (list_path, f"{list_path}/{target.foreign}/audio", "/custom_tag", "/export")
    return [running.ask("GET", place, "guard").content for place in places]


def left_behind(folder: Path, target: Target) -> list[str]:
    """Return what the server's own words hold that they should not, after it ended."""
    log = (folder / "server.log").read_bytes()
    found = [
        f"the log holds the key {key.name!r}"
        for key in _every_key(target)
        if key.text.encode() in log
    ]
    if b"request failed" in log or b"Traceback" in log:
        found.append(
            "the log tells of a fault: " + log[log.find(b"request failed") :][:500].decode()
        )
    return found


def _every_key(target: Target) -> list[Key]:
    return [*target.keys.values(), target.guard]


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        for line in log.read_text(errors="replace").splitlines():
            if line.startswith(HELLO):
                return line.removeprefix(HELLO)
        time.sleep(0.02)  # another process starts: there is nothing else to wait for
    raise RuntimeError(f"the server did not start: {log.read_text(errors='replace')}")


def _texts(found: dict[str, Key]) -> dict[str, str]:
    return {name: key.text for name, key in found.items()}


def _wanted(own: int, other: int) -> dict[str, tuple[Reach, frozenset[Scope], int | None]]:
    past = int(time.time()) - 60
    return {
        "all": (Reach(own), EVERY, None),
        "guard": (Reach(other), EVERY, None),
        "by project": (Reach(own, projects=frozenset({PROJECT})), EVERY, None),
        "by user": (Reach(own, users=frozenset({USER})), EVERY, None),
        "no scope": (Reach(own), frozenset(), None),
        "expired": (Reach(own), EVERY, past),
        "revoked": (Reach(own), EVERY, None),
        **{str(*scopes): (Reach(own), scopes, None) for scopes in ONE_SCOPE},
    }


async def _keys(path: Path, mark: str) -> dict[str, Key]:
    catalog = SqliteCatalog(path)
    own = (await catalog.add_tenant("Own")).number
    other = (await catalog.add_tenant(f"Other {mark}")).number
    found = {}
    for name, (reach, scopes, expires_at) in _wanted(own, other).items():
        text, kept = keys.make(f"{mark} {name}", reach, scopes, expires_at)
        await catalog.add_key(kept)
        if name == "revoked":
            await catalog.revoke_key(kept.access.key_id, int(time.time()))
        forbidden = (mark.replace("mark", "hide").encode(), b"770000") if reach.is_narrowed else ()
        is_valid = name not in {"expired", "revoked"}
        found[name] = Key(name, text, frozenset(scopes), is_valid, forbidden)
    await catalog.close()
    return found


def _marked(mark: str, project: int, user: int) -> dict[str, Any]:
    """Return a call of which every field that may hold a mark does."""
    return a_call(
        dialog_uuid=f"d{mark}",
        business_end_cause=f"c{mark}",
        from_display_target=f"f{mark}",
        to_display_target=f"t{mark}",
        machine_detected_type=f"m{mark}",
        operator_call_id=f"o{mark}",
        project_id=project,
        project_name=f"p{mark}",
        tenant_user_id=user,
        tenant_user_name=f"u{mark}",
    )


def _fill(running: Running, found: dict[str, Key], mark: str, folder: Path) -> Target:
    sound = a_sound(folder, seed=1)
    marked = sound[:44] + mark.encode() * 4 + sound[44 + 4 * len(mark) :]
    own = running.add(sound, a_call(project_id=PROJECT, tenant_user_id=USER, project_name="Orders"))
    hidden = _marked(mark.replace("mark", "hide"), OUTSIDE_PROJECT, OUTSIDE_USER)
    outside = running.add(a_sound(folder, seed=2), hidden)
    tag = running.ask("POST", "/custom_tag", "guard", json={"name": f"g{mark}", "id": 880_000_22})
    call = _marked(mark, FOREIGN_PROJECT, FOREIGN_USER) | {"custom_tag_id_list": [880_000_22]}
    foreign = running.add(marked, call, name=f"n{mark}.wav", key="guard")
    assert tag.status_code == 201, tag.text
    host, port = running.address
    running.ask("GET", f"/cdr_dialog_recording/{own['recording_uuid']}/audio?format=wav")
    return Target(
        address=(host, port),
        keys={name: key for name, key in found.items() if name != "guard"},
        own=own["recording_uuid"],
        outside=outside["recording_uuid"],
        foreign=foreign["recording_uuid"],
        exports={"own": _export(running, "all"), "foreign": _export(running, "guard")},
        foreign_marks=(mark.encode(), b"880000", foreign["recording_sha256"].encode()),
        guard=found["guard"],
        document=running.ask("GET", "/openapi.json", None).json(),
        sound=sound,
    )


def _export(running: Running, key: str) -> str:
    made: str = running.ask("POST", "/export", key, json={"format": "csv"}).json()["data"]["id"]
    assert ended_export(running, made, key)["state"] == "finished"
    return made
