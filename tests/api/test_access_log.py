"""The access log says who asked what and how it went, and nothing that is private."""

from __future__ import annotations

import io
import json
import re
import urllib.parse

import pytest
from starlette.types import Message

from asgi import BIG, KEY, TEXT, FakeCatalog, house, unknown
from callreel.api import access_log
from callreel.api.exchange import Exchange
from callreel.api.wire import LIST_PATH


def test_the_access_log_says_who_asked_what_and_how_it_went() -> None:
    home = house(FakeCatalog(BIG))
    answer = home.ask("limit=9", client="192.0.2.1")
    (line,) = home.lines()
    assert line.pop("time").endswith("Z")
    assert line.pop("ms") >= 0
    assert line == {
        "request_id": answer.headers["x-request-id"],
        "client": "192.0.2.1",
        "method": "GET",
        "path": LIST_PATH,
        "route": LIST_PATH,
        "status": 200,
        "bytes": len(answer.body),
        "tenant": 7,
        "key_id": KEY.id,
    }


@pytest.mark.parametrize(
    ("client", "told"),
    [("127.0.0.1", "192.0.2.9"), ("192.0.2.1", "192.0.2.1"), ("2001:db8::7", "2001:db8::/64")],
)
def test_the_access_log_tells_where_a_wrong_key_came_from(client: str, told: str) -> None:
    home = house()
    home.ask(key="cr_a_wrong", client=client, headers=[("X-Forwarded-For", "192.0.2.9")])
    (line,) = home.lines()
    assert (line["status"], line["client"]) == (401, told)


@pytest.mark.parametrize("client", [None, "/run/callreel.sock", '"}\n{"a":"'])
def test_a_client_without_an_address_is_none_in_the_access_log(client: str | None) -> None:
    home = house()
    home.ask(client=client)
    home.ask(client="127.0.0.1", headers=[("X-Forwarded-For", client or "")])
    assert [each["client"] for each in home.lines()] == [None, None]


@pytest.mark.parametrize(
    ("seconds", "ms"),
    [(0.0, 0), (0.000_01, 0.01), (0.001_15, 1.15), (0.012_344, 12.34), (7.5, 7500)],
)
def test_the_access_log_tells_hundredths_of_milliseconds(seconds: float, ms: float) -> None:
    stream = io.BytesIO()
    scope = {"method": "GET", "path": "/", "state": {"request_id": "1"}}
    exchange = Exchange(scope, nobody)
    exchange.close()
    exchange.seconds = seconds
    access_log.AccessLog(stream).write([exchange])
    assert json.loads(stream.getvalue())["ms"] == ms


async def nobody(_message: Message) -> None: ...


def test_the_access_log_has_no_key_and_no_query() -> None:
    home = house()
    home.ask("filter=%5B%7B%22property%22:%22number_list%22,%22value%22:%2248600700800%22%7D%5D")
    home.ask("48600700800", key="a-wrong-key")
    assert len(home.lines()) == 2
    written = home.log.getvalue().decode()
    for secret in (TEXT, TEXT[-20:], "a-wrong-key", "48600700800", "filter"):
        assert secret not in written


@pytest.mark.parametrize(
    "private",
    [
        TEXT,
        "48600700800",
        "+48 600 700 800",
        "x" * 250 + "-48600700800",
        "%34%38" + "%2536%2530%2530%2537%2530%2530%2538%2530%2530",
    ],
    ids=["key", "number", "divided", "cut", "encoded again"],
)
def test_the_access_log_has_no_key_and_no_number_of_a_path(private: str) -> None:
    home = house(router=unknown)
    home.ask(path=f"/calls/{private}/audio")
    (line,) = home.lines()
    assert not {TEXT[-20:], "600", "700"} & set(re.findall(r"[0-9]{3}|.{20}$", line["path"]))
    assert line["path"].startswith("/calls/")


def test_a_path_that_is_encoded_beyond_all_reason_is_told_up_to_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rounds: list[str] = []

    def unquote(text: str) -> str:
        rounds.append(text)
        return urllib.parse.unquote(text)

    monkeypatch.setattr(access_log, "unquote", unquote)
    home = house(router=unknown)
    home.ask(path="/calls/%" + "25" * 200 + "34" + "8600700800")
    (line,) = home.lines()
    assert line["path"] == "/calls/"
    assert len(rounds) < 10, "a thousand such paths took longer than a second"


def test_the_access_log_tells_which_recording_it_was() -> None:
    home = house(router=unknown)
    path = f"{LIST_PATH}/12345678-1234-5678-1234-567812345678/audio"
    home.ask(path=path)
    assert home.lines()[0]["path"] == path


def test_a_long_path_is_cut_in_the_access_log() -> None:
    home = house(router=unknown)
    home.ask(path="/" + "x" * 5_000)
    (line,) = home.lines()
    assert line["path"] == "/" + "x" * 255


def test_a_path_cannot_forge_a_line_of_the_log() -> None:
    home = house(router=unknown)
    home.ask(path='/x"\n{"status":200}')
    (line,) = home.lines()
    assert (line["status"], line["path"]) == (404, '/x"\n{"status":200}')
    assert (line["tenant"], line["key_id"]) == (None, None)


def test_a_log_that_cannot_be_written_does_no_harm() -> None:
    home = house()
    home.log.close = lambda: None  # type: ignore[method-assign]  # the stream outlives the test
    home.log.write = _fails  # type: ignore[method-assign]  # a pipe whose reader is gone
    assert home.ask().status == 200
    home.services.metrics.render()
    assert home.ask().status == 200


def _fails(_data: object) -> int:
    raise BrokenPipeError
