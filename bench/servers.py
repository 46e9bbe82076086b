"""Servers as child processes: started on free ports, watched, and stopped."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
HOST = "127.0.0.1"
READY_SECONDS = 60
STOP_SECONDS = 20
PUBLIC_URL = "https://calls.example.org"
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Memory:
    """Resident memory in MB: all of it, and the part that is not mapped from files."""

    resident: float
    anonymous: float


@dataclass(frozen=True)
class Server:
    """A server that runs, with all processes that it started."""

    url: str
    pid: int

    def cpu_seconds(self) -> float:
        """Return the processor time that its processes used so far."""
        return sum(_cpu_seconds(pid) for pid in _family(self.pid))

    def memory(self) -> Memory:
        """Return the resident memory of its largest process."""
        return max((_memory(pid) for pid in _family(self.pid)), key=lambda each: each.resident)


@contextmanager
def product(data: Path, **settings: str) -> Iterator[Server]:
    """Serve a data folder as users do; the access log goes to a file beside the folder."""
    port = _free_port()
    environment = {
        "CALLREEL_DATA": str(data),
        "CALLREEL_HOST": HOST,
        "CALLREEL_PORT": str(port),
        "CALLREEL_PUBLIC_URL": PUBLIC_URL,
    } | {f"CALLREEL_{name.upper()}": value for name, value in settings.items()}
    command = [sys.executable, "-m", "callreel", "serve"]
    with _running(command, port, environment, data.with_suffix(".log")) as server:
        yield server


@contextmanager
def peer(database: Path) -> Iterator[Server]:
    """Serve the peer's database; its access log is off, which spares it work."""
    environment = {"PEER_DATABASE": str(database), "PEER_PUBLIC_URL": PUBLIC_URL}
    with _uvicorn("peer_app:app", environment, database.with_suffix(".log")) as server:
        yield server


@contextmanager
def limit(bodies: Path) -> Iterator[Server]:
    """Serve the files of a folder as constant bodies."""
    log = bodies.with_suffix(".log")
    with _uvicorn("limit_server:app", {"LIMIT_BODIES": str(bodies)}, log) as server:
        yield server


@contextmanager
def _uvicorn(app: str, environment: Mapping[str, str], log: Path) -> Iterator[Server]:
    port = _free_port()
    options = ["--http=httptools", "--loop=uvloop", "--ws=none", "--no-server-header"]
    options += ["--no-access-log", "--log-level=warning"]
    where = [f"--host={HOST}", f"--port={port}", f"--app-dir={HERE}"]
    command = [sys.executable, "-m", "uvicorn", app, *options, *where]
    with _running(command, port, environment, log) as server:
        yield server


@contextmanager
def _running(
    command: Sequence[str], port: int, environment: Mapping[str, str], log: Path
) -> Iterator[Server]:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("CALLREEL_")}
    with log.open("w") as output:
        process = subprocess.Popen(
            command,
            env={**inherited, **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        _wait_until_ready(process, port, log)
        yield Server(f"http://{HOST}:{port}", process.pid)
    finally:
        _stop(process)
        log.unlink(missing_ok=True)


def _wait_until_ready(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex((HOST, port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"A server did not start; its last words:\n{log.read_text()[-2000:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _family(pid: int) -> list[int]:
    """Return a process and its descendants."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except FileNotFoundError:
        return []
    return [pid, *(member for child in children for member in _family(int(child)))]


def _cpu_seconds(pid: int) -> float:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return 0.0
    user, system = stat.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / TICKS


def _memory(pid: int) -> Memory:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    resident, anonymous = (int(fields[name].split()[0]) for name in ("VmRSS", "RssAnon"))
    return Memory(resident * 1024 / 1e6, anonymous * 1024 / 1e6)
