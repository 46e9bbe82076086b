from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import msgspec
import pytest

from callreel.api.errors import ANSWERS, BUG
from callreel.api.filters import BOUNDS
from callreel.api.limits import Limits
from callreel.api.params import DIRECTIONS, PARAMETERS
from callreel.api.routes import ROUTES, document
from callreel.api.wire import FILTERS, LIST_PATH, SORTS, Property, WireRecording
from callreel.audio import Format
from callreel.cli import app
from callreel.model import DialogType, Direction, Scope, State
from callreel.settings import reference
from docs.pages import DOCS, name_of

PAGES = DOCS / "reference"
ENDPOINT = [PAGES / "endpoint.md", PAGES / "endpoint.pl.md"]
SINGLE = {Property.TALKING, Property.STARTED, Property.HUNG_UP}
PUBLISHED = {
    Property.TALKING: {"gt", "gte", "lte", "lt", "eq"},
    Property.STARTED: {"gte", "lte"},
    Property.HUNG_UP: {"gte", "lte"},
}


def codes(text: str) -> set[str]:
    """Return everything that is set as code within a text."""
    return {word for found in re.findall(r"`([^`\n]+)`", text) for word in found.split()}


Table = dict[str, str]


def tables(page: Path) -> list[Table]:
    """Return each table's rows by what is set as code in the first cell."""
    found: list[Table] = [{}]
    for line in page.read_text().splitlines():
        if line.startswith("| `"):
            first, _, rest = line[2:].removesuffix(" |").partition(" | ")
            found[-1].update(dict.fromkeys(sorted(codes(first)), rest))
        elif found[-1]:
            found.append({})
    return found


def rows(page: Path, name: str) -> Table:
    """Return the first table of a page that has a row of this name."""
    return next(each for each in tables(page) if name in each)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages as the code has them now."""
    folder = tmp_path_factory.mktemp("docs")
    subprocess.run([sys.executable, str(DOCS / "generate.py"), str(folder)], check=True)
    return folder


def test_the_pages_made_from_the_code_say_what_it_says(made: Path) -> None:
    written = [path.relative_to(made) for path in made.rglob("*.*")]
    assert len(written) == 9
    stale = [
        str(path)
        for path in written
        if not (DOCS / path).exists() or (DOCS / path).read_text() != (made / path).read_text()
    ]
    assert not stale, "run `./run docs` and commit what it writes"


def test_every_page_of_the_reference_is_made_or_checked(made: Path) -> None:
    by_code = {path.name for path in (made / "reference").iterdir()}
    by_hand = {path.name for path in ENDPOINT}
    assert {path.name for path in PAGES.iterdir()} == by_code | by_hand


def test_every_setting_is_there() -> None:
    assert rows(PAGES / "settings.md", "CALLREEL_DATA").keys() == {
        name for name, _, _ in reference()
    }


def test_every_limit_is_there_with_its_number() -> None:
    text = (PAGES / "limits.md").read_text()
    for each in fields(Limits):
        assert f"| {getattr(Limits(), each.name):,} |" in text, each.name


def test_every_error_is_there() -> None:
    text = (PAGES / "errors.md").read_text()
    for status, code in (*ANSWERS.values(), BUG):
        assert f"| {status} | `{code}` |" in text


def test_every_route_is_there() -> None:
    text = (PAGES / "routes.md").read_text()
    for route in ROUTES:
        assert f"\n`{route.method} {route.path}`\n" in text


def test_every_command_is_there_with_its_options() -> None:
    text = (PAGES / "commands.md").read_text()
    for name in app:
        if not name.startswith("-"):
            assert f"## callreel {name}\n" in text
    for option in ("--timezone", "--scope", "--workers", "--fresh"):
        assert re.search(rf"^\* `{option}\b", text, re.MULTILINE)
    assert "--no-" not in text


def test_every_metric_is_there() -> None:
    shown = rows(PAGES / "metrics.md", "callreel_build_info").keys()
    assert {"callreel_http_requests_total", "callreel_recordings_taken_in_total"} <= shown
    assert all(name.startswith("callreel_") for name in shown)


@pytest.mark.parametrize("page", ENDPOINT, ids=name_of)
class TestEndpoint:
    """The page that is written by hand, in two languages."""

    def test_it_has_every_field_of_the_object_and_no_other(self, page: Path) -> None:
        answer = {each.encode_name for each in msgspec.structs.fields(WireRecording)}
        assert rows(page, "dialog_uuid").keys() == answer

    def test_it_says_rightly_what_may_be_null(self, page: Path) -> None:
        yes, no = ("tak", "nie") if page.name.endswith(".pl.md") else ("yes", "no")
        schema = document(Limits())["components"]["schemas"]["WireRecording"]["properties"]
        for name, shape in schema.items():
            cell = rows(page, "dialog_uuid")[name].split(" | ")[1]
            assert cell == (yes if {"type": "null"} in shape.get("anyOf", ()) else no), name

    def test_it_has_every_property_with_every_operator(self, page: Path) -> None:
        cells = rows(page, "number_list")
        assert cells.keys() == FILTERS.keys()
        for name, meaning in FILTERS.items():
            operators = codes(cells[name].rpartition(" | ")[2])
            assert operators == (set(BOUNDS) if meaning in SINGLE else {"eq"}), name

    def test_it_tells_what_was_published_from_what_was_added(self, page: Path) -> None:
        for name, meaning in FILTERS.items():
            if meaning in SINGLE:
                shown = rows(page, "number_list")[name].rpartition(" | ")[2]
                published = shown.partition("**")[0]
                assert codes(published) == PUBLISHED[meaning], name

    def test_it_has_every_parameter_with_its_sorts(self, page: Path) -> None:
        assert rows(page, "cursor").keys() == set(PARAMETERS)
        assert {*SORTS, *DIRECTIONS} <= codes(page.read_text())

    def test_it_has_every_word_that_a_field_may_hold(self, page: Path) -> None:
        shown = codes(page.read_text())
        for words in (DialogType, Direction, State, Scope):
            assert {each.value for each in words} <= shown
        assert all(each.value in page.read_text() for each in Format)

    def test_it_has_every_address(self, page: Path) -> None:
        text = page.read_text()
        for route in ROUTES:
            assert f"`{route.method} {route.path}`" in text

    def test_its_limits_are_the_codes(self, page: Path) -> None:
        text = page.read_text().replace(",", "").replace("\N{NO-BREAK SPACE}", "")
        text = re.sub(r"(?<=\d) (?=\d{3}\b)", "", text)
        limits = Limits()
        for most in (
            limits.max_limit,
            limits.default_limit,
            limits.max_filter_bytes,
            limits.max_filter_objects,
            limits.max_filter_items,
            limits.max_number_chars,
        ):
            assert re.search(rf"\b{most}\b", text), most
        assert limits.max_offset == 1 << 53
        assert "2⁵³" in text

    def test_its_headers_are_those_of_the_list(self, page: Path) -> None:
        answers = document(Limits())["paths"][LIST_PATH]["get"]["responses"]
        beside = {"Content-Type", "Cache-Control", "Content-Encoding", "X-Request-ID"}
        assert rows(page, "Link").keys() == {*answers["200"]["headers"], *beside}


def test_both_languages_have_the_same_rows() -> None:
    english, polish = map(tables, ENDPOINT)
    assert [list(each) for each in english] == [list(each) for each in polish]
