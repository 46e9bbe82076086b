from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from faults.running import served
from pressure import health, overload, soak
from pressure.overload import LIST, TAKE_IN
from pressure.report import Report


def seen_in(report: Report) -> dict[str, tuple[str, bool]]:
    return {measure: (seen, is_enough) for measure, seen, is_enough, _ in report.rows}


def test_mixed_requests_beside_imports_are_all_answered(tmp_path: Path) -> None:
    found = seen_in(soak.run(tmp_path, 600, seed=1))
    assert found["other answers than 2xx, 429, 503"] == ("0", True)
    assert found["imports, by exit code"][1]
    first, last = (int(each) for each in found["descriptors"][0].split(", then "))
    assert min(first, last) > 3  # of a server, and no other process
    assert found["memory grows by"][1]
    for kind in ("list", "range", "take in"):
        assert not found[f"p99, {kind}"][0].startswith("0.0 ms"), "nothing was measured"


def test_what_is_too_much_is_refused_and_the_rest_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = ("env", "CALLREEL_MAX_UPLOADS=8")  # half for one tenant, so that few are too many
    monkeypatch.setattr(overload, "WAITING", 4)
    monkeypatch.setattr(overload, "served", partial(served, before=few))
    found = seen_in(overload.run(tmp_path, 1, seed=1))
    for what in (TAKE_IN, LIST):
        for times in overload.STEPS:
            assert found[f"{what}: other answers at {times} x"] == ("0", True)
            assert not found[f"{what}: at {times} x"][0].startswith("0/s")
            assert "inf" not in found[f"{what}: /health at {times} x"][0]
    assert "503: " in found[f"{TAKE_IN}: at 4 x"][0]
    assert "503: " not in found[f"{LIST}: at 4 x"][0]


def test_health_is_asked_beside_each_long_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "LONG_SECONDS", 60)
    report = health.run(tmp_path, 5, seed=1)
    assert len(report.rows) == 2 * 6  # over a kept connection, and over new ones
    assert not [seen for _, seen, _, _ in report.rows if "inf" in seen], "it was not answered"


def test_a_report_is_good_where_every_bar_is_met() -> None:
    good, bad = Report("one"), Report("another")
    for report, seen in ((good, 1), (bad, 3)):
        report.judge("figure", str(seen), seen <= 2, "≤ 2")
    assert (good.is_good, bad.is_good) == (True, False)
    assert "| figure | 3 | ≤ 2 | **no** |" in bad.markdown()
