"""How often is asked, for how long is waited, and to whom the key goes."""

from __future__ import annotations

import contextlib
import io
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from callreel import __version__
from callreel import client as api
from callreel.client import Callreel, ClientError, NoAnswerError, Recording
from callreel.client.transport import Transport
from endpoints.original import BUSY, KEY, SILENCE, Original
from endpoints.quick import QuickCallreel
from endpoints.scripted import Asked, Reply, ScriptedServer

FOUND = Reply(b'{"data":{"recording_uuid":"r1"}}')


@pytest.fixture
def hanging() -> Iterator[ScriptedServer]:
    """A server that takes requests and never answers."""
    over = threading.Event()

    def answer(_: Asked) -> Reply:
        over.wait()
        return SILENCE

    with ScriptedServer(answer) as server:
        yield server
        over.set()


@pytest.mark.parametrize("status", [500, 502, 503, 504, 429])
def test_a_fault_that_passes_is_tried_again(
    scripted: ScriptedServer, client: QuickCallreel, status: int
) -> None:
    turns = iter([Reply(b"", status)] * 4)
    scripted.play(lambda _: next(turns, FOUND))
    assert client.recording("r1").recording_uuid == "r1"
    assert len(scripted.asked) == 5


@pytest.mark.parametrize("status", [400, 404, 408, 409, 501, 505, 507])
def test_a_fault_that_stays_is_not_tried_again(
    scripted: ScriptedServer, client: QuickCallreel, status: int
) -> None:
    scripted.play(lambda _: Reply(b"", status))
    with pytest.raises(api.ApiError):
        client.recording("r1")
    assert len(scripted.asked) == 1
    assert client.waits == []


def test_the_fifth_try_is_the_last_and_each_wait_is_about_twice_the_one_before(
    scripted: ScriptedServer, client: QuickCallreel
) -> None:
    scripted.play(lambda _: Reply(b"", 502))
    with pytest.raises(api.ApiError):
        client.recording("r1")
    assert len(scripted.asked) == 5
    least = (0.25, 0.5, 1, 2)
    assert len(client.waits) == len(least)
    for wait, low in zip(client.waits, least, strict=True):
        assert low <= wait <= 1.5 * low


def test_clients_do_not_all_come_back_at_the_same_moment(
    scripted: ScriptedServer, client: QuickCallreel
) -> None:
    scripted.play(lambda _: Reply(b"", 502))
    for _ in range(2):
        with pytest.raises(api.ApiError):
            client.recording("r1")
    assert client.waits[:4] != client.waits[4:]


@pytest.mark.parametrize(("named", "waits"), [("60", [60.0]), ("61", [])])
def test_a_minute_is_the_longest_wait(
    scripted: ScriptedServer, client: QuickCallreel, named: str, waits: list[float]
) -> None:
    turns = iter([Reply(b"", 503, {"Retry-After": named})])
    scripted.play(lambda _: next(turns, FOUND))
    with contextlib.suppress(api.BusyError):
        client.recording("r1")
    assert client.waits == waits


def test_a_time_that_is_shorter_than_the_own_wait_does_not_shorten_it(
    scripted: ScriptedServer, client: QuickCallreel
) -> None:
    scripted.play(lambda _: BUSY)  # which names no wait at all: 0 seconds
    with pytest.raises(api.BusyError):
        client.recording("r1")
    assert client.waits[0] >= 0.25
    assert client.waits[3] >= 2


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (400, "does not take one of the parameters"),
        (401, "refused the key"),
        (403, "may not do this"),
        (404, "nothing at this address"),
        (429, "asked too often"),
        (503, "cannot answer just now"),
        (300, "redirects elsewhere"),
        (399, "redirects elsewhere"),
        (410, "status 410 and no explanation"),
        (507, "status 507 and no explanation"),
    ],
)
def test_a_refusal_without_words_is_explained(
    scripted: ScriptedServer, client: QuickCallreel, status: int, says: str
) -> None:
    scripted.play(lambda _: Reply(b"", status))
    with pytest.raises(api.ApiError, match=says) as caught:
        client.recording("r1")
    error = caught.value
    assert (error.status, error.code, error.field, error.request_id) == (status, None, None, None)


