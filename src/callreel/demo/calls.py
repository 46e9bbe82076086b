"""Invented calls with the distributions of real ones, drawn in blocks from one seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from callreel.demo import people
from callreel.demo.people import Ints, Staff
from callreel.model import Call, DialogType, Direction

BLOCK: Final = 20_000
LONGEST_MS: Final = 3_600_000
LONGEST_WAIT_MS: Final = 1_800_000
DAY: Final = 86_400
MISSED_BEFORE: Final = 600
MISSED_AFTER: Final = 30

_ZONE: Final = ZoneInfo("Europe/Warsaw")
_BY_WEEKDAY: Final = (1.2, 1.05, 1.0, 1.0, 0.9, 0.15, 0.04)
_BY_HOUR: Final = (
    *(0.01, 0.01, 0.01, 0.01, 0.01, 0.02, 0.06, 0.3),
    *(0.75, 1.0, 1.2, 1.15, 0.9, 0.85, 1.0, 0.95),
    *(0.7, 0.45, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01),
)
_HOLIDAYS: Final = frozenset(
    [(1, 1), (1, 6), (5, 1), (5, 3), (8, 15), (11, 1), (11, 11), (12, 24), (12, 25), (12, 26)]
)
_TYPES: Final = (
    DialogType.CONSULTANT,
    DialogType.TENANT_USER,
    DialogType.BOT,
    DialogType.EXTERNAL,
)
_TYPE_STEPS: Final = np.array([0.88, 0.94, 0.97])
_CAUSES: Final = ("DIALOG_LEFT", "REMOTE_LEFT", "TRANSFERRED", "TIMEOUT", None)
_CAUSE_STEPS: Final = np.array([0.55, 0.9, 0.95, 0.98])

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Size:
    """How many of each a tenant has."""

    projects: int
    users: int
    customers: int

    @classmethod
    def of(cls, calls: float) -> _Size:
        return cls(
            projects=min(60, max(4, round(calls**0.5 / 3))),
            users=min(400, max(8, round(calls / 100))),
            customers=max(20, round(calls / 4)),
        )


@dataclass(frozen=True, slots=True)
class _Block:
    """What was drawn for each call of a block, an element each; times as in `Call`."""

    tenant: Ints
    started: Ints
    alerted: Ints
    rang: Ints
    answered: Ints
    served: Ints
    hung_up: Ints
    talking: Ints
    waiting: Ints
    queued: Ints
    inbound: Ints
    kind: Ints
    cause: Ints
    project: Ints
    user: Ints
    customer: Ints
    number: Ints
    spelling: Ints
    machine: Ints
    tags: Ints
    first_tag: Ints
    token: Ints


def generate(
    *, seed: int, count: int, tenants: int, days: int, now: int
) -> Iterator[tuple[int, Call]]:
    """Yield calls, each with the index of its tenant from 0, in the rough order of their starts.

    The first tenant of fifty has about 30 % of the calls, the next ones ever fewer. All calls
    end before `now` and begin less than `days` before it, most of them on business days, in
    business hours. The same arguments give the same calls.

    Args:
        seed: What everything is drawn from.
        count: How many calls.
        tenants: How many tenants share them.
        days: Length of the time that they lie in, at least 1.
        now: Seconds UTC.
    """
    rng = np.random.default_rng([seed, count, tenants, days])
    shares = shares_of(tenants)
    sizes = [_Size.of(count * share) for share in shares]
    teams = [people.staff(i, size.projects, size.users) for i, size in enumerate(sizes)]
    hours = _hours(rng, count, days, now)
    for begin in range(0, count, BLOCK):
        block = _draw(rng, hours[begin : begin + BLOCK], shares, sizes)
        yield from _calls(block, teams, begin)


def shares_of(tenants: int) -> Floats:
    """Return each tenant's share of the calls, biggest first."""
    weights = np.arange(1, tenants + 1, dtype=np.float64) ** -1.2
    shares: Floats = weights / weights.sum()
    return shares


def _hours(rng: np.random.Generator, count: int, days: int, now: int) -> Ints:
    """Draw the hour that each call starts in, ascending."""
    margin = (LONGEST_MS + LONGEST_WAIT_MS) // 1000
    last = now - margin - 3600
    first = max(now - days * DAY, 0)
    starts = np.arange(first, max(last, first) + 1, 3600, dtype=np.int64)
    weights = np.array([_weight(int(start)) for start in starts])
    return np.repeat(starts, rng.multinomial(count, weights / weights.sum()))


def _weight(start: int) -> float:
    local = datetime.fromtimestamp(start, UTC).astimezone(_ZONE)
    if (local.month, local.day) in _HOLIDAYS:
        return _BY_WEEKDAY[6] * _BY_HOUR[local.hour]
    return _BY_WEEKDAY[local.weekday()] * _BY_HOUR[local.hour]


