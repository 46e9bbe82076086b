"""Hours in which calls are missing, judged by what is usual in the same hour of the week.

Usual is the median of the same hour, by the clock of a time zone, in the eight weeks before; where
fewer than four of them lie behind the first call, nothing is known to be usual.

An hour is low where it has no more than a quarter of the usual calls. Low hours in a row are a gap
where together they have fewer than the usual calls less three times the root of these: calls that
come by chance and independently of each other are so few about once in a thousand times at most
(a Poisson distribution has the root of its mean as its deviation). So ten calls missing in an hour,
or over a day, are a gap; a night or a holiday on which few calls are usual is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import sqrt
from statistics import median_low
from typing import Final
from zoneinfo import ZoneInfo

from callreel.archive.reconciling import Finding, Kind
from callreel.model import Span

HOUR: Final = 3600
WEEKS: Final = 8
FEWEST_WEEKS: Final = 4
LOW_SHARE: Final = 4
DEVIATIONS: Final = 3


@dataclass(frozen=True, slots=True)
class Hour:
    """An hour of calls.

    Attributes:
        start: When it began, seconds UTC.
        found: How many calls began in it.
        usual: How many usually do; 0 where nothing is known.
    """

    start: int
    found: int
    usual: int

    @property
    def is_low(self) -> bool:
        return self.found * LOW_SHARE <= self.usual


def hours_in(span: Span, zone: ZoneInfo) -> range:
    """Return when each whole hour of the zone's clock within a span begins, seconds UTC."""
    local = datetime.fromtimestamp(span.low, zone)
    start = span.low + -(local.minute * 60 + local.second) % HOUR
    return range(start, span.high + 2 - HOUR, HOUR)


def same_hours_before(hour: int, zone: ZoneInfo) -> list[int]:
    """Return when the same hour of the clock began in each of the weeks before, latest first."""
    local = datetime.fromtimestamp(hour, zone).replace(fold=0)
    return [int((local - timedelta(weeks=week)).timestamp()) for week in range(1, WEEKS + 1)]


def usual_of(counts: Sequence[int]) -> int:
    """Return the usual number of calls, by the numbers in the weeks before that are known."""
    return median_low(counts) if len(counts) >= FEWEST_WEEKS else 0


def gaps(hours: Iterable[Hour]) -> Iterator[Finding]:
    """Yield the gaps in hours that follow one another."""
    low: list[Hour] = []
    for hour in hours:
        if hour.is_low:
            low.append(hour)
            continue
        yield from _gap(low)
        low = []
    yield from _gap(low)


def _gap(low: Sequence[Hour]) -> Iterator[Finding]:
    counted = [hour for hour in low if hour.usual]
    usual, found = sum(hour.usual for hour in counted), sum(hour.found for hour in counted)
    if found < usual - DEVIATIONS * sqrt(usual):
        yield Finding(
            kind=Kind.GAP,
            started_at=counted[0].start,
            ended_at=counted[-1].start + HOUR,
            reason=f"Usually {usual} calls begin in this time; {found} are there.",
            expected=usual,
            found=found,
        )