@pytest.mark.parametrize(
    "body", [b'{"error":{"code":"x"}}', b'{"error":{"message":5}}', b'{"error":"no"}', b"null"]
)
def test_a_refusal_in_another_form_is_explained_as_one_without_words(
    scripted: ScriptedServer, client: QuickCallreel, body: bytes
) -> None:
    scripted.play(lambda _: Reply(body, 403))
    with pytest.raises(api.NotAllowedError, match="The key may not do this"):
        client.recording("r1")


def test_a_server_that_does_not_answer_in_time_is_given_up(hanging: ScriptedServer) -> None:
    waits: list[float] = []
    with Callreel(hanging.url, KEY, timeout=0.02) as client:
        client._http._sleep = waits.append
        with pytest.raises(NoAnswerError, match="did not answer in time"):
            client.recording("r1")
        with pytest.raises(NoAnswerError, match="did not answer in time"):
            client.download("r1", io.BytesIO())
        assert len(waits) == 8
        with pytest.raises(NoAnswerError, match="did not answer in time"):
            client.set_tags("r1", [1])  # which may have been done
    assert len(waits) == 8


def test_a_connection_that_cannot_be_made_safe_is_said_to_be_that(
    scripted: ScriptedServer,
) -> None:
    scripted.play(lambda _: FOUND)
    with (
        QuickCallreel(scripted.url.replace("http:", "https:")) as client,
        pytest.raises(NoAnswerError, match="check the server's certificate"),
    ):
        client.recording("r1")
    assert scripted.asked == []


def test_an_answer_that_breaks_off_is_asked_for_again(
    scripted: ScriptedServer, client: QuickCallreel
) -> None:
    turns = iter([Reply(FOUND.body, cut=9), Reply(FOUND.body[:9]), Reply(b"\xff")])
    scripted.play(lambda _: next(turns, FOUND))
    assert client.recording("r1").recording_uuid == "r1"
    assert len(client.waits) == 3


def test_what_is_never_json_points_at_the_address(
    scripted: ScriptedServer, client: QuickCallreel
) -> None:
    scripted.play(lambda _: Reply(b"<!doctype html>"))
    with pytest.raises(NoAnswerError, match="is the address right"):
        client.recording("r1")


def test_a_request_says_which_client_it_is_of(
    scripted: ScriptedServer, client: QuickCallreel
) -> None:
    scripted.play(lambda _: FOUND)
    client.recording("r1")
    assert scripted.asked[0].headers["User-Agent"] == f"callreel/{__version__}"


@pytest.mark.parametrize(("redirects", "is_found"), [(5, True), (6, False)])
def test_audio_is_looked_for_behind_five_redirects(
    scripted: ScriptedServer, client: QuickCallreel, redirects: int, is_found: bool
) -> None:
    def answer(asked: Asked) -> Reply:
        step = 0 if asked.path.endswith("/audio") else int(asked.path[1:])
        if step == redirects:
            return Reply(b"sound")
        return Reply(b"", 302, {"Location": f"/{step + 1}"})

    scripted.play(answer)
    whole = io.BytesIO()
    if not is_found:
        with pytest.raises(NoAnswerError, match="redirects too often"):
            client.download("r1", whole)
    else:
        client.download("r1", whole)
    assert whole.getvalue() == (b"sound" if is_found else b"")


