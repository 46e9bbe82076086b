"""What a catalog must answer, worked out the slow and obvious way."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterable
from dataclasses import dataclass

from hypothesis import strategies as st

from callreel.catalog import NewEntry
from callreel.model import (
    DEFAULT_SORT,
    EARLIEST_START,
    NO_FILTER,
    CallFilter,
    Facts,
    ListRequest,
    Reach,
    SortField,
    SortKey,
    Span,
)

OPENING = b'{"at":"here/'
NOON = EARLIEST_START + 9_000 * 86_400 + 43_200
NUMBERS = ["48600700800", "48111", "2001", "2002", "anonymous", "4822"]


@dataclass(frozen=True, slots=True)
class Known:
    """A recording that the catalog was given; a list of them is in the order of arrival."""

    tenant: int
    id: str
    facts: Facts


def body_of(recording_id: str, facts: Facts) -> bytes:
    """Return a body that says what the facts are, as a real one does."""
    said = {
        "id": recording_id,
        "started_at": facts.started_at,
        "hung_up_at": facts.hung_up_at,
        "talking_ms": facts.talking_ms,
        "project": facts.project_id,
        "user": facts.user_id,
        "numbers": sorted(facts.numbers),
        "tags": sorted(facts.tags),
    }
    return recording_id.encode() + b'",' + json.dumps(said).encode()[1:]


def facts_in(body: bytes) -> Facts:
    """Read the facts out of a body made by `body_of`."""
    said = json.loads(OPENING + body)
    return Facts(
        said["started_at"],
        said["hung_up_at"],
        said["talking_ms"],
        said["project"],
        said["user"],
        frozenset(said["numbers"]),
        frozenset(said["tags"]),
    )


def entry_of(known: Known) -> NewEntry:
    body = body_of(known.id, known.facts)
    return NewEntry(
        id=known.id,
        body=body,
        facts=known.facts,
        digest=hashlib.sha256(known.id[:4].encode()).digest(),
        fingerprint=hashlib.sha256(body).digest(),
        arrived_at=NOON,
    )


def random_facts(rng: random.Random) -> Facts:
    """Draw facts from few values, so that equal ones and clashes are common."""
    started = NOON + rng.choice([0, 1, 2, 3, 600, 86_399, 86_400, 5 * 86_400]) + rng.randrange(3)
    return Facts(
        started,
        started + rng.choice([0, 1, 30, 100, 4_000]),
        rng.choice([0, 1_000, 5_000, 60_000, 3_600_000]),
        rng.choice([None, 1, 2, 3]),
        rng.choice([None, 10, 11, 12, 13]),
        frozenset(rng.sample(NUMBERS, rng.randrange(3))),
        frozenset(rng.sample([5, 6, 7, 8], rng.randrange(3))),
    )


def _holds(span: Span, value: int) -> bool:
    return span.low <= value <= span.high


def matches(reach: Reach, wanted: CallFilter, known: Known) -> bool:
    facts = known.facts
    return (
        known.tenant == reach.tenant
        and all(
            allowed is None or facts.project_id in allowed
            for allowed in (reach.projects, wanted.projects)
        )
        and all(
            allowed is None or facts.user_id in allowed for allowed in (reach.users, wanted.users)
        )
        and _holds(wanted.started, facts.started_at)
        and _holds(wanted.hung_up, facts.hung_up_at)
        and _holds(wanted.talking, facts.talking_ms)
        and all(facts.numbers & choice for choice in wanted.numbers)
        and all(facts.tags & choice for choice in wanted.tags)
    )


_VALUE = {
    SortField.STARTED: lambda facts: facts.started_at,
    SortField.HUNG_UP: lambda facts: facts.hung_up_at,
    SortField.TALKING: lambda facts: facts.talking_ms,
}


def listed(
    reach: Reach, wanted: CallFilter, sort: tuple[SortKey, ...], arrived: Iterable[Known]
) -> list[str]:
    """Return the ids of the whole list in its order; `arrived` is in the order of arrival."""
    found = [known for known in arrived if matches(reach, wanted, known)]
    found.sort(key=lambda known: known.facts.started_at)
    if sort[-1].descending:
        found.reverse()
    for key in reversed(sort):
        value = _VALUE[key.field]
        found.sort(key=lambda known, v=value: v(known.facts), reverse=key.descending)  # type: ignore[misc]  # a default argument binds the loop's value
    return [known.id for known in found]


def subsets(values: list[int] | list[str]) -> st.SearchStrategy[frozenset[int | str]]:
    return st.frozensets(st.sampled_from(values), max_size=4)


def spans(values: list[int]) -> st.SearchStrategy[Span]:
    bound = st.one_of(st.none(), st.sampled_from(values))
    return st.builds(lambda low, high: Span().narrowed(low, high), bound, bound)


TIMES = [NOON + step for step in (-1, 0, 1, 2, 3, 100, 601, 86_400, 86_402, 5 * 86_400, 10**9)]

FILTERS: st.SearchStrategy[CallFilter] = st.builds(
    CallFilter,
    started=st.one_of(st.just(Span()), spans(TIMES)),
    hung_up=st.one_of(st.just(Span()), spans(TIMES)),
    talking=st.one_of(st.just(Span()), spans([-5, 0, 1_000, 5_000, 60_000, 3_600_000, 2**62])),
    projects=st.one_of(st.none(), subsets([1, 2, 3, 99])),
    users=st.one_of(st.none(), subsets([10, 11, 12, 13, 99])),
    numbers=st.lists(subsets([*NUMBERS, "999"]), max_size=2).map(tuple),
    tags=st.lists(subsets([5, 6, 7, 8, 99]), max_size=2).map(tuple),
)
SORTS: st.SearchStrategy[tuple[SortKey, ...]] = st.lists(
    st.builds(SortKey, st.sampled_from(SortField), st.booleans()),
    min_size=1,
    max_size=3,
    unique_by=lambda key: key.field,
).map(tuple)
REACHES: st.SearchStrategy[Reach] = st.builds(
    Reach,
    st.sampled_from([1, 2, 3, 4]),
    st.one_of(st.none(), subsets([1, 2, 3])),
    st.one_of(st.none(), subsets([10, 11, 12])),
)
REQUESTS: st.SearchStrategy[ListRequest] = st.builds(
    ListRequest,
    filter=st.one_of(st.just(NO_FILTER), FILTERS),  # themselves: what asks nothing may be told so
    sort=st.one_of(st.just(DEFAULT_SORT), SORTS),
    limit=st.sampled_from([1, 2, 7, 50, 10_000]),
    offset=st.sampled_from([0, 0, 1, 5, 60, 100_000, 2**53]),
)
