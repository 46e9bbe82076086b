from __future__ import annotations

from contextlib import closing
from pathlib import Path

import apsw
from prometheus_client.parser import text_string_to_metric_families

from callreel.archive import noted
from callreel.archive.noted import LastVerify
from callreel.server import Options
from callreel.wiring import DATABASE, DATABASE_LOG
from support import PATH, Running, serve


def test_a_fresh_server_lives_and_is_ready(server: Running) -> None:
    for path in ("/health", "/ready"):
        answer = server.ask("GET", path, None)
        assert (answer.status_code, answer.json()) == (200, {"data": {"status": "ok"}})


def test_a_server_without_its_store_lives_but_is_not_ready(tmp_path: Path) -> None:
    with serve(tmp_path / "data") as running:
        (running.data / "audio" / "tmp").rename(running.data / "elsewhere")
        answer = running.ask("GET", "/ready", None)
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "unavailable")
        assert "Retry-After" in answer.headers
        assert running.ask("GET", "/health", None).status_code == 200


def test_a_server_with_a_full_disk_is_not_ready_but_still_reads(tmp_path: Path) -> None:
    with serve(tmp_path / "data", free_space_reserve=1 << 50) as running:
        answer = running.ask("GET", "/ready", None)
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "unavailable")
        assert answer.headers["Retry-After"] == "60"
        assert running.ask("GET", PATH).status_code == 200


def test_a_server_whose_database_holds_text_that_is_none_is_not_ready(tmp_path: Path) -> None:
    with serve(tmp_path / "data") as running:
        with closing(apsw.Connection(str(running.data / DATABASE))) as database:
            database.execute("UPDATE tenant SET name = CAST(x'ff' AS TEXT) WHERE number = 1")
        answer = running.ask("GET", "/ready", None)
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "unavailable")


def test_what_is_counted_can_be_read_by_prometheus(server: Running, sound: bytes) -> None:
    server.add(sound)
    server.add(sound)
    server.ask("GET", f"{PATH}/unknown")
    text = server.ask("GET", "/metrics", None).text
    found = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert found["callreel_recordings_taken_in_total", ("source", "api")] == 1
    asked = ("method", "GET"), ("route", PATH + "/{recording_uuid}"), ("status", "404")
    assert found["callreel_http_requests_total", *asked] == 1
    added = ("method", "POST"), ("route", PATH), ("status", "201")
    assert found["callreel_http_requests_total", *added] == 1


def test_metrics_tell_when_everything_was_verified(tmp_path: Path) -> None:
    verified = tmp_path / "verified.json"
    with serve(tmp_path / "data", Options(verified=verified)) as running:

        def told() -> str:
            return running.ask("GET", "/metrics", None).text

        assert "callreel_last_full_verify_timestamp_seconds 0.0" in told()
        noted.note(verified, LastVerify(1_700_000_000, 3))
        assert "callreel_last_full_verify_timestamp_seconds 1.7e+09" in told()
        assert "callreel_last_full_verify_damages 3.0" in told()
        verified.write_text("{")
        assert "callreel_last_full_verify_damages 3.0" in told()


def test_metrics_tell_how_long_the_log_of_the_database_is(tmp_path: Path, sound: bytes) -> None:
    log = tmp_path / "data" / DATABASE_LOG
    with serve(tmp_path / "data", Options(database_log=log)) as running:
        running.add(sound)
        assert log.stat().st_size
        told = running.ask("GET", "/metrics", None).text
        assert f"callreel_database_log_bytes {float(log.stat().st_size)}" in told
    assert not log.exists()
