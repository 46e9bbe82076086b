"""The questions that are asked, made for the data: which values are common and which are rare."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import numpy as np

from callreel.model import Facts

PAGE = 500
WEEK = 7 * 86_400
FEW = range(2, 10)  # so many calls has a rare number
LONG_SHARE = 0.998  # this part of all calls is shorter than a very long one
LONGISH_SHARE = 0.95
NARROWED_TO = 3  # projects


@dataclass(frozen=True)
class Picks:
    """Values to ask for, all of the biggest tenant.

    Attributes:
        calls: How many it has.
        project, number, tag: The most common one.
        projects: The most common ones, which the narrowed key is narrowed to.
        user, busy_user: One in the middle, and the busiest.
        rare_number: Of a few calls.
        rare_tag: The rarest.
        week_from, week_to: Seconds UTC.
        long_ms, longish_ms: Hardly any conversation is longer, and few are.
    """

    calls: int
    project: int
    projects: list[int]
    user: int
    busy_user: int
    number: str
    rare_number: str
    tag: int
    rare_tag: int
    week_from: int
    week_to: int
    long_ms: int
    longish_ms: int


@dataclass
class Survey:
    """Counts what there is while it is loaded."""

    projects: Counter[int] = field(default_factory=Counter)
    users: Counter[int] = field(default_factory=Counter)
    numbers: Counter[str] = field(default_factory=Counter)
    tags: Counter[int] = field(default_factory=Counter)
    started: list[int] = field(default_factory=list)
    talking: list[int] = field(default_factory=list)

    def see(self, facts: Facts) -> None:
        if facts.project_id is not None:
            self.projects[facts.project_id] += 1
        if facts.user_id is not None:
            self.users[facts.user_id] += 1
        self.numbers.update(facts.numbers)
        self.tags.update(facts.tags)
        self.started.append(facts.started_at)
        self.talking.append(facts.talking_ms)

    def picks(self) -> Picks:
        week_from = int(np.quantile(self.started, 0.6))
        users = self.users.most_common()
        return Picks(
            calls=len(self.started),
            project=self.projects.most_common(1)[0][0],
            projects=sorted(project for project, _ in self.projects.most_common(NARROWED_TO)),
            user=users[len(users) // 2][0],
            busy_user=users[0][0],
            number=self.numbers.most_common(1)[0][0],
            rare_number=min(number for number, count in self.numbers.items() if count in FEW),
            tag=self.tags.most_common(1)[0][0],
            rare_tag=self.tags.most_common()[-1][0],
            week_from=week_from,
            week_to=week_from + WEEK,
            long_ms=int(np.quantile(self.talking, LONG_SHARE)),
            longish_ms=int(np.quantile(self.talking, LONGISH_SHARE)),
        )


@dataclass(frozen=True)
class Question:
    """A question to the endpoint.

    Attributes:
        name: For people.
        conditions: The objects of its filter.
        of: The address of the list.
    """

    name: str
    conditions: tuple[dict[str, Any], ...] = ()
    limit: int = PAGE
    offset: int = 0
    of: str = "/cdr_dialog_recording"

    @property
    def path(self) -> str:
        path = f"{self.of}?limit={self.limit}"
        if self.offset:
            path += f"&offset={self.offset}"
        if self.conditions:
            text = json.dumps(self.conditions, separators=(",", ":"))
            path += f"&filter={quote(text)}"
        return path


FULL_PAGE = Question(f"{PAGE}-record page")
ONE_RECORD = Question("limit=1", limit=1)


def condition(name: str, value: object, operator: str | None = None) -> dict[str, Any]:
    given = {"property": name, "value": value}
    return given if operator is None else given | {"operator": operator}


def rare_number(picks: Picks) -> Question:
    return Question("a rare number", (condition("number_list", [picks.rare_number]),))


def filters(picks: Picks) -> Iterator[Question]:
    """Yield a question for each property, and one of two, most with a full page of matches."""
    yield Question("project", (condition("project_id", [picks.project]),))
    yield Question("user", (condition("tenant_user_id", [picks.user]),))
    yield Question("talking > 1 min", (condition("talking_time", 60_000, "gt"),))
    yield Question("very long talking", (condition("talking_time", picks.long_ms, "gt"),))
    yield Question("started in a week", _within("start_time", picks))
    yield Question("hung up in a week", _within("hangup_time", picks))
    yield Question("main number", (condition("number_list", [picks.number]),))
    yield Question("tag", (condition("custom_tag_id_list", [picks.tag]),))
    number = condition("number_list", [picks.number])
    rare_tag = condition("custom_tag_id_list", [picks.rare_tag])
    yield Question("main number + rare tag", (number, rare_tag))


def rare_pairs(picks: Picks) -> Iterator[Question]:
    """Yield pairs of conditions with few matches, whose candidates must all be looked at."""
    user = condition("tenant_user_id", [picks.user])
    busy_user = condition("tenant_user_id", [picks.busy_user])
    long = condition("talking_time", picks.long_ms, "gt")
    longish = condition("talking_time", picks.longish_ms, "gt")
    tag = condition("custom_tag_id_list", [picks.tag])
    rare_tag = condition("custom_tag_id_list", [picks.rare_tag])
    yield Question("user + very long talking", (user, long))
    yield Question("busy user + long talking", (busy_user, longish))
    yield Question("busy user + tag", (busy_user, tag))
    yield Question("rare tag + user", (rare_tag, user))
    yield Question("tag + very long talking", (tag, long))


def in_projects(picks: Picks, limit: int) -> Question:
    """Return the question that sees what the narrowed key sees."""
    return Question("narrowed key", (condition("project_id", picks.projects),), limit=limit)


def _within(name: str, picks: Picks) -> tuple[dict[str, Any], ...]:
    return (
        condition(name, _wire_time(picks.week_from), "gte"),
        condition(name, _wire_time(picks.week_to), "lte"),
    )


def _wire_time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
