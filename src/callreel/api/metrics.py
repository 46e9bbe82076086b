"""What the server counts about itself, in the form that Prometheus reads."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from callreel import __version__
from callreel.api.exchange import Exchange
from callreel.archive.noted import LastVerify

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class Metrics:
    """The counters of one app.

    Attributes:
        before_render: Called first, so that who counts late can catch up.
        last_verify: Tells when everything was verified last, and what came of it.
        log_bytes: Tells how long the log of the database is.

    Where several processes serve, their parent sets `PROMETHEUS_MULTIPROC_DIR` to a fresh folder
    before it imports this; each then tells of all.
    """

    def __init__(self) -> None:
        self.before_render: Callable[[], None] = lambda: None
        self.last_verify: Callable[[], LastVerify | None] = lambda: None
        self.log_bytes: Callable[[], int] = lambda: 0
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "callreel_http_requests",
            "Requests that were answered.",
            ["route", "method", "status"],
            registry=self._registry,
        )
        self._durations = Histogram(
            "callreel_http_request_duration_seconds",
            "Time from a request's head to the end of its answer.",
            ["route"],
            buckets=SECONDS,
            registry=self._registry,
        )
        self._taken_in = Counter(
            "callreel_recordings_taken_in",
            "Recordings that were new and are now kept.",
            ["source"],
            registry=self._registry,
        )
        self._verified_at = self._gauge(
            "callreel_last_full_verify_timestamp_seconds",
            "When `callreel verify` last began to look at everything; 0 where it never did.",
        )
        self._damages = self._gauge(
            "callreel_last_full_verify_damages", "How much damage it found then."
        )
        self._log_bytes = self._gauge(
            "callreel_database_log_bytes",
            "Length of the database's log. It grows beyond 64 MiB while something reads for long.",
        )
        build = Gauge(
            "callreel_build_info",
            "Always 1; the label tells the version.",
            ["version"],
            registry=self._registry,
            multiprocess_mode="max",
        )
        build.labels(__version__).set(1)
        # A child is looked up under a lock; what is used for every request is remembered here.
        self._children: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def _gauge(self, name: str, meaning: str) -> Gauge:
        return Gauge(name, meaning, registry=self._registry, multiprocess_mode="mostrecent")

    def requests(self, answered: Iterable[Exchange]) -> None:
        """Count requests that were answered, by the pattern of their addresses."""
        alike: dict[tuple[str, str, int], list[float]] = {}
        for each in answered:
            alike.setdefault((each.route, each.method, each.status), []).append(each.seconds)
        for key, lengths in alike.items():
            counter, durations = self._children.get(key) or self._children_for(*key)
            counter.inc(len(lengths))
            for seconds in lengths:
                durations.observe(seconds)

    def _children_for(self, route: str, method: str, status: int) -> tuple[Counter, Histogram]:
        known = method if method in METHODS else "other"
        counter = self._requests.labels(route, known, str(status))
        children = (counter, self._durations.labels(route))
        if known == method:  # else the table would grow by whatever clients invent
            self._children[route, method, status] = children
        return children

    def taken_in(self, source: str) -> None:
        """Count a recording that is new and kept."""
        self._taken_in.labels(source).inc()

    def render(self) -> bytes:
        """Return all of it as text of the type `CONTENT_TYPE`."""
        self.before_render()
        self._log_bytes.set(self.log_bytes())
        last = self.last_verify()
        if last is not None:
            self._verified_at.set(last.began_at)
            self._damages.set(last.damages)
        if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
            return generate_latest(self._registry)
        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]  # the library's
        return generate_latest(together)
