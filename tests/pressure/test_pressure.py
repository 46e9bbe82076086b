from __future__ import annotations

from pathlib import Path

import pytest

from pressure import health, overload, soak
from pressure.report import Report


def test_mixed_requests_beside_imports_are_all_answered(tmp_path: Path) -> None:
    report = soak.run(tmp_path, 600, seed=1)
    found = {measure: (seen, is_enough) for measure, seen, is_enough, _ in report.rows}
    assert found["other answers than 2xx, 429, 503"] == ("0", True)
    assert found["imports, by exit code"][1]


def test_what_is_too_much_is_refused_and_the_rest_is_done(tmp_path: Path) -> None:
    report = overload.run(tmp_path, 1, seed=1)
    rates = [seen for measure, seen, _, _ in report.rows if " at " in measure and "good" in seen]
    assert len(rates) == 2 * len(overload.STEPS)
    assert not [seen for seen in rates if seen.startswith("0/s")]
    assert not [seen for seen in rates if "500:" in seen]


def test_health_is_asked_beside_each_long_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "LONG_SECONDS", 60)
    report = health.run(tmp_path, 5, seed=1)
    assert len(report.rows) == 2 * 6  # over a kept connection, and over new ones


def test_a_report_is_good_where_every_bar_is_met() -> None:
    good, bad = Report("one"), Report("another")
    for report, seen in ((good, 1), (bad, 3)):
        report.judge("figure", str(seen), seen <= 2, "≤ 2")
    assert (good.is_good, bad.is_good) == (True, False)
    assert "| figure | 3 | ≤ 2 | **no** |" in bad.markdown()
