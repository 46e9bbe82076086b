"""The short form of `./run attack`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from attack.case import Target, request
from attack.groups import GROUPS
from attack.groups.bodies import LIST
from attack.groups.matrix import whole
from attack.report import failures, table
from attack.run import Tally, attacked, shares_of
from attack.slow import slow_clients
from attack.target import filled, left_behind, state
from attack.wire import talk
from callreel.api.routes import ROUTES

SEED = 7
CASES = 700
SECONDS = 10.0
"""Longer than the long form allows: other tests run beside these."""


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    folder = tmp_path_factory.mktemp("attack")
    with filled(folder, SECONDS) as found:
        yield found
    assert left_behind(folder, found) == []


def require_none_failed(tallies: list[Tally]) -> None:
    assert not failures(tallies, SEED), "\n\n".join([table(tallies), *failures(tallies, SEED)])


def test_hostile_requests_do_no_harm_and_learn_nothing(target: Target) -> None:
    before = state(target)
    tallies = list(attacked(target, SEED, shares_of(CASES, GROUPS.keys() - {"matrix"})))
    require_none_failed(tallies)
    assert sum(tally.cases for tally in tallies) > CASES * 0.95
    assert state(target) == before


def test_the_whole_matrix_of_operations_and_keys_holds(target: Target) -> None:
    before, cases = state(target), whole(target)
    require_none_failed(list(attacked(target, SEED, {"matrix": len(cases)})))
    said = [case.says for case in cases]
    for route in ROUTES:
        assert any(line.startswith(f"{route.method} {route.path}") for line in said)
    assert state(target) == before


def test_slow_clients_do_not_hold_up_the_others(target: Target) -> None:
    tally = slow_clients(target)
    require_none_failed([tally])
    assert tally.statuses == {200: tally.cases}


def test_whoever_guesses_keys_is_slowed_down_and_nobody_else(target: Target) -> None:
    wrong = request("GET", LIST, "cr_00000000_guess")
    good = request("GET", LIST, target.all)
    answers = [talk(target.address, wrong, source="127.9.9.9").answers[0] for _ in range(80)]
    assert {answers[0].status, answers[-1].status} == {401, 429}
    assert answers[-1].header("retry-after") == "1"
    for raw, source, status in ((good, "127.9.9.9", 200), (wrong, "127.9.9.8", 401)):
        assert talk(target.address, raw, source=source).answers[0].status == status


def test_the_same_seed_sends_the_same_cases(target: Target) -> None:
    first, again, other = (
        [tally.statuses for tally in attacked(target, seed, {"injection": 40, "ids": 20})]
        for seed in (1, 1, 2)
    )
    assert first == again != other


def test_a_table_has_a_line_for_each_group() -> None:
    lines = table([Tally("ids", cases=2, worst_ms=3.4, statuses={404: 1, 0: 1})]).splitlines()
    assert lines[1].split() == ["ids", "2", "3", "0", "none:1", "404:1"]
