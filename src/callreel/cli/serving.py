"""Run the server: one process, or several on one socket, and end it well."""

from __future__ import annotations

import gc
import multiprocessing
import os
import resource
import shutil
import signal
import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import fields
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import FrameType
from typing import Any, Final, NoReturn

import uvicorn
from starlette.types import ASGIApp
from uvicorn.supervisors import Multiprocess

from callreel.api.levels import USUAL_LEVEL
from callreel.api.limits import Limits
from callreel.api.log import configure_log, libraries
from callreel.cli.outlet import Outlet
from callreel.cli.protocol import BoundedProtocol
from callreel.errors import Misconfigured
from callreel.server import Options, build_app
from callreel.settings import Settings, read_settings
from callreel.wiring import (
    DATABASE_LOG,
    VERIFIED,
    TellerPost,
    files_wanted,
    most_connections,
    open_archive,
)

BACKLOG: Final = 2048
GRACE_SECONDS: Final = 20
STARTUP_SECONDS: Final = 30
KEEP_ALIVE_SECONDS: Final = 75  # as nginx; shorter only makes clients connect again
METRICS: Final = "PROMETHEUS_MULTIPROC_DIR"


class AnnouncingServer(uvicorn.Server):
    """A server that says when it accepts connections."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()


class _Supervisor(Multiprocess):
    """Several server processes, and word when all of them accept connections."""

    def __init__(
        self, config: uvicorn.Config, sockets: list[socket.socket], on_ready: Callable[[], None]
    ) -> None:
        super().__init__(config, sockets)
        self._on_ready = on_ready

    def init_processes(self) -> None:
        super().init_processes()
        if all(each.wait_until_ready(STARTUP_SECONDS) for each in self.processes):
            self._on_ready()


def bound(host: str, port: int) -> socket.socket:
    """Return a socket that is bound but does not listen yet; port 0 takes any free one.

    Raises:
        Misconfigured: the address is taken, or none of this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host, port))
    except (OSError, UnicodeError) as error:  # the latter of a name that no host can have
        made.close()
        why = (getattr(error, "strerror", None) or "it failed").lower()
        raise Misconfigured(
            f"Port {port} of {host} cannot be had ({why}); choose another with --port."
        ) from error
    return made


def url_of(listening: socket.socket) -> str:
    """Return the address of a bound socket."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def end_well() -> None:
    """Let Ctrl-C and SIGTERM end this process with exit code 0, whatever it is doing."""
    signal.signal(signal.SIGTERM, _exit)
    signal.signal(signal.SIGINT, _exit)


def serve_alone(settings: Settings, listening: socket.socket, on_ready: Callable[[], None]) -> None:
    """Serve from this process until it is told to end.

    Args:
        settings: The settings.
        listening: A bound socket.
        on_ready: Called once, when connections are accepted.
    """
    end_well()
    config = _config(application(settings), settings.log_level, _connections(settings))
    server = AnnouncingServer(config, on_ready)
    server.run(sockets=[listening])


def serve_together(
    settings: Settings, listening: socket.socket, on_ready: Callable[[], None]
) -> None:
    """Serve as `serve_alone`, from several processes that read the environment themselves."""
    configure_log(level=settings.log_level)
    os.environ[METRICS] = str(_fresh(settings.data / "metrics"))
    app = "callreel.cli.serving:application"
    config = _config(app, settings.log_level, _connections(settings))
    config.factory = True
    config.workers = settings.workers
    _Supervisor(config, [listening], on_ready).run()


def application(settings: Settings | None = None) -> ASGIApp:
    """Return the app on the data folder that the settings, or else the environment, name."""
    settings = settings or read_settings()
    configure_log(level=settings.log_level)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    app = build_app(open_archive(settings), options(settings))
    gc.collect()
    gc.freeze()  # what is there by now stays, so the collector need not go over it again and again
    return app


def options(settings: Settings) -> Options:
    """Return how the settings want the app to behave; the access log goes to standard output."""
    return Options(
        limits=Limits(**{each.name: getattr(settings, each.name) for each in fields(Limits)}),
        public_url=settings.public_url,
        trusted_proxies=settings.trusted_proxies,
        gzip=settings.gzip,
        rate_limit=settings.rate_limit,
        key_failures=settings.key_failures,
        access_log=Outlet(sys.stdout.fileno()) if settings.access_log else None,
        webhooks_private=settings.webhooks_private,
        is_teller=TellerPost(settings.data).is_ours,
        verified=settings.data / VERIFIED,
        database_log=settings.data / DATABASE_LOG,
    )


def _connections(settings: Settings) -> int:
    """Let this process, and those that it starts, open as many files as they want or may.

    Return how many connections each may have then.
    """
    files, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = files_wanted(settings)
    if files < wanted:
        files = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, most))
    return most_connections(settings, files)


def _config(
    app: ASGIApp | str, log_level: str = USUAL_LEVEL, connections: int | None = None
) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=BoundedProtocol,
        loop="uvloop",
        ws="none",
        log_config=_log_of(log_level),
        access_log=False,
        limit_concurrency=connections,
        server_header=False,
        backlog=BACKLOG,
        proxy_headers=False,  # `api.proxies` reads the one that matters here
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
        callback_notify=BoundedProtocol.end_idle,
        timeout_notify=-sys.maxsize,  # so that it is each second, though the clock be set back
    )


def _log_of(level: str) -> dict[str, Any]:
    return {**libraries(level), "loggers": {"uvicorn": {"level": level.upper()}}}


def _fresh(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    return folder


def _end_with(parent: BaseProcess) -> None:
    """End this worker when its parent is gone, however that came about.

    A parent that was killed cannot tell its workers, and its lock on the data folder is lost.
    """
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)


def _exit(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(0)
