from __future__ import annotations

import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
import requests

from callreel.api.exchange import SAFE_HEADERS
from callreel.api.levels import LEVELS
from callreel.cli.protocol import MAX_HEAD_BYTES
from callreel.cli.serving import bound, url_of
from callreel.errors import Misconfigured
from callreel.wiring import AUDIO, AUDIO_MADE
from cli_runs import COMMAND, Command, Start

HELLO = "callreel: serving on "


def address(process: subprocess.Popen[str]) -> str:
    """Wait until a server says where it is."""
    assert process.stderr is not None
    line = process.stderr.readline().strip()
    while line.startswith('{"logger": "uvicorn.error", "event": "'):  # with CALLREEL_LOG_LEVEL
        line = process.stderr.readline().strip()
    assert line.startswith(HELLO), line
    return line.removeprefix(HELLO)


@pytest.fixture
def key(callreel: Command) -> str:
    callreel("tenant", "create", "Acme")
    return callreel("key", "create", "--tenant", "Acme").out.strip()


def get(url: str, key: str) -> requests.Response:
    return requests.get(url, headers={"Authorization": key}, timeout=10)


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_and_ends_well(start: Start, key: str, ending: signal.Signals) -> None:
    server = start("serve", "--port", "0")
    url = address(server)

    answer = get(f"{url}/cdr_dialog_recording", key)
    assert answer.json() == {"data": []}
    assert "Server" not in answer.headers

    server.send_signal(ending)
    _, err = server.communicate(timeout=20)
    assert server.returncode == 0
    assert err == ""


def test_several_processes_serve_one_address(start: Start, key: str, data: Path) -> None:
    server = start("serve", "--port", "0", "--workers", "2")
    url = address(server)

    answers = [get(f"{url}/cdr_dialog_recording", key).status_code for _ in range(8)]
    assert answers == [200] * 8
    counted = requests.get(f"{url}/metrics", timeout=10).text
    assert 'callreel_http_requests_total{method="GET",route="/cdr_dialog_recording"' in counted
    assert re.search(r"^callreel_database_log_bytes [0-9]", counted, re.MULTILINE)
    assert list((data / "metrics").iterdir())

    server.send_signal(signal.SIGTERM)
    server.communicate(timeout=20)
    assert server.returncode == 0


def test_a_second_server_on_the_folder_is_refused(start: Start, key: str) -> None:
    address(start("serve", "--port", "0"))

    second = start("serve", "--port", "0")
    out, err = second.communicate(timeout=20)

    assert second.returncode == 1
    assert out == ""
    assert err == (
        "callreel: Another server runs on this data folder; "
        "stop it first or choose another folder.\n"
    )


def test_a_killed_server_leaves_nothing_in_the_way(start: Start, key: str) -> None:
    first = start("serve", "--port", "0")
    address(first)
    first.kill()
    first.wait(timeout=10)

    url = address(start("serve", "--port", "0"))

    assert get(f"{url}/cdr_dialog_recording", key).status_code == 200


def test_a_demonstration_on_the_folder_of_a_server_is_refused_and_clears_nothing(
    start: Start, key: str, data: Path
) -> None:
    url = address(start("serve", "--port", "0"))

    second = start("demo", "--port", "0", "--fresh", "--data", str(data))
    _, err = second.communicate(timeout=20)

    assert second.returncode == 1
    assert err.startswith("callreel: Another server runs on this data folder; ")
    assert get(f"{url}/cdr_dialog_recording", key).status_code == 200


def test_the_folder_is_free_when_a_server_of_several_processes_was_killed(
    start: Start, key: str
) -> None:
    first = start("serve", "--port", "0", "--workers", "2")
    address(first)
    first.kill()
    first.wait(timeout=10)

    url = address(start("serve", "--port", "0"))

    assert get(f"{url}/cdr_dialog_recording", key).status_code == 200


def test_other_commands_work_beside_a_server(start: Start, key: str, callreel: Command) -> None:
    url = address(start("serve", "--port", "0"))

    other = callreel("key", "create", "--tenant", "Acme").out.strip()

    assert get(f"{url}/cdr_dialog_recording", other).status_code == 200


