from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from standardwebhooks import Webhook as Verifier

from callreel.api import messages
from callreel.api.messages import HttpMessenger
from callreel.archive import delete, imports, tell
from callreel.archive.tell import Answer
from callreel.catalog.outbox import Delivery, EventKind
from callreel.errors import Unavailable
from house import House

BASE = "https://calls.example.org"


class Receiver(BaseHTTPRequestHandler):
    """Notes what comes and answers as it is told."""

    status: ClassVar[int] = 204
    got: ClassVar[list[tuple[str, dict[str, str], bytes]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.got.append((self.path, dict(self.headers), body))
        self.send_response(self.status)
        self.send_header("Location", "http://127.0.0.1:1/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def address() -> Iterator[str]:
    Receiver.status, Receiver.got = 204, []
    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/in?for=us"
        server.shutdown()
        thread.join()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with asyncio.Runner() as runner:
        made = House(runner, tmp_path)
        yield made
        runner.run(made.archive.close())


def due(house: House) -> list[Delivery]:
    return house.run(house.archive.catalog.take_due(1 << 40, 1 << 41, 99, frozenset()))


def told(house: House, url: str) -> Delivery:
    """Return a message that is to be sent to an address."""
    house.run(tell.add(house.archive, 1, url, frozenset([EventKind.AVAILABLE])))
    house.take_in()
    (delivery,) = due(house)
    return delivery


def sent(house: House, delivery: Delivery, *, private: bool = True) -> Answer:
    with closing(HttpMessenger(house.archive, BASE, private=private)) as messenger:
        return house.run(messenger.send(delivery))


def received() -> list[dict[str, Any]]:
    return [json.loads(body) for _, _, body in Receiver.got]


def test_a_message_is_signed_as_standard_webhooks_has_it(house: House, address: str) -> None:
    delivery = told(house, address)
    assert sent(house, delivery) == Answer("204", is_taken=True)
    ((path, headers, body),) = Receiver.got
    assert path == "/in?for=us"
    assert headers["Content-Type"] == "application/json"
    assert Verifier(delivery.webhook.secret).verify(body, headers) == json.loads(body)
    assert headers["webhook-id"] == f"msg_1_{delivery.event.number}"
    sent(house, delivery)
    assert Receiver.got[1][1]["webhook-id"] == headers["webhook-id"]


def test_a_message_of_a_recording_holds_what_the_list_tells_of_it(
    house: House, address: str
) -> None:
    sent(house, told(house, address))
    (message,) = received()
    assert message["type"] == "recording.available"
    assert message["timestamp"].endswith("Z")
    recording_id = message["data"]["recording_uuid"]
    url = f"{BASE}/cdr_dialog_recording/{recording_id}/audio"
    assert message["data"]["recording_url"] == url
    assert message["data"]["from_display_target"] == "+48 600 700 800"


def test_a_message_of_a_recording_that_is_gone_by_now_holds_its_id(
    house: House, address: str
) -> None:
    delivery = told(house, address)
    house.do(delete.one, delivery.event.subject)
    sent(house, delivery)
    assert received()[0]["data"] == {"recording_uuid": delivery.event.subject}


def test_messages_of_deletions_and_imports_say_which(house: House, address: str) -> None:
    taken = house.id_of(house.take_in())
    house.run(tell.add(house.archive, 1, address, frozenset(EventKind)))
    house.do(delete.one, taken)

    async def run() -> None:
        async for _ in imports.run(house.archive, 1, "freepbx", []):
            pass

    house.run(run())
    for delivery in due(house):
        sent(house, delivery)
    deleted, imported = received()
    assert (deleted["type"], deleted["data"]) == (
        "recording.deleted",
        {"recording_uuid": taken},
    )
    assert imported["type"] == "import.finished"
    assert imported["data"] == {"import": 1, "format": "freepbx", "files": {}, "rows": {}}


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (200, Answer("200", is_taken=True)),
        (299, Answer("299", is_taken=True)),
        (302, Answer("302")),
        (404, Answer("404")),
        (410, Answer("410", is_unwanted=True)),
        (500, Answer("500")),
    ],
)
def test_only_a_2xx_is_a_yes_and_nobody_is_followed_elsewhere(
    house: House, address: str, status: int, answer: Answer
) -> None:
    Receiver.status = status
    assert sent(house, told(house, address)) == answer
    assert len(Receiver.got) == 1


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/in",
        "https://localhost:9/in",
        "https://10.1.2.3/in",
        "https://169.254.169.254/latest",
        "https://[::1]/in",
        "https://[::ffff:10.0.0.1]/in",
        "https://0.0.0.0/in",
        "https://2130706433/in",
    ],
)
def test_nothing_is_sent_into_private_networks(house: House, url: str) -> None:
    answer = sent(house, told(house, url), private=False)
    assert answer == Answer("the host is in a private network")


def test_nothing_is_sent_without_tls_unless_allowed(house: House, address: str) -> None:
    assert sent(house, told(house, address), private=False) == Answer("the address is none")
    assert Receiver.got == []


def test_a_host_that_does_not_exist_or_speaks_no_tls_is_told_in_words(
    house: House, address: str
) -> None:
    delivery = told(house, "https://nowhere.invalid/in")
    assert sent(house, delivery, private=False) == Answer("could not be reached")
    plain = told_elsewhere(house, address.replace("http:", "https:"))
    assert sent(house, plain) == Answer("TLS failed")


def told_elsewhere(house: House, url: str) -> Delivery:
    house.run(tell.add(house.archive, 1, url, frozenset([EventKind.AVAILABLE])))
    house.take_in(recording_id="another")
    return due(house)[-1]


@contextmanager
def talking(says: bytes) -> Iterator[str]:
    """A server that says something to whoever comes, and then nothing more."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        ended = threading.Event()

        def talk() -> None:
            line, _ = listening.accept()
            with line:
                line.sendall(says)
                ended.wait(20)

        thread = threading.Thread(target=talk)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        ended.set()
        thread.join()


@pytest.mark.parametrize(
    ("says", "outcome"),
    [
        (b"", "timed out"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", "200"),
        (b"hello, I am no HTTP at all\r\n\r\n", "answered in no way that is HTTP"),
    ],
)
def test_who_never_ends_an_answer_or_talks_nonsense_holds_nobody_up(
    house: House, monkeypatch: pytest.MonkeyPatch, says: bytes, outcome: str
) -> None:
    monkeypatch.setattr(messages, "TRY_SECONDS", 0.3)
    with talking(says) as url:
        assert sent(house, told(house, url)).outcome == outcome


def test_who_drips_an_answer_is_cut_off(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "TRY_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        ended = threading.Event()

        def drip() -> None:
            line, _ = listening.accept()
            with line:
                while not ended.wait(0.1):
                    try:
                        line.sendall(b"H")
                    except OSError:
                        return

        thread = threading.Thread(target=drip)
        thread.start()
        answer = sent(house, told(house, f"http://127.0.0.1:{listening.getsockname()[1]}/"))
        ended.set()
        thread.join()
    assert answer == Answer("timed out")


def test_what_cannot_be_read_just_now_is_told_later(
    house: House, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise Unavailable("The catalog is away.")

    delivery = told(house, address)
    monkeypatch.setattr(house.archive.catalog, "find", away)
    assert sent(house, delivery) == Answer("could not be written: The catalog is away.")
    assert Receiver.got == []
