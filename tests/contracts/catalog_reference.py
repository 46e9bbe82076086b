"""What a catalog must answer, worked out the slow and obvious way."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

from callreel.catalog import NewCall, NewEntry
from callreel.catalog.audit import ToldCall
from callreel.model import (
    DEFAULT_SORT,
    EARLIEST_START,
    EVERY_CALL,
    NO_FILTER,
    CallFilter,
    DialogType,
    Direction,
    Facts,
    ListRequest,
    Reach,
    SortField,
    SortKey,
    Span,
)

OPENING = b'{"at":"here/'
NOON = EARLIEST_START + 9_000 * 86_400 + 43_200
SOURCE_CALLS = ["1.7", "1.8", "2.1"]
NUMBERS = ["48600700800", "48111", "2001", "2002", "anonymous", "4822"]


@dataclass(frozen=True, slots=True)
class Known:
    """What the catalog was given; a list of them is in the order of arrival.

    Attributes:
        dialog: The id of the dialog, or '' where it is not known.
        is_recorded: Whether it is a recording, or a call without one.
    """

    tenant: int
    id: str
    facts: Facts
    dialog: str = ""
    is_recorded: bool = True

    @property
    def call(self) -> tuple[int, int, str]:
        """What is the same for all that is known of one call."""
        return self.tenant, self.facts.started_at, self.dialog or self.id


def body_of(recording_id: str, facts: Facts, dialog: str = "") -> bytes:
    """Return a body that says what the facts are, as a real one does."""
    said = {
        "id": recording_id,
        "dialog": dialog,
        "started_at": facts.started_at,
        "hung_up_at": facts.hung_up_at,
        "talking_ms": facts.talking_ms,
        "project": facts.project_id,
        "user": facts.user_id,
        "numbers": sorted(facts.numbers),
        "tags": sorted(facts.tags),
        "type": facts.dialog_type,
        "direction": facts.direction,
        "source_call": facts.source_call_id,
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
        None if said["type"] is None else DialogType(said["type"]),
        None if said["direction"] is None else Direction(said["direction"]),
        said["source_call"],
    )


def told_in(body: bytes) -> ToldCall:
    """Read a body made by `body_of` or by `whole_body`."""
    own = body.removeprefix(OPENING)
    return ToldCall(json.loads(OPENING + own)["dialog"], facts_in(own))


def whole_body(body: bytes) -> bytes:
    """Return what remains of a recording's body as the body of a call without recording."""
    return OPENING + body


def entry_of(known: Known) -> NewEntry:
    body = body_of(known.id, known.facts, known.dialog)
    return NewEntry(
        id=known.id,
        body=body,
        facts=known.facts,
        digest=hashlib.sha256(known.id[:4].encode()).digest(),
        fingerprint=hashlib.sha256(body).digest(),
        arrived_at=NOON,
        dialog=known.dialog,
    )


def call_of(known: Known) -> NewCall:
    return NewCall(
        dialog=known.dialog,
        body=whole_body(body_of(known.id, known.facts, known.dialog)),
        facts=known.facts,
        arrived_at=NOON,
        source="test",
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
        rng.choice(list(DialogType)),
        rng.choice(list(Direction)),
        rng.choice([None, *SOURCE_CALLS]),
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
        and (wanted.types is None or facts.dialog_type in wanted.types)
        and (wanted.directions is None or facts.direction in wanted.directions)
        and all(facts.source_call_id in choice for choice in wanted.source_call_ids)
    )


def calls(arrived: Iterable[Known]) -> list[Known]:
    """Return each call once, by its first recording where there is one, at its place of arrival.

    A recording takes the place of its call where that came before it.
    """
    shown: dict[tuple[int, int, str], Known] = {}
    for known in arrived:
        before = shown.get(known.call)
        if before is None or (known.is_recorded and not before.is_recorded):
            shown[known.call] = known
    return list(shown.values())


def of_list(wanted: CallFilter, arrived: Iterable[Known]) -> list[Known]:
    """Return what the list holds before any filter, in the order of its places."""
    if wanted.unrecorded_too:
        return calls(arrived)
    waiting: dict[tuple[int, int, str], int | None] = {}
    placed = []
    for place, known in enumerate(arrived):
        if known.is_recorded:
            kept = waiting.get(known.call)
            placed.append((place if kept is None else kept, known))
            waiting[known.call] = None
        else:
            waiting.setdefault(known.call, place)
    placed.sort(key=lambda each: each[0])
    return [known for _, known in placed]


_VALUE = {
    SortField.STARTED: lambda facts: facts.started_at,
    SortField.HUNG_UP: lambda facts: facts.hung_up_at,
    SortField.TALKING: lambda facts: facts.talking_ms,
}


def listed(
    reach: Reach, wanted: CallFilter, sort: tuple[SortKey, ...], arrived: Iterable[Known]
) -> list[str]:
    """Return the ids of the whole list in its order; `arrived` is in the order of arrival."""
    found = [known for known in of_list(wanted, arrived) if matches(reach, wanted, known)]
    found.sort(key=lambda known: known.facts.started_at)
    if sort[-1].descending:
        found.reverse()
    for key in reversed(sort):
        value = _VALUE[key.field]
        found.sort(key=lambda known, v=value: v(known.facts), reverse=key.descending)  # type: ignore[misc]  # a default argument binds the loop's value
    return [known.id for known in found]


def subsets(values: Sequence[int] | Sequence[str]) -> st.SearchStrategy[frozenset[int | str]]:
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
    types=st.one_of(st.none(), st.none(), subsets(list(DialogType))),
    directions=st.one_of(st.none(), st.none(), subsets(list(Direction))),
    source_call_ids=st.lists(subsets([*SOURCE_CALLS, "none"]), max_size=1).map(tuple),
    unrecorded_too=st.booleans(),
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
    filter=st.one_of(
        st.just(NO_FILTER), st.just(EVERY_CALL), FILTERS
    ),  # themselves: what asks nothing may be told so
    sort=st.one_of(st.just(DEFAULT_SORT), SORTS),
    limit=st.sampled_from([1, 2, 7, 50, 10_000]),
    offset=st.sampled_from([0, 0, 1, 5, 60, 100_000, 2**53]),
)