def test_a_taken_port_is_one_sentence(start: Start, key: str) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        server = start("serve", "--port", str(port))
        _, err = server.communicate(timeout=20)

    assert server.returncode == 1
    assert err.startswith(f"callreel: Port {port} of 127.0.0.1 cannot be had")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("workers", "setting", "said"),
    [
        ("1", ("CALLREEL_FREE_SPACE_RESERVE", str(1 << 50)), "CALLREEL_FREE_SPACE_RESERVE is "),
        ("2", ("CALLREEL_FREE_SPACE_RESERVE", str(1 << 50)), "CALLREEL_FREE_SPACE_RESERVE is "),
        ("2", ("CALLREEL_HOST", "a..b"), "Port "),
        ("2", ("CALLREEL_DATA", "/dev/null/data"), "The data folder cannot be used"),
    ],
)
def test_what_would_keep_a_server_from_its_work_is_one_sentence_at_its_start(
    start: Start,
    monkeypatch: pytest.MonkeyPatch,
    workers: str,
    setting: tuple[str, str],
    said: str,
) -> None:
    monkeypatch.setenv(*setting)
    server = start("serve", "--workers", workers, "--port", "0")
    out, err = server.communicate(timeout=30)
    assert (server.returncode, out) == (1, "")
    assert err.startswith(f"callreel: {said}")
    assert err.count("\n") == 1


def test_several_processes_are_not_begun_where_the_audio_is_away(
    start: Start, key: str, data: Path
) -> None:
    (data / AUDIO_MADE).touch()
    shutil.rmtree(data / AUDIO, ignore_errors=True)
    server = start("serve", "--workers", "2", "--port", "0")
    _, err = server.communicate(timeout=30)
    assert server.returncode == 1
    assert err.startswith("callreel: The folder audio in the data folder is gone")
    assert err.count("\n") == 1


def test_what_is_no_request_is_a_line_of_json_without_what_was_sent(start: Start, key: str) -> None:
    server = start("serve", "--port", "0")
    talk(address(server), f"HELO {key}\r\n\r\n".encode())
    server.send_signal(signal.SIGTERM)
    _, err = server.communicate(timeout=20)
    (line,) = map(json.loads, err.splitlines())
    assert (line["level"], line["client"]) == ("warning", "127.0.0.1")
    assert key[-20:] not in err


@pytest.mark.parametrize(
    ("level", "workers"), [*((each, "1") for each in LEVELS), (LEVELS[0], "2"), (LEVELS[-1], "2")]
)
def test_the_log_tells_as_much_as_it_shall(
    start: Start, key: str, monkeypatch: pytest.MonkeyPatch, level: str, workers: str
) -> None:
    monkeypatch.setenv("CALLREEL_LOG_LEVEL", level)
    server = start("serve", "--port", "0", "--workers", workers)
    talk(address(server), b"HELO\r\n\r\n")
    server.send_signal(signal.SIGTERM)
    _, err = server.communicate(timeout=20)
    told = {json.loads(line)["level"] for line in err.splitlines()}
    assert told == {"warning", "info"}.intersection(LEVELS[: LEVELS.index(level) + 1])


def test_each_request_is_a_line_on_standard_output(start: Start, key: str) -> None:
    server = start("serve", "--port", "0")
    url = address(server)
    get(f"{url}/cdr_dialog_recording?limit=7", key)
    server.send_signal(signal.SIGTERM)
    out, _ = server.communicate(timeout=20)

    lines = [json.loads(line) for line in out.splitlines()]
    assert [(line["path"], line["status"]) for line in lines] == [("/cdr_dialog_recording", 200)]
    assert key not in out


def test_requests_are_answered_while_nobody_reads_the_access_log(start: Start, key: str) -> None:
    server = start("serve", "--port", "0")
    url = f"{address(server)}/cdr_dialog_recording"
    for _ in range(600):  # twice as many as a pipe takes
        get(url, key)
    server.send_signal(signal.SIGTERM)
    out, _ = server.communicate(timeout=20)

    assert len(out.splitlines()) == 600


