from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import load
import servers
import stage
from load import Target
from table import Row, at_least, at_most, markdown

BENCH = Path(__file__).parents[2] / "bench"


def page(*ids: str) -> bytes:
    return json.dumps({"data": [{"recording_uuid": each} for each in ids]}).encode()


@pytest.fixture
def limit(tmp_path: Path) -> Iterator[servers.Server]:
    bodies = tmp_path / "bodies"
    bodies.mkdir()
    (bodies / "one").write_bytes(page("a", "b"))
    (bodies / "same").write_bytes(page("a", "b"))
    (bodies / "other").write_bytes(page("b", "a"))
    (bodies / "other.headers").write_text('[["content-type", "text/plain"], ["link", "<x>"]]')
    with servers.limit(bodies) as server:
        yield server


def test_servers_that_answer_alike_are_compared_and_others_are_not(limit: servers.Server) -> None:
    one = Target(limit, "/one")
    assert stage.require_same_records(one, Target(limit, "/same")) == 2
    stage.require_same_bytes(one, Target(limit, "/zlib1/same"))
    with pytest.raises(stage.AnswersDiffer, match="2 and 2 records"):
        stage.require_same_records(one, Target(limit, "/other"))
    with pytest.raises(stage.AnswersDiffer, match="other bytes"):
        stage.require_same_bytes(one, Target(limit, "/zlib1/other"))


def test_the_limit_sends_the_headers_that_the_other_sent(limit: servers.Server) -> None:
    headers, body = Target(limit, "/other").answer()
    assert body == page("b", "a")
    assert (headers["content-type"], headers["link"]) == ("text/plain", "<x>")
    plain, _ = Target(limit, "/one").answer()
    assert plain["content-type"] == "application/json"
    assert set(headers) - set(plain) == {"link"}


def test_the_built_in_client_counts_answers_and_failures(
    limit: servers.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "driver", lambda: "built-in client")
    seen = load.measure(Target(limit, "/one"), connections=3, seconds=1)
    assert seen.rate > 10
    assert 0 < seen.p50_ms < 1000
    with pytest.raises(RuntimeError, match="answers failed"):
        load.measure(Target(limit, "/missing"), connections=1, seconds=1)


def test_a_row_says_whether_it_reaches_its_bar() -> None:
    rows = [
        Row(measure="fast", product="9/s", other="limit", other_figure="10/s", figure=0.9),
        Row(measure="enough", product="5 MB", figure=5, bar=at_most(5, "MB")),
        Row(measure="slow", product="1/s", other="peer", figure=2.5, bar=at_least(3)),
        Row(measure="odd", product="", figure=0, failed=True),
    ]
    assert [row.ok for row in rows] == [True, True, False, False]
    cells = [line.split("|")[1:-1] for line in markdown(rows).splitlines()]
    assert [line[-1].strip() for line in cells] == ["ok", "------", "", "yes", "**no**", "**no**"]
    assert [line[-2].strip() for line in cells[2:]] == ["", "≤ 5 MB", "≥ 3 x", ""]


def test_a_run_on_little_data_checks_the_answers_and_writes_its_figures(tmp_path: Path) -> None:
    report = tmp_path / "bench.json"
    options = ["--rows=2000", "--rounds=1", "--only=rare"]
    where = [f"--out={tmp_path / 'out'}", f"--json={report}"]
    run = subprocess.run(
        [sys.executable, BENCH / "run.py", *options, *where],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode in {0, 1}, run.stderr
    rows = json.loads(report.read_text())["rows"]
    assert [row["failed"] for row in rows] == [False]
    assert rows[0]["measure"].startswith("a rare number: ")
    assert f"| {rows[0]['measure']}" in run.stdout
