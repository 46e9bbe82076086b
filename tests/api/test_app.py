from __future__ import annotations

import asyncio
import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, Router
from starlette.types import Message, Receive, Scope, Send

from asgi import BIG, BLIND_TEXT, TEXT, FakeCatalog, drive, house, unknown
from callreel.api.log import configure_log
from callreel.api.rate_limit import RateLimit
from callreel.api.wire import LIST_PATH
from callreel.archive.keys import KeyRing
from callreel.errors import Conflict, StorageFull, Unavailable
from callreel.model import Page, Reach


def test_a_page_is_the_catalogs_bytes_under_data() -> None:
    answer = house(FakeCatalog(Page((b'{"a":1},{"a":2}',), 2, (9, 1)))).ask()
    assert answer.status == 200
    assert answer.body == b'{"data":[{"a":1},{"a":2}]}'
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "private, no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-length"] == str(len(answer.body))


def test_an_empty_page_is_an_empty_list() -> None:
    assert house().ask().body == b'{"data":[]}'


def test_the_catalog_is_asked_within_the_keys_reach_and_with_the_requests_address() -> None:
    home = house()
    home.ask("limit=3&offset=2")
    reach, request, opening = home.catalog.asked[0]
    assert reach == Reach(7)
    assert (request.limit, request.offset) == (3, 2)
    assert opening == b'{"recording_url":"http://calls.test:8080/cdr_dialog_recording/'


def test_a_configured_address_stands_before_the_requests() -> None:
    home = house(public_url="https://calls.example.org/x")
    home.ask(host="elsewhere")
    home.ask(host=None)
    openings = {opening for _, _, opening in home.catalog.asked}
    assert openings == {b'{"recording_url":"https://calls.example.org/x/cdr_dialog_recording/'}


@pytest.mark.parametrize("host", [None, "", "a b", 'a"b', "a/b", "a:port", "é", "a@b", "[::g]"])
def test_a_host_that_is_none_is_refused(host: str | None) -> None:
    answer = house().ask(host=host)
    assert (answer.status, answer.error["field"]) == (400, "Host")


def test_two_hosts_are_refused() -> None:
    assert house().ask(headers=[("Host", "other")]).status == 400


@pytest.mark.parametrize("host", ["calls.test", "127.0.0.1:80", "[::1]:8080", "a_b-c.d"])
def test_a_usual_host_is_taken(host: str) -> None:
    assert house().ask(host=host).status == 200


@pytest.mark.parametrize("before", ["", "Bearer ", "bearer "])
def test_a_key_is_recognised_raw_and_as_a_bearer(before: str) -> None:
    assert house().ask(key=before + TEXT).status == 200


@pytest.mark.parametrize(
    "form", [None, "", "Bearer ", "Bearer", "Basic {}", "{} ", "{}x", "ké", "a,b"]
)
def test_what_is_no_key_is_not_authenticated(form: str | None) -> None:
    answer = house().ask(key=form and form.format(TEXT))
    assert (answer.status, answer.error["code"]) == (401, "not_authenticated")
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_two_keys_are_none() -> None:
    assert house().ask(headers=[("Authorization", TEXT)]).status == 401


def test_the_key_is_asked_before_the_parameters() -> None:
    assert house().ask("nonsense=1", key="wrong").status == 401


def test_a_key_without_the_scope_is_not_allowed() -> None:
    assert house().ask(key=BLIND_TEXT).status == 403


def test_a_key_that_asks_too_often_is_told_when_to_come_again() -> None:
    now = [0.0]
    home = house(rate_limit=RateLimit(2, clock=lambda: now[0]))
    assert [home.ask().status for _ in range(3)] == [200, 200, 429]
    assert home.ask().headers["retry-after"] == "1"
    now[0] = 0.5
    assert [home.ask().status for _ in range(2)] == [200, 429]


def test_a_full_page_links_to_the_next_with_the_same_parameters() -> None:
    home = house(FakeCatalog(Page((b'{"a":1}',), 1, (0x1F,))))
    answer = home.ask("limit=1&offset=7&filter=%5B%5D&count=true")
    expected = (
        "<http://calls.test:8080/cdr_dialog_recording"
        '?limit=1&filter=%5B%5D&count=true&cursor=s.1f>; rel="next"'
    )
    assert answer.headers["link"] == expected
    target = answer.headers["link"].partition("?")[2].partition(">")[0]
    assert home.ask(target).status == 200
    assert home.catalog.asked[-1][1].after == (0x1F,)


