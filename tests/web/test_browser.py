"""The pages in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from programs import needed
from support import Running, serve

CHROMIUM: Final = "/usr/bin/chromium"
ARGUMENTS: Final = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WIDE: Final = (1280, 900)
PHONE: Final = (390, 844)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with serve(tmp_path_factory.mktemp("browser") / "data") as running:
        yield running


@pytest.fixture(scope="module")
def browser(server: Running) -> Iterator[Browser]:
    """A browser, started after the server, which cannot start inside of the browser's loop."""
    needed(CHROMIUM)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield started
        started.close()


class Visit:
    """A page that was opened, and what the browser complained of."""

    def __init__(self, browser: Browser, url: str, size: tuple[int, int]) -> None:
        width, height = size
        self.complaints: list[str] = []
        self.page: Page = browser.new_page(viewport={"width": width, "height": height})
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(error.message))
        self.page.on("requestfailed", lambda request: self.complaints.append(request.url))
        self.page.goto(url)

    def widest(self) -> int:
        return int(self.page.evaluate("document.documentElement.scrollWidth"))

    def top_of(self, selector: str) -> float:
        box = self.page.locator(selector).bounding_box()
        assert box is not None
        return box["y"]


@pytest.fixture(params=[WIDE, PHONE], ids=["wide", "phone"])
def visit(browser: Browser, server: Running, request: pytest.FixtureRequest) -> Iterator[Visit]:
    opened = Visit(browser, f"{server.url}/docs", request.param)
    yield opened
    opened.page.close()


def test_the_reference_opens_with_its_style_and_without_a_complaint(visit: Visit) -> None:
    assert visit.page.locator("h1").inner_text().startswith("Callreel")
    family = visit.page.evaluate("getComputedStyle(document.body).fontFamily")
    assert "system-ui" in family
    assert visit.page.evaluate("document.querySelector('.brand img').naturalWidth") > 0
    assert visit.complaints == []


def test_the_reference_is_no_wider_than_the_screen(visit: Visit) -> None:
    size = visit.page.viewport_size
    assert size is not None
    assert visit.widest() == size["width"]


def test_a_link_of_the_contents_leads_to_its_address(visit: Visit) -> None:
    assert visit.top_of("#get_audio") > PHONE[1]
    visit.page.emulate_media(reduced_motion="reduce")
    visit.page.locator("nav a[href='#get_audio']").click()
    visit.page.wait_for_url("**/docs#get_audio")
    assert 0 <= visit.top_of("#get_audio") < 100


def test_on_a_phone_every_cell_of_a_table_lies_on_the_screen(
    browser: Browser, server: Running
) -> None:
    visit = Visit(browser, f"{server.url}/docs", PHONE)
    cells = visit.page.locator(".wide > table > tbody td").all()
    rights = [box["x"] + box["width"] for cell in cells if (box := cell.bounding_box())]
    visit.page.close()
    assert len(rights) > 100
    assert max(rights) <= PHONE[0]


def test_an_example_opens_with_a_click(browser: Browser, server: Running) -> None:
    visit = Visit(browser, f"{server.url}/docs", WIDE)
    example = visit.page.locator("#list_recordings details").first
    assert not example.locator("pre").is_visible()
    example.locator("summary").click()
    assert "recording_url" in example.locator("pre").inner_text()
    visit.page.close()
