from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from callreel.api.limits import Limits
from callreel.api.reference_exports import EXAMPLE_ID
from callreel.api.routes import ROUTES, document
from callreel.archive.export_jobs import Order, Progress, Stage
from callreel.archive.export_jobs.store import ExportStore
from callreel.model import Reach
from callreel.web.document import groups
from callreel.web.prose import prose
from programs import needed
from support import Running, a_sound, serve


class Read(HTMLParser):
    """What a page holds."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            assert not name.startswith("on")
            assert name != "style"
            if name == "id":
                self.ids.append(value or "")
            if name in {"href", "src"}:
                self.links.append(value or "")

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with serve(tmp_path_factory.mktemp("pages") / "data") as running:
        yield running


@pytest.fixture(scope="module")
def page(server: Running) -> Read:
    return Read(server.ask("GET", "/docs", None).text)


def test_the_reference_shows_every_route_limit_and_error(page: Read) -> None:
    for route in ROUTES:
        assert route.path in page.text
    for words in (
        "1 to 10,000; without it 500",
        "at most 50 items",
        "16384 bytes",
        "536870912 bytes",
        "scope manage",
    ):
        assert words in page.text
    for status in ("400", "401", "403", "404", "409", "413", "415", "416", "422", "429", "503"):
        assert status in page.text


def test_every_link_of_the_reference_leads_somewhere(server: Running, page: Read) -> None:
    assert len(set(page.ids)) == len(page.ids)
    for link in set(page.links):
        if link.startswith("#"):
            assert link[1:] in page.ids
        else:
            assert server.ask("GET", f"/{link}", None).status_code == 200


def test_the_reference_needs_no_script_and_nothing_from_elsewhere(page: Read) -> None:
    assert not {"script", "iframe", "object", "form", "style"} & set(page.tags)
    assert not [link for link in page.links if ":" in link or link.startswith("/")]


def test_a_page_is_bound_to_what_is_its_own(server: Running) -> None:
    headers = server.ask("GET", "/docs", None).headers
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert headers["Content-Security-Policy"] == (
        "default-src 'none'; style-src 'self'; img-src 'self'; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    )
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize(
    ("name", "kind"), [("docs.css", "text/css; charset=utf-8"), ("mark.svg", "image/svg+xml")]
)
def test_a_static_file_has_its_type_and_a_tag(server: Running, name: str, kind: str) -> None:
    answer = server.ask("GET", f"/static/{name}", None)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, kind)
    known = {"If-None-Match": answer.headers["ETag"]}
    assert server.ask("GET", f"/static/{name}", None, headers=known).status_code == 304


@pytest.mark.parametrize("path", ["/docs", "/static/docs.css"])
def test_a_page_may_be_kept_but_is_asked_about_each_time(server: Running, path: str) -> None:
    first = server.ask("GET", path, None)
    assert first.headers["Cache-Control"] == "public, no-cache"
    assert first.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    other = server.ask("GET", path, None, headers={"If-None-Match": '"other"'})
    assert (other.status_code, other.content) == (200, first.content)
    known = server.ask("GET", path, None, headers={"If-None-Match": first.headers["ETag"]})
    assert (known.status_code, known.content) == (304, b"")
    for name in ("Content-Security-Policy", "Cache-Control", "ETag"):
        assert known.headers[name] == first.headers[name]


@pytest.mark.parametrize("name", ["none.css", "..%2Fpages.py", "%2e%2e", "docs.html", ""])
def test_nothing_else_is_served_as_a_static_file(server: Running, name: str) -> None:
    answer = server.ask("GET", f"/static/{name}", None)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


def _put_example_export(server: Running) -> None:
    """Put the export that the reference shows into the data folder, finished."""
    store = ExportStore(server.data / "exports", kept_seconds=3600, reserve_bytes=0)
    order = Order(
        id=EXAMPLE_ID,
        format="csv",
        has_audio=False,
        filter="null",
        sort="",
        base=server.url,
        reach=Reach(1),
        created_at=int(time.time()),
    )
    job = store.add(order)
    store.file(job).write_bytes(b"x")
    done = Progress(stage=Stage.FINISHED, size=1, sha256="00", ended_at=order.created_at)
    store.note(job, done)


def test_the_commands_of_the_reference_work_in_turn(server: Running, tmp_path: Path) -> None:
    needed("curl")
    (tmp_path / "call.wav").write_bytes(a_sound(tmp_path))
    server.ask("POST", "/custom_tag", json={"name": "Third", "id": 3})
    server.ask("POST", "/custom_tag", json={"name": "Complaint", "id": 17})
    shown = [each for group in groups(document(Limits())).values() for each in group]
    in_turn = {"add_recording": 0, "delete_recording": 2, "delete_export": 2}
    _put_example_export(server)
    for each in sorted(shown, key=lambda each: in_turn.get(each.id, 1)):
        command = each.curl.replace("curl ", "curl -sS -o /dev/null -w '%{http_code}' ", 1)
        ran = subprocess.run(
            ["bash", "-c", f"URL={server.url} KEY={server.keys['all']}\n{command}"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.stdout in {"200", "201", "202"}, (command, ran.stdout, ran.stderr)


def test_prose_marks_code_and_lets_nothing_else_through() -> None:
    assert prose("a `<b>` & <i>\n\nc") == (
        "<p>a <code>&lt;b&gt;</code> &amp; &lt;i&gt;</p>\n<p>c</p>"
    )