def test_the_access_log_can_be_off(start: Start, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLREEL_ACCESS_LOG", "0")
    server = start("serve", "--port", "0")
    get(f"{address(server)}/cdr_dialog_recording", key)
    server.send_signal(signal.SIGTERM)
    out, _ = server.communicate(timeout=20)

    assert out == ""


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_server_without_standard_streams_writes_into_no_file_of_its_own(
    key: str, workers: str
) -> None:
    started = ["bash", "-c", 'exec "$@" <&- >&-', "bash", *COMMAND]
    started += ["serve", "--port", "0", "--workers", workers]
    with subprocess.Popen(started, stderr=subprocess.PIPE, text=True) as server:
        url = address(server)
        assert {get(f"{url}/cdr_dialog_recording", key).status_code for _ in range(300)} == {200}
        children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
        for pid in [str(server.pid), *children]:
            open_files = Path(f"/proc/{pid}/fd")
            assert {(open_files / each).readlink() for each in "01"} == {Path(os.devnull)}
        server.send_signal(signal.SIGTERM)
        assert server.wait(timeout=20) == 0


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Serve once for all the tests that only ask; give the address and a key."""
    environment = {**os.environ, "CALLREEL_DATA": str(tmp_path_factory.mktemp("shared"))}

    def call(*arguments: str) -> str:
        return subprocess.run(
            [*COMMAND, *arguments], env=environment, capture_output=True, text=True, check=True
        ).stdout.strip()

    call("tenant", "create", "Acme")
    key = call("key", "create", "--tenant", "Acme")
    with subprocess.Popen(
        [*COMMAND, "serve", "--port", "0"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        yield address(server), key
        server.kill()


def talk(url: str, *parts: bytes) -> bytes:
    """Send bytes as they are and return all that is answered."""
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        with suppress(OSError):  # the server may have heard enough
            for part in parts:
                connection.sendall(part)
        answer = b""
        with suppress(ConnectionResetError):
            while received := connection.recv(65_536):
                answer += received
        return answer


def test_what_is_no_http_gets_an_error_in_our_form(shared: tuple[str, str]) -> None:
    answer = talk(shared[0], b"HELO example.org\r\n\r\n")

    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"content-type: application/json" in head
    for name, value in SAFE_HEADERS:
        assert name + b": " + value in head
    assert set(json.loads(body)["error"]) == {"code", "message", "request_id"}


ENDLESS = {
    "header": [b"GET / HTTP/1.1\r\nHost: a\r\nX: ", *[b"a" * 65_536] * 8],
    "address": [b"GET /", *[b"a" * 65_536] * 8],
    "headers": [b"GET / HTTP/1.1\r\nHost: a\r\n", *[b"X: a\r\n" * 10_000] * 8],
}


@pytest.mark.parametrize("kind", ENDLESS)
def test_a_head_without_end_is_cut_off(shared: tuple[str, str], kind: str) -> None:
    url, key = shared

    answer = talk(url, *ENDLESS[kind])

    # Where bytes were on their way as the connection ended, the answer may be lost.
    assert not answer or answer.startswith((b"HTTP/1.1 431 ", b"HTTP/1.1 400 "))
    assert get(f"{url}/cdr_dialog_recording", key).status_code == 200


def test_a_long_head_in_small_pieces_is_told_its_limit(shared: tuple[str, str]) -> None:
    url, _ = shared
    host, port = url.removeprefix("http://").split(":")
    answer = b""
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n")
        connection.setblocking(False)
        while not answer:
            readable, writable, _ = select.select([connection], [connection], [], 20)
            if readable:
                answer = connection.recv(65_536)
            elif writable:
                connection.send(b"X: a\r\n")

    assert answer.startswith(b"HTTP/1.1 431 ")
    assert str(MAX_HEAD_BYTES).encode() in answer


def test_requests_on_one_connection_are_not_added_up(shared: tuple[str, str]) -> None:
    url, key = shared
    with requests.Session() as session:
        session.headers["Authorization"] = key
        for _ in range(3):
            answer = session.post(f"{url}/cdr_dialog_recording", data=b"a" * 1_000_000, timeout=10)
            assert answer.status_code in {403, 415}
        for _ in range(40):
            answer = session.get(f"{url}/cdr_dialog_recording?limit={'0' * 4_000}1", timeout=10)
            assert answer.status_code in {200, 400}


def test_workers_end_when_their_parent_is_killed(start: Start, key: str) -> None:
    server = start("serve", "--port", "0", "--workers", "2")
    address(server)
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
    watched = [os.pidfd_open(int(child)) for child in children]
    assert len(watched) >= 2

    server.kill()

    poll = select.poll()
    for descriptor in watched:
        poll.register(descriptor, select.POLLIN)
    ended: set[int] = set()
    while len(ended) < len(watched):
        events = poll.poll(30_000)
        assert events, "a worker outlived its parent"
        for descriptor, _ in events:
            poll.unregister(descriptor)
            os.close(descriptor)
            ended.add(descriptor)


def test_a_bound_socket_does_not_listen_yet() -> None:
    with closing(bound("127.0.0.1", 0)) as waiting, pytest.raises(ConnectionRefusedError):
        socket.create_connection(waiting.getsockname(), timeout=5)


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(Misconfigured, match="cannot be had"):
        bound("192.0.2.1", 0)


def test_an_ipv6_address_is_written_in_brackets() -> None:
    if not Path("/proc/net/if_inet6").exists():
        pytest.skip("this machine has no IPv6")
    with closing(bound("::1", 0)) as waiting:
        assert url_of(waiting) == f"http://[::1]:{waiting.getsockname()[1]}"
