"""A real server on a free port, with a real catalog, store and sound worker behind it."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import requests
import soundfile
import uvicorn

from callreel.archive import keys
from callreel.catalog.sqlite import SqliteCatalog
from callreel.cli.protocol import BoundedProtocol
from callreel.model import Reach, Scope
from callreel.server import Options, build_app
from callreel.settings import Settings
from callreel.wiring import open_archive

PATH = "/cdr_dialog_recording"
ALL = frozenset(Scope)
PROJECT = 9
"""The one project that the narrowed key reaches."""


@dataclass(frozen=True, slots=True)
class Running:
    """A server that runs.

    Attributes:
        url: Its address.
        keys: `all`, one by the name of each scope, `other` of another tenant with every scope,
            and `narrowed` to `PROJECT` with every scope.
        data: Its data folder.
    """

    url: str
    keys: dict[str, str]
    data: Path

    @property
    def address(self) -> tuple[str, int]:
        host, port = self.url.removeprefix("http://").split(":")
        return host, int(port)

    def ask(
        self,
        method: str,
        path: str,
        key: str | None = "all",
        **more: Any,
    ) -> requests.Response:
        """Send a request with one of the keys, or with none."""
        headers = dict(more.pop("headers", {}))
        if key is not None:
            headers["Authorization"] = self.keys.get(key, key)
        return requests.request(
            method, self.url + path, headers=headers, timeout=30, allow_redirects=False, **more
        )

    def upload(
        self,
        audio: bytes,
        call: dict[str, Any] | None = None,
        *,
        name: str = "call.wav",
        key: str | None = "all",
    ) -> requests.Response:
        """Hand in a recording."""
        files = {
            "call": (None, json.dumps(call or a_call()), "application/json"),
            "audio": (name, audio, "audio/wav"),
        }
        return self.ask("POST", PATH, key, files=files)

    def add(self, audio: bytes, call: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
        """Hand in a recording and return it."""
        answer = self.upload(audio, call, **more)
        assert answer.status_code in {200, 201}, answer.text
        data: dict[str, Any] = answer.json()["data"]
        return data


def a_call(**fields: Any) -> dict[str, Any]:
    """Return a call as a client hands it in."""
    return {
        "dialog_uuid": "6d59cb01-eeac-432a-b0aa-bfa4f26785ec",
        "dialog_type": "CONSULTANT",
        "business_direction": "INBOUND",
        "from_display_target": "+48 22 123 45 67",
        "to_display_target": "48800123456",
        "start_time": "2025-03-14 09:26:53",
        "hangup_time": "2025-03-14 09:28:03",
        "talking_time": 61_500,
        **fields,
    }


def a_sound(folder: Path, seed: int = 0, seconds: float = 1.0) -> bytes:
    """Return a stereo WAV file of noise."""
    path = folder / f"sound-{seed}.wav"
    noise = np.random.default_rng(seed).uniform(-0.5, 0.5, (int(8000 * seconds), 2))
    soundfile.write(path, noise, 8000, subtype="PCM_16")
    return path.read_bytes()


@contextmanager
def serve(data: Path, options: Options | None = None, **settings: Any) -> Iterator[Running]:
    """Run a server in a thread for as long as the context lasts.

    Args:
        data: Its data folder, which is made.
        options: How it behaves.
        settings: Further settings, such as `free_space_reserve`.
    """
    data.mkdir(parents=True, exist_ok=True)
    found = asyncio.run(_make_keys(data / "callreel.db"))
    everything = Settings(data=data, **{"free_space_reserve": 0, **settings})
    listening = socket.create_server(("127.0.0.1", 0))
    ready = threading.Event()
    server = _Server(ready)
    work = threading.Thread(target=_run, args=(server, everything, options, listening))
    work.start()
    try:
        assert ready.wait(20), "the server did not start"
        port = listening.getsockname()[1]
        yield Running(f"http://127.0.0.1:{port}", found, data)
    finally:
        server.should_exit = True
        work.join(20)
        listening.close()


class _Server(uvicorn.Server):
    def __init__(self, ready: threading.Event) -> None:
        self._ready = ready
        super().__init__(uvicorn.Config(_unset, log_config=None))

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready.set()


async def _unset(_scope: object, _receive: object, _send: object) -> None:
    raise NotImplementedError


def _run(
    server: _Server, settings: Settings, options: Options | None, listening: socket.socket
) -> None:
    app = build_app(open_archive(settings), options or Options())
    server.config = uvicorn.Config(
        app,
        http=BoundedProtocol,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,
        callback_notify=BoundedProtocol.end_idle,
        timeout_notify=-1,
    )
    server.run(sockets=[listening])


async def _make_keys(path: Path) -> dict[str, str]:
    catalog = SqliteCatalog(path)
    own = (await catalog.add_tenant("Own")).number
    other = (await catalog.add_tenant("Other")).number
    wanted = {
        "all": (Reach(own), ALL),
        "other": (Reach(other), ALL),
        "narrowed": (Reach(own, projects=frozenset({PROJECT})), ALL),
        **{scope.value: (Reach(own), frozenset({scope})) for scope in Scope},
    }
    found = {}
    for name, (reach, scopes) in wanted.items():
        found[name], kept = keys.make(name, reach, scopes)
        await catalog.add_key(kept)
    await catalog.close()
    return found


def ended_export(running: Running, export_id: str, key: str = "all") -> dict[str, Any]:
    """Wait until an export ended and return it."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        found: dict[str, Any] = running.ask("GET", f"/export/{export_id}", key).json()["data"]
        if found["state"] not in {"queued", "running"}:
            return found
        time.sleep(0.05)  # another process works: there is nothing else to wait for
    raise AssertionError("the export did not end")


def leftovers(running: Running) -> list[Path]:
    """Return the files that lie on their way into the store."""
    return [each for each in (running.data / "audio" / "tmp").iterdir() if each.is_file()]


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine to its end."""
    asyncio.run(work)