@pytest.mark.parametrize(
    ("base", "url", "is_home"),
    [
        ("https://calls.example.org", "https://calls.example.org/x", True),
        ("https://calls.example.org", "https://CALLS.example.org:443/x", True),
        ("https://calls.example.org:443", "https://calls.example.org/x", True),
        ("http://calls.example.org:80/behind", "http://calls.example.org/x", True),
        ("https://calls.example.org", "http://calls.example.org/x", False),
        ("https://calls.example.org", "https://calls.example.org:8443/x", False),
        ("http://calls.example.org:443", "https://calls.example.org/x", False),
        ("https://calls.example.org", "https://calls.example.org.evil.example/x", False),
        ("https://calls.example.org", "https://calls.example.org@evil.example/x", False),
        ("https://calls.example.org", "https://example.org/x", False),
        ("https://calls.example.org", "https://[::1/x", False),
        ("https://calls.example.org", "", False),
    ],
)
def test_the_key_is_for_one_scheme_host_and_port(base: str, url: str, is_home: bool) -> None:
    transport = Transport(base, KEY, 5)
    assert transport.is_home(url) is is_home
    assert ("Authorization" in transport._headers(url)) is is_home


def test_a_recording_of_another_id_at_another_server_is_not_asked_for_here(
    scripted: ScriptedServer, client: QuickCallreel
) -> None:
    scripted.play(Original([]))
    with ScriptedServer(lambda _: Reply(b"theirs")) as elsewhere:
        url = f"{elsewhere.url}/cdr_dialog_recording/r2/audio"
        whole = io.BytesIO()
        client.download(Recording(recording_uuid="r1", recording_url=url), whole)
        assert whole.getvalue() == b"theirs"
        assert "Authorization" not in elsewhere.asked[0].headers
    assert scripted.asked == []


def test_a_client_that_was_closed_can_be_asked_again(scripted: ScriptedServer) -> None:
    scripted.play(lambda _: FOUND)
    client = QuickCallreel(scripted.url)
    with client:
        client.recording("r1")
        assert len(client._http._pool.pools) == 1
    assert len(client._http._pool.pools) == 0
    assert client.recording("r1").recording_uuid == "r1"
    client.close()


@pytest.mark.parametrize(
    ("told", "count"),
    [("0", 0), ("12", 12), ("", None), ("-1", None), ("1.5", None), ("many", None), ("\xb2", None)],
)
def test_a_count_is_what_the_server_tells_if_it_is_a_number(
    scripted: ScriptedServer, client: QuickCallreel, told: str, count: int | None
) -> None:
    scripted.play(lambda _: Reply(b'{"data":[]}', headers={"X-Total-Count": told}))
    assert client.count() == count
    assert scripted.asked[0].query == {"limit": "1", "count": "true"}


@pytest.mark.parametrize("size", [1, 10_000])
def test_a_page_may_hold_one_to_ten_thousand(scripted: ScriptedServer, size: int) -> None:
    scripted.play(Original([]))
    with QuickCallreel(scripted.url, page_size=size) as client:
        assert list(client.recordings()) == []
    assert scripted.asked[0].query == {"limit": str(size)}


@pytest.mark.parametrize("key", ["k3y ", "k3y\t", "k3\x7fy", "k3\x00y"])
def test_a_key_with_what_a_header_cannot_carry_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="as it was shown"):
        Callreel("https://calls.example.org", key)


@pytest.mark.parametrize("url", ["https://calls.example.org?", "https://calls.example.org/#"])
def test_an_address_with_an_empty_query_or_fragment_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="more than a server"):
        Callreel(url, KEY)


@pytest.mark.parametrize("folder", ["", "below"])
def test_a_file_that_cannot_be_read_is_said_by_the_system_and_not_sent(
    scripted: ScriptedServer, client: QuickCallreel, tmp_path: Path, folder: str
) -> None:
    (tmp_path / "below").mkdir()
    scripted.play(lambda _: FOUND)
    with pytest.raises(IsADirectoryError):
        client.upload({"dialog_uuid": "d1"}, tmp_path / folder)
    assert scripted.asked == []


def test_all_that_a_server_can_do_wrong_has_one_parent() -> None:
    kinds = [getattr(api, name) for name in api.__all__ if name.endswith("Error")]
    assert len(kinds) == 12
    assert all(issubclass(kind, ClientError) for kind in kinds)
