"""Where a server takes orders for exports and has them carried out, by a process of its own.

The process is started when there is something to do and ends when there is not. It lives no longer
than the server: what it had not finished, the next one begins anew.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final

from callreel.archive.export_jobs.store import ExportStore
from callreel.errors import Unavailable

COMMAND: Final = (sys.executable, "-m", "callreel.cli.run_exports")
SWEEP_SECONDS: Final = 300.0
SOON_SECONDS: Final = 1.0
MOST_PROCESSES: Final = 4
_END_SECONDS: Final = 10


class ExportDesk:
    """The exports of a data folder, as a server sees them.

    Args:
        store: The exports.
        data: The data folder, for the process that carries them out.
    """

    def __init__(self, store: ExportStore, data: Path) -> None:
        self.store = store
        self._data = data
        self._ended = threading.Event()
        self._owed = threading.Event()
        self._lock = threading.Lock()
        self._started: list[subprocess.Popen[bytes]] = []
        self._sweeper: threading.Thread | None = None

    def open(self) -> None:
        """Go on with what an earlier server left, and look after what expires."""
        self._sweeper = threading.Thread(target=self._look_after, daemon=True)
        self._sweeper.start()

    def work(self) -> None:
        """Have every order that waits carried out, now or, where that cannot be, a while later."""
        with self._lock:
            self._started = [each for each in self._started if not _has_ended(each)]
            if self._ended.is_set():
                return
            if len(self._started) >= MOST_PROCESSES:  # one of them may just be ending: look again
                self._owed.set()
                return
            with suppress(OSError):  # the next look tries again
                self._started.append(self._start())

    def close(self) -> None:
        """End the processes and the sweeping."""
        self._ended.set()
        self._owed.set()
        with self._lock:
            for process in self._started:
                process.terminate()
            for process in self._started:
                try:
                    process.wait(_END_SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
                _has_ended(process)
        if self._sweeper is not None:
            self._sweeper.join()

    def _start(self) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "CALLREEL_DATA": os.fspath(self._data.resolve())}
        return subprocess.Popen(  # noqa: S603 - our own program, and no shell
            COMMAND,
            stdin=subprocess.PIPE,  # it ends when this does, however this process ended
            stdout=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,
        )

    def _look_after(self) -> None:
        while not self._ended.is_set():
            with suppress(Unavailable, OSError):  # the next look finds it again
                self.store.sweep()
                if self.store.has_waiting():
                    self.work()
            if self._owed.wait(SWEEP_SECONDS):
                self._owed.clear()
                self._ended.wait(SOON_SECONDS)


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Say whether a process has ended, and let go of it if so."""
    if process.poll() is None:
        return False
    if process.stdin is not None:
        process.stdin.close()
    return True
