"""An S3 server that keeps its objects in files, and what stands between it and its client."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from callreel.bucket import Access, Bucket

KEY_ID: Final = "AKCALLREELTEST"
SECRET: Final = "sEcReT" + "0123456789abcdef"
SECONDS_TO_START: Final = 30


@dataclass(slots=True)
class S3Server:
    """nanio, which checks signatures, behind a port of its own; a bucket of it is a folder.

    Attributes:
        root: The folder with a folder for each bucket.
    """

    root: Path
    port: int
    _process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def access(self, *, port: int | None = None, patience: float = 1) -> Access:
        return Access(
            endpoint=f"http://127.0.0.1:{port or self.port}",
            region="us-east-1",
            key_id=KEY_ID,
            secret=SECRET,
            patience=patience,
        )

    def bucket(self, name: str, *, port: int | None = None, patience: float = 1) -> Bucket:
        return Bucket(f"s3://{name}/some/prefix", self.access(port=port, patience=patience))

    def new_bucket(self, name: str) -> Path:
        """Make a bucket and return the folder of what lies below the prefix that tests take."""
        (self.root / name).mkdir()
        return self.root / name / "some" / "prefix"

    def start(self) -> None:
        command = [sys.executable, "-m", "nanio", "serve", "--data-dir", str(self.root)]
        more = {"NANIO_ACCESS_KEY": KEY_ID, "NANIO_SECRET_KEY": SECRET}
        self._process = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", str(self.port), "--log-level", "error"],
            env=os.environ | more,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        late = time.monotonic() + SECONDS_TO_START
        while time.monotonic() < late:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            assert self._process.poll() is None
            time.sleep(0.02)
        raise AssertionError("The S3 server does not start.")

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()


@contextmanager
def s3_server(root: Path) -> Iterator[S3Server]:
    """Run an S3 server on a folder."""
    root.mkdir(exist_ok=True)
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    server = S3Server(root, port)
    server.start()
    try:
        yield server
    finally:
        server.kill()
