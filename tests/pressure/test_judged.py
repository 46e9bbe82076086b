"""A run under load is good only where each thing that is looked at is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from pressure import overload, soak
from pressure.line import GONE, Answer
from pressure.overload import LIST, TAKE_IN, Step
from pressure.report import Report
from pressure.soak import WINDOWS, Seen

KINDS = ("list", "range", "take in")


def bad(report: Report) -> list[str]:
    assert report.is_good == all(is_enough for _, _, is_enough, _ in report.rows)
    return [measure for measure, _, is_enough, _ in report.rows if not is_enough]


def seen_well() -> Seen:
    good = {("list", 200): 600, ("range", 206): 300, ("take in", 201): 99, ("take in", 503): 1}
    seen = Seen(1_000, 1_000, Counter(good), imported=Counter({0: 3}))
    for kind in KINDS:
        for window in range(WINDOWS):
            seen.seconds[kind, window] = [0.01] * 100
    seen.memory += [100.0] * 40
    seen.descriptors += [30] * 40
    return seen


def test_a_run_in_which_nothing_changes_is_good() -> None:
    assert bad(soak.report_of(seen_well())) == []


SPOILED: list[tuple[Callable[[Seen], object], str]] = [
    (lambda seen: seen.memory.append(150.1), "memory grows by"),
    (lambda seen: seen.descriptors.append(36), "descriptors"),
    *[
        (
            lambda seen, kind=kind: seen.seconds[kind, WINDOWS - 1].extend([0.0121] * 2),
            f"p99, {kind}",
        )
        for kind in KINDS
    ],
    *[
        (lambda seen, kind=kind: seen.seconds.pop((kind, WINDOWS - 1)), f"p99, {kind}")
        for kind in KINDS
    ],
    *[
        (
            lambda seen, each=each: seen.statuses.update([each]),
            "other answers than 2xx, 429, 503",
        )
        for each in [("list", 500), ("take in", 507), ("range", 404), ("range", GONE)]
    ],
    (lambda seen: seen.imported.update([3]), "imports, by exit code"),
    (lambda seen: seen.imported.clear(), "imports, by exit code"),
]


@pytest.mark.parametrize(("spoil", "measure"), SPOILED)
def test_each_bar_of_a_long_run_is_judged_alone(
    spoil: Callable[[Seen], object], measure: str
) -> None:
    seen = seen_well()
    spoil(seen)
    assert bad(soak.report_of(seen)) == [measure]


def steps_of(good: dict[int, int], *more: Answer, health: float = 0.05) -> dict[int, Step]:
    """Return what was seen in ten seconds of each rate: so many good answers, and `more`."""
    return {
        times: Step(10.0, [Answer(200, 0.1)] * number + list(more), 0, [0.01, health])
        for times, number in good.items()
    }


STEADY = {1: 1_000, 2: 990, 4: 800}


@pytest.mark.parametrize("what", [TAKE_IN, LIST])
@pytest.mark.parametrize(
    ("steps", "measures"),
    [
        (steps_of(STEADY), []),
        (steps_of({**STEADY, 4: 799}), ["at 4 x"]),
        (steps_of({**STEADY, 1: 500}), ["at 1 x"]),
        (steps_of({1: 10}, health=0.201), ["/health at 1 x"]),
        (steps_of({1: 10}, health=Answer(GONE, 0.001).waited), ["/health at 1 x"]),
        (steps_of({1: 10}, Answer(500, 0.1)), ["other answers at 1 x"]),
        (steps_of({1: 10}, Answer(GONE, 0.1)), ["other answers at 1 x"]),
    ],
)
def test_each_bar_of_an_overload_is_judged_alone(
    what: str, steps: dict[int, Step], measures: list[str]
) -> None:
    report = Report("overload")
    overload.judge(report, what, steps)
    assert bad(report) == [f"{what}: {measure}" for measure in measures]


def test_an_upload_may_be_turned_away_and_a_list_may_not() -> None:
    for what, measures in ((TAKE_IN, []), (LIST, [f"{LIST}: other answers at 1 x"])):
        report = Report("overload")
        overload.judge(report, what, steps_of({1: 10}, Answer(503, 0.01)))
        assert bad(report) == measures


def test_a_good_answer_that_comes_too_late_does_not_count() -> None:
    late = Answer(200, overload.IN_TIME + 0.1)
    assert steps_of({1: 50}, *[late] * 50)[1].goodput == 5.0
