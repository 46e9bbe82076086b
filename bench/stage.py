"""What every case works on: the data, the servers, how long to measure."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp

import servers
from data import Stock
from load import Comparison, Target, compare
from questions import Question
from servers import Server

GZIP = "Accept-Encoding: gzip"
MADE_BY_SERVERS = frozenset({"date", "content-length", "connection"})


class AnswersDiffer(Exception):  # noqa: N818 - it reads as the finding that it is
    """Two servers gave different answers to one question, so their speed must not be compared."""


@dataclass
class Stage:
    """The setting of a run.

    Attributes:
        out: Folder for what is made on the way.
        main: The data that most cases ask.
        small: Less of it, or None.
        large: Much more of it, or None.
        seconds: How long a round of one target takes.
        rounds: How often the targets take turns.
    """

    out: Path
    main: Stock
    small: Stock | None
    large: Stock | None
    seconds: int
    rounds: int
    _running: ExitStack = field(default_factory=ExitStack)
    _servers: dict[Path, Server] = field(default_factory=dict)

    def product(self, stock: Stock) -> Server:
        """Return a server of the product on this data."""
        if stock.archive not in self._servers:
            started = self._running.enter_context(servers.product(stock.archive))
            self._servers[stock.archive] = started
        return self._servers[stock.archive]

    def ask(self, question: Question, stock: Stock | None = None) -> Target:
        """Return the product as a target."""
        stock = stock or self.main
        return Target(self.product(stock), question.path, (f"Authorization: {stock.key}",))

    def ask_narrowed(self, question: Question) -> Target:
        """Return the product as a target, asked with the narrowed key."""
        key = self.main.narrowed_key
        return Target(self.product(self.main), question.path, (f"Authorization: {key}",))

    def ask_gzipped(self, question: Question) -> Target:
        """Return the product as a target whose answers are compressed."""
        plain = self.ask(question)
        return Target(plain.server, plain.path, (*plain.headers, GZIP))

    def ask_peer(self, question: Question) -> Target:
        """Return the peer as a target, on the same rows."""
        database = self.main.peer
        if database is None:
            raise RuntimeError("The peer has no such data.")
        if database not in self._servers:
            started = self._running.enter_context(servers.peer(database))
            self._servers[database] = started
        headers = (f"Authorization: {self.main.key}",)
        return Target(self._servers[database], question.path, headers)

    def ask_limit(self, like: Target, prefix: str = "") -> Target:
        """Return a server that answers with the very headers and body of another as a target."""
        folder = Path(mkdtemp(prefix="limit-", dir=self.out))
        self._running.callback(shutil.rmtree, folder, ignore_errors=True)
        bodies = folder / "bodies"
        bodies.mkdir()
        headers, body = like.answer()
        kept = [pair for pair in headers.items() if pair[0] not in MADE_BY_SERVERS]
        (bodies / "page").write_bytes(body)
        (bodies / "page.headers").write_text(json.dumps(kept))
        started = self._running.enter_context(servers.limit(bodies))
        return Target(started, f"{prefix}/page")

    def compare(self, targets: Mapping[str, Target], connections: int) -> Comparison:
        """Load the targets in turns, for as long as this run takes."""
        return compare(targets, connections=connections, seconds=self.seconds, rounds=self.rounds)

    def close(self) -> None:
        """Stop all servers; the next question starts them again."""
        self._running.close()
        self._running = ExitStack()
        self._servers = {}


def require_same_records(one: Target, other: Target) -> int:
    """Return how many records both answers have.

    Raises:
        AnswersDiffer: they differ in any field of any record, or in the order.
    """
    ours, theirs = (json.loads(target.fetch())["data"] for target in (one, other))
    if ours == theirs:
        return len(ours)
    ids, their_ids = ([each["recording_uuid"] for each in data] for data in (ours, theirs))
    what = "other fields" if ids == their_ids else f"{len(ids)} and {len(their_ids)} records"
    raise AnswersDiffer(f"{what}: {one.path}")


def require_same_bytes(one: Target, other: Target) -> None:
    """Raise AnswersDiffer unless both bodies are the same, compressed or not."""
    bodies = [target.fetch() for target in (one, other)]
    plain = [gzip.decompress(each) if each[:2] == b"\x1f\x8b" else each for each in bodies]
    if plain[0] != plain[1]:
        raise AnswersDiffer(f"other bytes: {one.path}")
