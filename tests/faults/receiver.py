"""One who is told by webhook, in a thread, and remembers of what."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

WAIT_SECONDS: Final = 60


class Receiver:
    """Counts the messages of each kind about each recording.

    Attributes:
        url: Where messages are taken.
        told: How often it was told, by kind and recording.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.told: Counter[tuple[str, str]] = Counter()
        self._news = threading.Condition()

    def take(self, message: bytes) -> None:
        said = json.loads(message)
        with self._news:
            self.told[said["type"], said["data"]["recording_uuid"]] += 1
            self._news.notify_all()

    def untold(self, wanted: set[tuple[str, str]]) -> set[tuple[str, str]]:
        """Wait until it was told of all these, and return those of which it was not in time."""
        until = time.monotonic() + WAIT_SECONDS
        with self._news:
            while (missing := wanted - self.told.keys()) and time.monotonic() < until:
                self._news.wait(until - time.monotonic())
        return missing


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Take messages for as long as the context lasts."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            message = self.rfile.read(length)
            if len(message) < length:  # the sender was killed in the midst of it
                return
            receiver.take(message)
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its parent's
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver = Receiver(f"http://127.0.0.1:{server.server_address[1]}/")
        work = threading.Thread(target=server.serve_forever, args=(0.05,))
        work.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            work.join()
