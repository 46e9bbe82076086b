"""Everything that a server and its commands write, searched for what they must not."""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests

from callreel.wiring import DATABASE
from cli_runs import COMMAND
from importers.manifests import line, put, put_lines
from importers.switch import A, as_json, variables
from support import Running, a_call, a_sound, ended_export

NUMBERS = ("48229876501", "48229876502", "48229876503")
WRONG = "cr_deadbeef_" + "wRonGkEy" * 5 + "abc"
LEAST = 12
"""So many characters of a secret are a part of it, and no chance."""


@dataclass
class Place:
    """Where everything is written, and what was seen besides.

    Attributes:
        root: The folder of all: `data`, `mirrored`, `tmp` and what the programs printed.
        keys: Secret parts of keys.
        answers: Heads and bodies of errors and of the metrics.
        arguments: Of all processes, as others on the machine see them.
    """

    root: Path
    keys: list[str] = field(default_factory=lambda: [WRONG.partition("_")[2].partition("_")[2]])
    webhook_secret: str = ""
    answers: list[bytes] = field(default_factory=list)
    arguments: list[bytes] = field(default_factory=list)

    def command(self, *arguments: str, data: str = "data", **more: str) -> str:
        """Run a command, keep what it complains of, and return what it prints."""
        ran = subprocess.run(
            [*COMMAND, *arguments],
            env=self.environment(data) | more,
            capture_output=True,
            text=True,
            check=False,
        )
        with (self.root / "commands.err").open("a") as errors:
            errors.write(ran.stderr)
        assert ran.returncode in {0, 3}, ran.stderr
        return ran.stdout

    def environment(self, data: str = "data") -> dict[str, str]:
        kept = {name: text for name, text in os.environ.items() if not name.startswith("CALLREEL_")}
        own = {
            "CALLREEL_DATA": str(self.root / data),
            "CALLREEL_FREE_SPACE_RESERVE": "0",
            "CALLREEL_WEBHOOKS_PRIVATE": "1",
            "TMPDIR": str(self.root / "tmp"),
        }
        return kept | own

    def new_key(self) -> str:
        key = self.command(
            "key", "create", "--tenant", "Acme", "--scope", "read,listen,ingest,manage"
        ).strip()
        self.keys.append(key.split("_", 2)[2])
        return key

    def look_at_processes(self) -> None:
        """Note the arguments of every process of ours, as `ps` shows them."""
        for each in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):  # it has just ended
                if str(self.root).encode() in (each / "environ").read_bytes():
                    self.arguments.append((each / "cmdline").read_bytes())

    def files(self) -> Iterator[tuple[str, bytes]]:
        for path in self.root.rglob("*"):
            if path.is_file():
                yield str(path.relative_to(self.root)), path.read_bytes()

    def written(self) -> dict[str, bytes]:
        """Return all that was written, by where."""
        seen = {"answers": b"\n".join(self.answers), "arguments": b"\n".join(self.arguments)}
        return {**dict(self.files()), **seen}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Everything that is written while a server and its commands do all that there is to do."""
    found = Place(tmp_path_factory.mktemp("secrets"))
    (found.root / "tmp").mkdir()
    found.command("tenant", "create", "Acme")
    key = found.new_key()
    hook = f"http://127.0.0.1:{_closed_port()}/hook"
    found.webhook_secret = found.command("webhook", "create", hook).strip()
    with ExitStack() as stack:
        out = stack.enter_context((found.root / "server.out").open("wb"))
        server = stack.enter_context(
            subprocess.Popen(
                [*COMMAND, "serve", "--port", "0", "--workers", "2"],
                env=found.environment(),
                stdout=out,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        stack.callback(server.kill)
        assert server.stderr is not None
        url = server.stderr.readline().strip().rpartition(" ")[2]
        running = Running(url, {"all": key}, found.root / "data")
        _use(found, running)
        _misuse(found, running)
        _use_commands(found, running)
        found.look_at_processes()
        found.answers.append(running.ask("GET", "/metrics", None).content)
        server.send_signal(signal.SIGTERM)
        (found.root / "server.err").write_text(server.communicate(timeout=60)[1])
    return found


def _closed_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def _use(place: Place, server: Running) -> None:
    """Ask as one should."""
    numbers = dict(zip(("from_display_target", "to_display_target"), NUMBERS, strict=False))
    added = server.add(a_sound(place.root / "tmp"), a_call(**numbers), key="all")
    one = f"/cdr_dialog_recording/{added['recording_uuid']}"
    wanted = json.dumps([{"property": "number_list", "operator": "=", "value": [NUMBERS[0]]}])
    query = {"filter": wanted}
    for path in ("/cdr_dialog_recording", one, f"{one}/audio", f"{one}/peaks"):
        server.ask("GET", path, params=query if path == "/cdr_dialog_recording" else {})
    server.ask("GET", f"{one}/audio?format=opus", headers={"Range": "bytes=0-9"})
    ordered = server.ask("POST", "/export", json={"format": "csv"}).json()["data"]["id"]
    place.look_at_processes()
    ended_export(server, ordered)
    basic = base64.b64encode(f"pbx:{server.keys['all']}".encode()).decode()
    record = {"Authorization": f"Basic {basic}", "Content-Type": "application/json"}
    asked = server.ask(
        "POST", f"/ingest/freeswitch?uuid={A}", None, data=as_json(variables()), headers=record
    )
    assert asked.status_code == 200


def _misuse(place: Place, server: Running) -> None:
    """Put keys and numbers where they do not belong."""
    listing = "/cdr_dialog_recording"
    for private in (server.keys["all"], WRONG, *NUMBERS, f"+48 22 {NUMBERS[2][4:]}"):
        basic = base64.b64encode(f"a:{private}".encode()).decode()
        places: list[requests.Response] = [
            server.ask("GET", listing, private),
            server.ask("GET", listing, f"Basic {basic}"),
            server.ask("POST", f"/ingest/freeswitch?uuid={private}", f"Basic {basic}", data=b"x"),
            server.ask("GET", listing, None, params={"key": private, "api_key": private}),
            server.ask("GET", listing, params={"filter": f'[{{"property":"{private}"}}]'}),
            server.ask("GET", listing, params={"filter": private, "limit": private}),
            server.ask("GET", f"{listing}?cursor={private}&sort={private}"),
            server.ask("GET", f"{listing}/{private}/audio", None),
            server.ask("GET", f"/{private}?{private}"),
            server.ask("DELETE", f"/export/{private}"),
            server.ask("GET", listing, None, cookies={"key": "x" + private}),
            server.ask("POST", "/export", json={"format": private, "filter": private}),
            server.ask("POST", "/custom_tag", json={private: private}),
            server.ask("PATCH", f"{listing}/{private}", json={"custom_tag_id_list": [private]}),
            server.upload(b"RIFF", {"recording_uuid": 1, private: private}, name=private),
            server.upload(b"RIFF", a_call(start_time=private), name=private),
            *(
                server.ask("GET", listing, "wrong", headers={name: private})
                for name in ("X-Request-ID", "User-Agent", "Referer", "X-Key", "Range", "Host")
            ),
        ]
        place.answers += (_head(each) + each.content for each in places if not each.ok)
        with socket.create_connection(server.address, timeout=20) as raw:
            raw.sendall(f"GET /{private} HTTP/7\r\n{private}\r\n\r\n".encode())
            place.answers.append(raw.recv(65_536))


def _head(answer: requests.Response) -> bytes:
    return repr(sorted(answer.headers.items())).encode()


def _use_commands(place: Place, server: Running) -> None:
    recordings = place.root.parent / "recordings"
    put_lines(recordings, line("1.wav"), line("2.wav", dialog_id="2", talking_ms=-1), "no JSON")
    put(recordings, "1.wav")
    place.command("import", "manifest", str(recordings))
    key_file = place.root.parent / "a-key"
    key_file.write_text(server.keys["all"])
    mirror = ("mirror", "--rate", "1000", "--from", server.url)
    place.command("tenant", "create", "Copy", data="mirrored")
    place.command(*mirror, "--key-file", str(key_file), data="mirrored")
    place.command(*mirror, data="mirrored", CALLREEL_MIRROR_KEY=server.keys["all"])
    place.command("backup", str(place.root / "backups"))
    (place.root / "commands.out").write_text(
        "".join(
            place.command(*each)
            for each in (
                ("key", "list"),
                ("webhook", "list", "--json"),
                ("webhook", "deliveries", "1", "--json"),
                ("imports", "list"),
                ("settings",),
            )
        )
    )


def parts(secret: str) -> set[bytes]:
    """Return each part of a secret that is long enough to be no chance."""
    return {secret[at : at + LEAST].encode() for at in range(len(secret) - LEAST + 1)}


def encoded(secret: str) -> set[bytes]:
    """Return what base64 makes of the inside of a secret, wherever in it the secret stands."""
    found = set()
    for shift in range(3):
        text = base64.b64encode(b"\0" * shift + secret.encode())
        found |= {text[at : at + 16] for at in range(4, len(text) - 20, 4)}
    return found


def test_no_part_of_a_key_is_written_anywhere(place: Place) -> None:
    for where, content in place.written().items():
        for secret in place.keys:
            for part in (*parts(secret), *encoded(secret)):
                assert part not in content, where


def test_a_webhooks_secret_is_in_the_database_and_its_backup_alone(place: Place) -> None:
    holding = {
        where
        for where, content in place.written().items()
        for part in parts(place.webhook_secret.removeprefix("whsec_"))
        if part in content
    }
    copies = {each for each in holding if re.fullmatch(rf"backups/backups/[^/]+/{DATABASE}", each)}
    assert len(copies) == 1
    assert holding - copies
    assert holding - copies <= {f"data/{DATABASE}", f"data/{DATABASE}-wal"}


def test_what_is_beside_the_database_in_a_backup_has_no_whole_number(place: Place) -> None:
    names = {each for each in place.written() if each.startswith("backups/backups/")}
    beside = {each for each in names if not each.endswith(DATABASE)}
    assert {Path(each).name for each in beside} == {"manifest.json", "files.sha256"}
    for each in beside:
        for number in NUMBERS:
            assert number.encode() not in place.written()[each]


def test_no_log_error_metric_or_argument_has_a_whole_number(place: Place) -> None:
    written = place.written()
    for where in ("server.out", "server.err", "commands.err", "answers", "arguments"):
        digits = re.sub(rb"[ ().+-]|%20|%2B", b"", written[where])
        assert len(written[where]) or where == "server.err"
        for number in NUMBERS:
            assert number.encode() not in digits, where
            assert number[4:].encode() not in digits, where


def test_every_line_of_the_logs_is_an_object_that_names_its_request(place: Place) -> None:
    requests_ = [json.loads(each) for each in (place.root / "server.out").read_text().splitlines()]
    assert len(requests_) > 100
    assert all(each["request_id"] and each["time"] for each in requests_)
    assert {each["key_id"] for each in requests_ if each["status"] == 200} > {None}
    for each in (place.root / "server.err").read_text().splitlines():
        assert {"event", "level", "time"} <= json.loads(each).keys()


def test_nothing_is_left_among_temporary_files(place: Place) -> None:
    left = {each.name for each in (place.root / "tmp").iterdir()}
    assert left <= {"sound-0.wav"}
