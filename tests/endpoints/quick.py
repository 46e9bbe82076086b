"""Clients that note how long they would wait instead of waiting."""

from __future__ import annotations

from callreel.client import Callreel
from callreel.client.walk import DEFAULT_PAGE
from endpoints.original import KEY


class QuickCallreel(Callreel):
    def __init__(self, url: str, key: str = KEY, *, page_size: int = DEFAULT_PAGE) -> None:
        super().__init__(url, key, timeout=5, page_size=page_size)
        self.waits: list[float] = []
        self._http._sleep = self.waits.append