def test_a_page_that_is_not_full_is_the_last() -> None:
    assert "link" not in house(FakeCatalog(Page((b'{"a":1}',), 1, (9, 1)))).ask("limit=2").headers


def test_nothing_that_a_query_holds_can_leave_the_link() -> None:
    home = house(FakeCatalog(Page((b"{}",), 1, (9, 1))))
    number = "%3E;%20rel=%5C%22x%5C%22,"
    filters = f"%5B%7B%22property%22:%22number_list%22,%22value%22:%22{number}%22%7D%5D"
    link = home.ask(f"limit=1&filter={filters}").headers["link"]
    assert (link.count(">"), link.count('"')) == (1, 2)


def test_the_number_of_matches_is_said_when_asked_for() -> None:
    assert house().ask("count=true").headers["x-total-count"] == "1234"
    assert "x-total-count" not in house().ask("count=false").headers


def test_a_head_has_the_headers_of_its_get_and_no_body() -> None:
    home = house(FakeCatalog(BIG))
    got, head = home.ask(), home.ask(method="HEAD")
    assert head.body == b""
    assert head.headers.keys() == got.headers.keys()
    assert head.headers["content-length"] == got.headers["content-length"]


def test_a_long_page_is_compressed_for_who_accepts_it() -> None:
    home = house(FakeCatalog(BIG))
    packed = home.ask(headers=[("Accept-Encoding", "gzip, deflate, br")])
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.headers["content-length"] == str(len(packed.body))
    assert gzip.decompress(packed.body) == home.ask().body


@pytest.mark.parametrize("accepts", ["", "identity", "gzip;q=0", "br", "*;q=0"])
def test_a_long_page_is_left_as_it_is_for_who_does_not(accepts: str) -> None:
    answer = house(FakeCatalog(BIG)).ask(headers=[("Accept-Encoding", accepts)])
    assert "content-encoding" not in answer.headers


def test_a_short_page_and_one_of_a_server_without_gzip_are_left_as_they_are() -> None:
    accepting = [("Accept-Encoding", "gzip")]
    assert "content-encoding" not in house().ask(headers=accepting).headers
    plain = house(FakeCatalog(BIG), gzip=False).ask(headers=accepting)
    assert "content-encoding" not in plain.headers


def test_each_request_has_an_id_of_its_own() -> None:
    home = house()
    found = {home.ask().headers["x-request-id"] for _ in range(3)}
    assert len(found) == 3


@pytest.mark.parametrize("given", ["proxy-1.a_b", "1-67891233-abcdef012345678912345678"])
def test_a_requests_own_id_is_kept(given: str) -> None:
    answer = house().ask("x", headers=[("X-Request-ID", given)])
    assert answer.headers["x-request-id"] == answer.error["request_id"] == given


@pytest.mark.parametrize(
    "given",
    ["", "a b", "x" * 65, "é", 'a"b', TEXT, "48600700800"],
    ids=["empty", "blank", "long", "foreign", "quoted", "key", "number"],
)
def test_an_id_that_could_do_harm_is_replaced(given: str) -> None:
    assert house().ask(headers=[("X-Request-ID", given)]).headers["x-request-id"] != given


def test_an_error_of_the_catalog_is_an_answer() -> None:
    answer = house(FakeCatalog(error=Unavailable("Busy; ask again.", retry_after=5))).ask()
    assert (answer.status, answer.error["code"]) == (503, "unavailable")
    assert answer.error["message"] == "Busy; ask again."
    assert answer.headers["retry-after"] == "5"
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-length"] == str(len(answer.body))


def test_a_bug_is_logged_and_told_without_detail() -> None:
    log = io.StringIO()
    configure_log(log)
    try:
        answer = house(FakeCatalog(error=RuntimeError("secret"))).ask()
    finally:
        structlog.reset_defaults()
    assert (answer.status, answer.error["code"]) == (500, "internal_error")
    assert b"secret" not in answer.body
    line = json.loads(log.getvalue())
    assert line["request_id"] == answer.error["request_id"]
    assert "callreel.archive.find:" in line["trace"]
    assert line["trace"].endswith("\nRuntimeError")


