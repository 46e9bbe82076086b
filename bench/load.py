"""Load: how many answers a second a server gives, and what each costs it.

The targets of a comparison take turns, round by round, and the ratios are made within a round:
the machine may be shared, and a slow minute then hits all alike.
"""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter

import urllib3

from calm import calm
from servers import Server

HERE = Path(__file__).parent
MAX_SECONDS = 8  # a slow target is measured longer than a fast one, up to this
MANY_ANSWERS = 8  # so many from each connection at least, where the time allows
TIMEOUT = 120
POOL = urllib3.PoolManager(retries=False, timeout=TIMEOUT)


@dataclass(frozen=True)
class Target:
    """A question to a server.

    Attributes:
        server: Who is asked.
        path: Path with query, percent-encoded.
        headers: As `Name: value`.
    """

    server: Server
    path: str
    headers: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        return self.server.url + self.path

    def fetch(self) -> bytes:
        """Return the body as it comes, compressed or not; raises as `answer`."""
        return self.answer()[1]

    def answer(self) -> tuple[Mapping[str, str], bytes]:
        """Return the headers by their names in small letters, and the body as it comes.

        Raises:
            RuntimeError: the answer is not 200.
        """
        fields = dict(line.split(": ", 1) for line in self.headers)
        fields["Connection"] = "close"  # a server may drop one that idles just as it is used again
        answer = POOL.request("GET", self.url, headers=fields, decode_content=False)
        if answer.status != 200:
            raise RuntimeError(f"{answer.status} for {self.path}: {answer.data[:300]!r}")
        return {name.lower(): value for name, value in answer.headers.items()}, answer.data


@dataclass(frozen=True)
class Sample:
    """One round of one target.

    Attributes:
        rate: Answers a second.
        cpu_ms: Processor time that the server spent on each.
        p50_ms: Median time from question to end of answer.
    """

    rate: float
    cpu_ms: float
    p50_ms: float


def driver() -> str:
    """Return the name of the load client that is used."""
    return "wrk" if shutil.which("wrk") else "built-in client"


def measure(target: Target, connections: int, seconds: int) -> Sample:
    """Load a target and return what was seen.

    Raises:
        RuntimeError: an answer was not 200 or did not come.
    """
    cpu_before = target.server.cpu_seconds()
    output = subprocess.run(
        _command(target, connections, seconds),
        capture_output=True,
        text=True,
        check=True,
        timeout=seconds + TIMEOUT,
    ).stdout
    cpu = target.server.cpu_seconds() - cpu_before
    seen = json.loads(output.strip().splitlines()[-1])
    if seen["failed"] or not seen["requests"]:
        raise RuntimeError(f"{seen['failed']} of {seen['requests']} answers failed: {target.path}")
    rate = seen["requests"] / seen["seconds"]
    return Sample(rate, 1000 * cpu / seen["requests"], seen["p50_us"] / 1000)


@contextmanager
def background(target: Target, connections: int, seconds: int) -> Iterator[None]:
    """Load a target meanwhile; it ends with the context, or after the seconds."""
    process = subprocess.Popen(
        _command(target, connections, seconds), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def _command(target: Target, connections: int, seconds: int) -> list[str]:
    if driver() == "wrk":
        options = [f"-c{connections}", f"-d{seconds}s", "-t1", "--timeout", f"{TIMEOUT}s"]
        headers = [part for line in target.headers for part in ("-H", line)]
        return ["wrk", *options, *headers, "-s", str(HERE / "report.lua"), target.url]
    options = [f"--connections={connections}", f"--seconds={seconds}"]
    headers = [f"--header={line}" for line in target.headers]
    return [sys.executable, str(HERE / "client.py"), target.url, *options, *headers]


@dataclass(frozen=True)
class Comparison:
    """Targets that took turns, by name, with a sample for each round."""

    samples: Mapping[str, Sequence[Sample]]

    def rate(self, name: str) -> float:
        return median(sample.rate for sample in self.samples[name])

    def cpu_ms(self, name: str) -> float:
        return median(sample.cpu_ms for sample in self.samples[name])

    def p50_ms(self, name: str) -> float:
        return median(sample.p50_ms for sample in self.samples[name])

    def rate_ratio(self, name: str, other: str) -> float:
        """Return how many times as many answers a second the first gives as the other."""
        return self._ratio("rate", name, other)

    def cpu_ratio(self, name: str, other: str) -> float:
        """Return how many times as much processor time an answer of the first costs."""
        return self._ratio("cpu_ms", name, other)

    def p50_ratio(self, name: str, other: str) -> float:
        return self._ratio("p50_ms", name, other)

    def _ratio(self, figure: str, name: str, other: str) -> float:
        ratio: float = median(
            getattr(one, figure) / max(getattr(two, figure), 1e-9)
            for one, two in zip(self.samples[name], self.samples[other], strict=True)
        )
        return ratio


def compare(
    targets: Mapping[str, Target], *, connections: int, seconds: int, rounds: int
) -> Comparison:
    """Load the targets in turns and return all that was seen in calm ones."""
    lengths = {name: _length(target, connections, seconds) for name, target in targets.items()}
    turns = calm(
        lambda: {name: measure(each, connections, lengths[name]) for name, each in targets.items()},
        rounds,
    )
    return Comparison({name: [turn[name] for turn in turns] for name in targets})


def _length(target: Target, connections: int, seconds: int) -> int:
    """Return for how many seconds to measure, after a first question that warms caches."""
    target.fetch()
    began = perf_counter()
    target.fetch()
    wanted = (perf_counter() - began) * connections * MANY_ANSWERS
    return max(seconds, min(math.ceil(wanted), MAX_SECONDS))
