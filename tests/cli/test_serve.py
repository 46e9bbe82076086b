from __future__ import annotations

import json
import signal
import socket
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import requests

from callreel.cli.serving import bound, url_of
from callreel.errors import Misconfigured
from cli_runs import Command, Start

HELLO = "callreel: serving on "


def address(process: subprocess.Popen[str]) -> str:
    """Wait until a server says where it is."""
    assert process.stderr is not None
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


def test_each_request_is_a_line_on_standard_output(start: Start, key: str) -> None:
    server = start("serve", "--port", "0")
    url = address(server)
    get(f"{url}/cdr_dialog_recording?limit=7", key)
    server.send_signal(signal.SIGTERM)
    out, _ = server.communicate(timeout=20)

    lines = [json.loads(line) for line in out.splitlines()]
    assert [(line["path"], line["status"]) for line in lines] == [("/cdr_dialog_recording", 200)]
    assert key not in out


def test_the_access_log_can_be_off(start: Start, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLREEL_ACCESS_LOG", "0")
    server = start("serve", "--port", "0")
    get(f"{address(server)}/cdr_dialog_recording", key)
    server.send_signal(signal.SIGTERM)
    out, _ = server.communicate(timeout=20)

    assert out == ""


def talk(url: str, *parts: bytes) -> bytes:
    """Send bytes as they are and return all that is answered."""
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        try:
            for part in parts:
                connection.sendall(part)
        except OSError:  # the server has heard enough
            pass
        answer = b""
        try:
            while received := connection.recv(65_536):
                answer += received
        except ConnectionResetError:
            pass
        return answer


def test_what_is_no_http_gets_an_error_in_our_form(start: Start, key: str) -> None:
    answer = talk(address(start("serve", "--port", "0")), b"HELO example.org\r\n\r\n")

    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"content-type: application/json" in head
    assert set(json.loads(body)["error"]) == {"code", "message", "request_id"}


def endless_header() -> list[bytes]:
    return [b"GET / HTTP/1.1\r\nHost: a\r\nX: ", *[b"a" * 65_536] * 8]


def endless_address() -> list[bytes]:
    return [b"GET /", *[b"a" * 65_536] * 8]


def endlessly_many_headers() -> list[bytes]:
    return [b"GET / HTTP/1.1\r\nHost: a\r\n", *[b"X: a\r\n" * 10_000] * 8]


@pytest.mark.parametrize("attack", [endless_header, endless_address, endlessly_many_headers])
def test_a_head_without_end_is_cut_off(
    start: Start, key: str, attack: Callable[[], list[bytes]]
) -> None:
    url = address(start("serve", "--port", "0"))

    answer = talk(url, *attack())

    assert answer == b"" or answer.startswith((b"HTTP/1.1 431 ", b"HTTP/1.1 400 "))
    assert get(f"{url}/cdr_dialog_recording", key).status_code == 200


def test_a_large_body_is_no_large_head(start: Start, key: str) -> None:
    url = address(start("serve", "--port", "0"))

    with requests.Session() as session:
        session.headers["Authorization"] = key
        for _ in range(3):
            body = b"a" * 1_000_000
            answer = session.post(f"{url}/cdr_dialog_recording", data=body, timeout=10)
            assert answer.status_code in {403, 415}
        listed = session.get(f"{url}/cdr_dialog_recording", timeout=10)
        assert listed.status_code == 200


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