@pytest.mark.parametrize("configure", [configure_log, lambda _stream: None])
def test_a_bug_is_logged_without_what_it_says_or_any_value(
    configure: Callable[[io.StringIO], None], capfd: pytest.CaptureFixture[str]
) -> None:
    number = "48600700800"
    error = KeyError(number)
    error.__cause__ = ValueError(number)
    log = io.StringIO()
    configure(log)
    try:
        house(FakeCatalog(error=error)).ask()
    finally:
        structlog.reset_defaults()
    written = log.getvalue() + "".join(capfd.readouterr())
    assert "KeyError\nValueError" in written.replace("\\n", "\n")
    for private in (number, TEXT, str(Path(__file__).parents[2])):
        assert private not in written


def test_an_error_to_a_head_has_no_body() -> None:
    assert house().ask("limit=0", method="HEAD").body == b""


def test_requests_are_counted_by_pattern_method_and_status() -> None:
    home = house(router=Router([Route("/thing/{name}", _thing)]))
    home.ask()
    home.ask("limit=0")
    home.ask(path="/thing/a")
    home.ask(path="/thing/b")
    text = home.services.metrics.render().decode()
    for route, status, times in (
        (LIST_PATH, 200, 1),
        (LIST_PATH, 400, 1),
        ("/thing/{name}", 200, 2),
    ):
        name = "callreel_http_requests_total"
        assert f'{name}{{method="GET",route="{route}",status="{status}"}} {times}.0' in text
    assert f'callreel_http_request_duration_seconds_count{{route="{LIST_PATH}"}} 2.0' in text
    assert "/thing/a" not in text


def test_methods_that_clients_invent_are_counted_as_one() -> None:
    home = house(router=unknown)
    home.ask(method="BREW")
    home.ask(method="STEEP")
    text = home.services.metrics.render().decode()
    assert 'method="other",route="unknown",status="404"} 2.0' in text


def test_everything_but_the_lists_get_goes_to_the_router() -> None:
    home = house(router=unknown)
    for method, path in (("POST", LIST_PATH), ("GET", "/"), ("GET", LIST_PATH + "/")):
        answer = home.ask(method=method, path=path)
        assert (answer.status, answer.error["code"]) == (404, "not_found")
    assert home.catalog.asked == []


def test_only_short_queries_are_remembered_so_that_memory_has_a_bound() -> None:
    home = house()
    for query in ("limit=1", "filter=" + "%20" * 300):
        assert home.ask(query).status == 200
    assert home.app._lists[LIST_PATH]._read_short.cache_info().currsize == 1


def test_an_answer_of_the_router_gets_the_requests_id() -> None:
    home = house(router=Router([Route("/thing/{name}", _thing)]))
    answer = home.ask(path="/thing/x", headers=[("X-Request-ID", "abc")])
    assert answer.names.count("x-request-id") == 1
    assert (answer.body, answer.headers["x-request-id"]) == (b"a thing", "abc")
    assert home.lines()[0]["bytes"] == 7


def test_an_error_of_the_router_is_an_answer() -> None:
    assert house(router=_taken).ask(path="/x").status == 409


def test_an_answer_that_breaks_off_is_left_unfinished() -> None:
    home = house(router=_breaks_off)
    scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b""}
    sent = asyncio.run(drive(home.app, scope))
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    assert sent[-1]["more_body"]


def test_a_client_that_went_away_is_noted_and_not_answered() -> None:
    home = house(router=_abandoned)
    scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b""}
    assert asyncio.run(drive(home.app, scope)) == []
    assert home.lines()[0]["status"] == 499


@pytest.mark.parametrize("error", [None, StorageFull("There is no room."), KeyError("a bug")])
def test_the_end_of_the_server_closes_the_archive_and_writes_the_log(
    error: Exception | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = house()
    home.ask()

    async def note_uses(_ring: KeyRing) -> None:
        if error is not None:
            raise error

    monkeypatch.setattr(KeyRing, "note_uses", note_uses)
    messages = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])
    sent: list[str] = []

    async def receive() -> Message:
        return next(messages)

    async def send(message: Message) -> None:
        sent.append(message["type"])

    asyncio.run(home.app({"type": "lifespan"}, receive, send))
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert home.catalog.closed
    assert home.log.getvalue().count(b"\n") == 1


def test_a_websocket_is_refused() -> None:
    sent = asyncio.run(drive(house().app, {"type": "websocket"}))
    assert [message["type"] for message in sent] == ["websocket.close"]


async def _taken(_scope: Scope, _receive: Receive, _send: Send) -> None:
    raise Conflict("Taken.")


async def _abandoned(_scope: Scope, _receive: Receive, _send: Send) -> None:
    raise ClientDisconnect


async def _breaks_off(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"half", "more_body": True})
    raise Unavailable("The audio ended early.")


async def _thing(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("a thing")