def _draw(rng: np.random.Generator, hours: Ints, shares: Floats, sizes: list[_Size]) -> _Block:
    count = len(hours)
    tenant = np.searchsorted(shares.cumsum()[:-1], rng.random(count), side="right")
    started = np.sort(hours + rng.integers(0, 3600, count))
    inbound = rng.random(count) < 0.65
    machine = ~inbound & (rng.random(count) < 0.08)
    kind = np.searchsorted(_TYPE_STEPS, rng.random(count), side="right")
    project, user, customer = _draw_people(rng, tenant, sizes)
    setup = rng.integers(50, 1500, count)
    queued = np.where(inbound & (rng.random(count) < 0.6), rng.exponential(40_000, count), 0)
    queued = np.minimum(queued, LONGEST_WAIT_MS - 120_000).astype(np.int64)
    ringing = np.minimum(rng.lognormal(8.7, 0.5, count), 60_000).astype(np.int64)
    connected = setup + queued + ringing
    waiting = connected + rng.integers(0, 900, count)
    talking = _draw_talking(rng, machine)
    return _Block(
        tenant=tenant,
        started=started,
        alerted=started + setup // 1000,
        rang=started + (setup + queued) // 1000,
        answered=started + connected // 1000,
        served=started + waiting // 1000,
        hung_up=started + (waiting + talking + rng.integers(0, 1500, count)) // 1000,
        talking=talking,
        waiting=waiting,
        queued=queued,
        inbound=inbound.astype(np.int64),
        kind=kind,
        cause=np.searchsorted(_CAUSE_STEPS, rng.random(count), side="right"),
        project=project,
        user=user,
        customer=customer,
        number=people.customer_numbers(tenant, customer, rng.integers(0, 6, count)),
        spelling=rng.integers(0, 20, count),
        machine=machine.astype(np.int64),
        tags=np.searchsorted(np.array([0.8, 0.95, 0.99]), rng.random(count), side="right"),
        first_tag=_skewed(rng, np.full(count, len(people.TAGS)), 1.8),
        token=rng.integers(0, 1 << 62, count),
    )


def _draw_people(
    rng: np.random.Generator, tenant: Ints, sizes: list[_Size]
) -> tuple[Ints, Ints, Ints]:
    projects = np.array([size.projects for size in sizes])[tenant]
    users = np.array([size.users for size in sizes])[tenant]
    customers = np.array([size.customers for size in sizes])[tenant]
    project = _skewed(rng, projects, 2.5)
    place_in_team = _skewed(rng, np.maximum(3, users // 3), 1.4)
    return project, (project * 5 + place_in_team) % users, _skewed(rng, customers, 1.7)


def _skewed(rng: np.random.Generator, below: Ints, skew: float) -> Ints:
    """Draw numbers from 0 to below their bound; the higher the skew, the more are low."""
    return (below * rng.random(len(below)) ** skew).astype(np.int64)


def _draw_talking(rng: np.random.Generator, machine: npt.NDArray[np.bool_]) -> Ints:
    count = len(machine)
    long = rng.lognormal(np.log(140_000), 0.95, count)
    is_short = machine | (rng.random(count) < 0.07)
    talking = np.where(is_short, rng.uniform(1_200, 14_000, count), long)
    return np.clip(talking, 1_200, LONGEST_MS).astype(np.int64)


def _calls(block: _Block, teams: list[Staff], begin: int) -> Iterator[tuple[int, Call]]:
    company = [
        [people.company_number(index, project) for project in range(len(team.projects))]
        for index, team in enumerate(teams)
    ]
    columns = [getattr(block, column.name).tolist() for column in fields(block)]
    for serial, (
        tenant, started, alerted, rang, answered, served, hung_up, talking, waiting, queued,
        inbound, kind, cause, project, user, customer, number, spelling, machine, tags, first_tag,
        token,
    ) in enumerate(zip(*columns, strict=True), begin):  # fmt: skip
        theirs = people.spelled(number, spelling)
        ours = company[tenant][project]
        yield (
            tenant,
            Call(
                dialog_id=_dialog_id(token, serial),
                dialog_type=_TYPES[kind],
                direction=Direction.INBOUND if inbound else Direction.OUTBOUND,
                started_at=started,
                hung_up_at=hung_up,
                talking_ms=talking,
                end_cause=_CAUSES[cause],
                from_number=(theirs if customer % 50 != 49 else None) if inbound else ours,
                to_number=ours if inbound else theirs,
                alerted_at=alerted,
                rang_at=rang,
                answered_at=answered,
                served_at=served,
                waiting_ms=waiting,
                first_queue_waiting_ms=queued or None,
                machine_detected=bool(machine),
                machine_type="AMD" if machine else None,
                source_call_id=f"{started}.{serial}",
                project=teams[tenant].projects[project] if token & 63 else None,
                user=teams[tenant].users[user] if kind < 2 else None,
                tags=_tags(tags, first_tag),
            ),
        )


def missed_before(call: Call) -> Call:
    """Return the call that the same customer made some minutes before and nobody took."""
    started = call.started_at - MISSED_BEFORE
    digits = call.dialog_id.replace("-", "")[::-1]
    return replace(
        call,
        dialog_id=f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}",
        started_at=started,
        hung_up_at=started + MISSED_AFTER,
        talking_ms=0,
        end_cause="NO_ANSWER",
        alerted_at=started + 1,
        rang_at=started + 2,
        answered_at=None,
        served_at=None,
        waiting_ms=None,
        first_queue_waiting_ms=None,
        source_call_id=f"{started}.{digits[:4]}",
        tags=(),
    )


def _dialog_id(token: int, serial: int) -> str:
    digits = f"{token:016x}{serial:08x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}{digits[:8]}"


def _tags(count: int, first: int) -> tuple[int, ...]:
    """Return this many tag ids, ascending, beginning at a drawn one."""
    if not count:
        return ()
    every = len(people.TAGS)
    return tuple(sorted((first + step * 5) % every + 1 for step in range(count)))
