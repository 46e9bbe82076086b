"""How single answers are read, and what becomes of refusals and faults."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest

from callreel import client as api
from callreel.client import ApiError, Callreel, ClientError, Recording
from endpoints.original import BAD_GATEWAY, BUSY, KEY, SILENCE, Original
from endpoints.quick import QuickCallreel
from endpoints.scripted import Answer, Reply, ScriptedServer


def in_turn(replies: Iterable[Reply]) -> Answer:
    turns = iter(replies)
    return lambda _: next(turns)


def one(**fields: object) -> Reply:
    return Reply(json.dumps({"data": fields}).encode())


def refusal(status: int, **headers: str) -> Reply:
    error = {"code": "a_code", "message": "A sentence.", "field": "limit", "request_id": "r1"}
    return Reply(json.dumps({"error": error}).encode(), status, headers)


def test_a_recording_has_all_that_the_server_tells_and_none_for_the_rest(
    scripted: ScriptedServer, client: QuickCallreel
) -> None:
    scripted.play(
        lambda _: one(
            recording_uuid="r1",
            start_time="2025-03-01 08:30:00",
            answer_time="2025-03-01 08:30:04",
            hangup_time="2025-03-01 08:31:00",
            talking_time=56_500,
            machine_detected=0,
            custom_tag_id_list=[3, 17],
            some_new_field={"a": 1},
        )
    )
    found = client.recording("r1")
    assert found == Recording(
        recording_uuid="r1",
        start_time="2025-03-01 08:30:00",
        answer_time="2025-03-01 08:30:04",
        hangup_time="2025-03-01 08:31:00",
        talking_time=56_500,
        machine_detected=False,
        custom_tag_id_list=(3, 17),
    )
    assert found.started == datetime(2025, 3, 1, 8, 30, tzinfo=UTC)
    assert found.answered == datetime(2025, 3, 1, 8, 30, 4, tzinfo=UTC)
    assert found.hung_up == datetime(2025, 3, 1, 8, 31, tzinfo=UTC)
    assert found.talked == timedelta(seconds=56.5)


def test_a_recording_of_which_nothing_is_told_has_no_times() -> None:
    nothing = Recording()
    assert (nothing.started, nothing.answered, nothing.hung_up, nothing.talked) == (None,) * 4


def test_numbers_and_flags_may_be_written_as_text_or_as_booleans(
    scripted: ScriptedServer, client: QuickCallreel
) -> None:
    scripted.play(lambda _: one(talking_time="1500", machine_detected=True, project_id=None))
    found = client.recording("r1")
    assert (found.talking_time, found.machine_detected, found.project_id) == (1500, True, None)


@pytest.mark.parametrize(
    ("recording_id", "path"),
    [
        ("a:b~c", "a%3Ab~c"),
        ("..", "%2E%2E"),
        ("a/b?c#d e", "a%2Fb%3Fc%23d%20e"),
        ("żółw", "%C5%BC%C3%B3%C5%82w"),
    ],
)
def test_an_id_reaches_the_server_as_one_part_of_the_address(
    scripted: ScriptedServer, client: QuickCallreel, recording_id: str, path: str
) -> None:
    scripted.play(lambda _: one(recording_uuid="x"))
    client.recording(recording_id)
    assert scripted.asked[0].path == f"/cdr_dialog_recording/{path}"


def test_an_empty_id_is_refused(client: QuickCallreel) -> None:
    with pytest.raises(ValueError, match="no id"):
        client.recording("")


def test_requests_look_like_the_published_samples(
    scripted: ScriptedServer, client: QuickCallreel
) -> None:
    scripted.play(Original([]))
    list(client.recordings())
    headers = scripted.asked[0].headers
    assert headers["Authorization"] == KEY
    assert headers["Content-Type"] == "application/json"
    assert headers["Accept-Encoding"] == "gzip"


def test_a_count_is_the_number_that_the_server_tells_for_the_filter(
    scripted: ScriptedServer, client: QuickCallreel
) -> None:
    scripted.play(lambda _: Reply(b'{"data":[]}', headers={"X-Total-Count": "1234567"}))
    assert client.count(project_id=1) == 1234567
    assert scripted.asked[0].query["count"] == "true"
    assert scripted.asked[0].query["filter"] == '[{"property":"project_id","value":[1]}]'


def test_a_count_is_none_where_the_server_does_not_tell(
    scripted: ScriptedServer, client: QuickCallreel
) -> None:
    scripted.play(Original([{"recording_uuid": "r1"}]))
    assert client.count() is None


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, api.BadRequestError),
        (401, api.KeyRefusedError),
        (403, api.NotAllowedError),
        (404, api.NotFoundError),
        (409, api.ConflictError),
        (413, api.BadRecordingError),
        (415, api.BadRecordingError),
        (422, api.BadRecordingError),
        (418, ApiError),
        (507, ApiError),
    ],
)
def test_a_refusal_says_what_the_server_says_and_is_not_tried_again(
    scripted: ScriptedServer, client: QuickCallreel, status: int, kind: type[ApiError]
) -> None:
    scripted.play(lambda _: refusal(status))
    with pytest.raises(kind) as caught:
        client.recording("r1")
    error = caught.value
    assert type(error) is kind
    assert (str(error), error.message, error.status) == ("A sentence.", "A sentence.", status)
    assert (error.code, error.field, error.request_id) == ("a_code", "limit", "r1")
    assert len(scripted.asked) == 1


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (Reply(b"<h1>no</h1>", 401), "refused the key"),
        (Reply(b"", 404), "nothing at this address"),
        (Reply(b"\xff", 418), "status 418"),
        (Reply(b"", 301, {"Location": "https://elsewhere.example/"}), "redirects elsewhere"),
        (Reply(b'{"data":[]}'), r"not what the endpoint gives: .*\$\.data"),
        (Reply(b'{"data":{"talking_time":"long"}}'), r"\$\.data\.talking_time"),
        (Reply(b"[]"), "not what the endpoint gives"),
    ],
)
def test_an_answer_without_a_sentence_of_the_server_gets_one(
    scripted: ScriptedServer, client: QuickCallreel, reply: Reply, says: str
) -> None:
    scripted.play(lambda _: reply)
    with pytest.raises(ClientError, match=says):
        client.recording("r1")
    assert len(scripted.asked) == 1


def test_a_server_that_redirects_does_not_get_the_key_sent_elsewhere(
    scripted: ScriptedServer, client: QuickCallreel
) -> None:
    with ScriptedServer(Original([])) as elsewhere:
        scripted.play(lambda _: Reply(b"", 302, {"Location": elsewhere.url}))
        with pytest.raises(ApiError, match="redirects"):
            list(client.recordings())
        assert elsewhere.asked == []


def test_a_busy_server_is_asked_again_after_the_time_that_it_names(
    scripted: ScriptedServer, client: QuickCallreel
) -> None:
    replies = [refusal(429, **{"Retry-After": "7"}), Reply(b"", 503, {"Retry-After": "3"})]
    scripted.play(in_turn([*replies, one(recording_uuid="r1")]))
    assert client.recording("r1").recording_uuid == "r1"
    assert client.waits == [7, 3]


@pytest.mark.parametrize("named", ["", "x", "-1", "Wed, 21 Oct 2015 07:28:00 GMT"])
def test_a_busy_server_that_names_no_time_is_asked_again_ever_later(
    scripted: ScriptedServer, client: QuickCallreel, named: str
) -> None:
    scripted.play(lambda _: Reply(b"", 503, {"Retry-After": named}))
    with pytest.raises(api.BusyError, match="later"):
        client.recording("r1")
    assert len(scripted.asked) == 5
    assert client.waits == sorted(client.waits)
    assert 0 < client.waits[0] < client.waits[-1] < 5


def test_a_server_that_asks_for_more_than_a_minute_is_not_waited_for(
    scripted: ScriptedServer, client: QuickCallreel
) -> None:
    scripted.play(lambda _: refusal(429, **{"Retry-After": "3600"}))
    with pytest.raises(api.BusyError) as caught:
        client.recording("r1")
    assert caught.value.retry_after == 3600
    assert client.waits == []


@pytest.mark.parametrize("fault", [SILENCE, BAD_GATEWAY])
def test_a_change_is_not_sent_twice_when_it_is_unknown_whether_it_came_through(
    scripted: ScriptedServer, client: QuickCallreel, fault: Reply
) -> None:
    scripted.play(lambda _: fault)
    with pytest.raises(ClientError):
        client.set_tags("r1", [1])
    assert len(scripted.asked) == 1


def test_a_change_that_a_busy_server_did_not_make_is_sent_again(
    scripted: ScriptedServer, client: QuickCallreel
) -> None:
    scripted.play(in_turn([BUSY, one(recording_uuid="r1", custom_tag_id_list=[1, 2])]))
    assert client.set_tags("r1", [2, 1, 2]).custom_tag_id_list == (1, 2)
    asked = scripted.asked[-1]
    assert (asked.method, asked.path) == ("PATCH", "/cdr_dialog_recording/r1")
    assert json.loads(asked.body) == {"custom_tag_id_list": [1, 2]}


def test_a_server_that_is_not_there_is_said_to_be_out_of_reach() -> None:
    with ScriptedServer(lambda _: SILENCE) as gone:
        url = gone.url
    with QuickCallreel(url) as client:
        with pytest.raises(api.NoAnswerError, match="cannot be reached"):
            client.recording("r1")
        assert len(client.waits) == 4


@pytest.mark.parametrize(
    "url",
    [
        "calls.example.org",
        "ftp://calls.example.org",
        "https://",
        "https://user:pass@calls.example.org",
        "https://calls.example.org/?key=1",
        "https://calls.example.org/#x",
        "http://[::1",
    ],
)
def test_an_address_that_cannot_be_right_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="address") as caught:
        Callreel(url, KEY)
    assert "pass" not in str(caught.value)


@pytest.mark.parametrize("key", ["", " k3y", "k3y\n", "k3y\r\nX: y", "k3y-ż"])
def test_a_key_that_cannot_be_right_is_refused_without_showing_it(key: str) -> None:
    with pytest.raises(ValueError, match="key must be the text") as caught:
        Callreel("https://calls.example.org", key)
    assert "k3y" not in str(caught.value)


@pytest.mark.parametrize("size", [0, -1, 10_001])
def test_a_page_size_out_of_bounds_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="10000"):
        Callreel("https://calls.example.org", KEY, page_size=size)


def test_the_key_is_not_shown_by_the_client_itself() -> None:
    with Callreel("https://calls.example.org/", KEY) as client:
        assert repr(client) == "Callreel('https://calls.example.org')"


def test_an_address_with_a_path_is_kept(scripted: ScriptedServer) -> None:
    scripted.play(lambda _: one(recording_uuid="r1"))
    with QuickCallreel(f"{scripted.url}/behind/a/proxy/") as client:
        client.recording("r1")
    assert scripted.asked[0].path == "/behind/a/proxy/cdr_dialog_recording/r1"


def test_connections_are_kept_and_used_again(scripted: ScriptedServer) -> None:
    scripted.play(Original([]))
    with QuickCallreel(scripted.url) as client:
        for _ in range(3):
            list(client.recordings())
        pool = client._http._pool.connection_from_url(scripted.url)
        assert (pool.num_requests, pool.num_connections) == (3, 1)


def test_the_client_loads_nothing_of_the_server() -> None:
    heavy = ("starlette", "uvicorn", "numpy", "soundfile", "apsw", "multipart", "jinja2")
    code = f"import sys, callreel.client; print([m for m in {heavy} if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert shown.stdout.decode().strip() == "[]"
