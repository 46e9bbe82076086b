from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from callreel.api.examples import example_recording
from callreel.importers.freeswitch.xml_text import read_xml
from docs.pages import DOCS, ROOT, Block, blocks, name_of, pages
from docs.walkthrough import walk_through
from programs import needed

CLIENT = DOCS / "how-to" / "use-the-python-client.md"  # has a test of its own, beside the client's
UNITS = ("run-as-a-service.md", "back-up-and-restore.md")
WALKED = [page for page in pages() if page != CLIENT and any(each.is_run for each in blocks(page))]
SHOWN = {"text", "json"}
KNOWN = {"bash", "python", "console", "sql", "ini", "nginx", "caddy", "xml", "toml", *SHOWN}


def expectations(page: list[Block]) -> Iterator[tuple[int, Block]]:
    """Yield what a page says that its blocks print: the number of the block, and what."""
    number, is_behind = -1, False
    for block in page:
        if block.is_run:
            number, is_behind = number + 1, True
        elif block.language in SHOWN and is_behind and "example" not in block.marks:
            yield number, block
            is_behind = False
        else:
            is_behind = False


def is_in_order(expected: str, printed: str) -> bool:
    """Say whether the lines that are expected were printed one after another; `…` is anything."""
    lines = iter(" ".join(line.split()) for line in printed.splitlines())
    for line in expected.splitlines():
        pattern = ".*".join(map(re.escape, " ".join(line.split()).split("…")))
        if not any(re.fullmatch(pattern, each) for each in lines):
            return False
    return True


@pytest.mark.parametrize("page", WALKED, ids=name_of)
def test_what_a_page_tells_to_type_works_and_prints_what_it_says(
    page: Path, tmp_path: Path
) -> None:
    needed("curl")
    shown = blocks(page)
    printed = walk_through(shown, tmp_path)
    for number, block in expectations(shown):
        assert is_in_order(block.text, printed[number]), (block.line, printed[number])


def test_the_pages_that_are_for_typing_are_walked_through() -> None:
    assert {"README.md", "docs/tutorial/first-recording.md"} < set(map(name_of, WALKED))
    assert sum("how-to" in each.parts for each in WALKED) >= 4


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_every_block_says_what_it_is(page: Path) -> None:
    assert {each.language for each in blocks(page)} <= KNOWN


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_commands_that_are_only_shown_are_written_rightly(page: Path) -> None:
    for block in blocks(page):
        if block.language == "python":
            ast.parse(block.text)
        if block.language == "console" and "[OPTIONS]" not in block.text:
            subprocess.run(["bash", "-n", "-c", block.text], check=True)


def test_the_answer_in_the_readme_is_one() -> None:
    (example,) = (each for each in blocks(ROOT / "README.md") if "example" in each.marks)
    assert json.loads(example.text) == {"data": [example_recording()]}
    assert list(json.loads(example.text)["data"][0]) == list(example_recording())


def test_the_checkouts_own_commands_exist() -> None:
    known = set(re.findall(r"^    (\w+)\)", (ROOT / "run").read_text(), re.MULTILINE))
    for page in pages():
        told = re.findall(r"\./run (\w+)", page.read_text())
        assert set(told) <= known, name_of(page)


def unit_on(page: str) -> str:
    """Return the unit of a service that is shown on a page."""
    (text,) = (each.text for each in blocks(DOCS / "how-to" / page) if "[Service]" in each.text)
    return text


def test_a_backup_is_shut_in_as_the_service_is() -> None:
    service, backup = (unit_on(page).splitlines() for page in UNITS)
    shut_in = service[service.index("UMask=0077") : service.index("[Install]")]
    lines = [each for each in shut_in if each and not each.startswith("#")]
    assert len(lines) > 20
    assert [each for each in lines if each not in backup] == []


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not here")
@pytest.mark.parametrize("page", UNITS)
def test_the_unit_of_a_service_is_one(tmp_path: Path, page: str) -> None:
    text = unit_on(page)
    unit = tmp_path / "callreel.service"
    unit.write_text(text.replace("/opt/callreel/bin/callreel", "/bin/true"))
    checked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (checked.returncode, "callreel.service" in checked.stderr) == (0, False), checked.stderr


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_the_lines_of_a_configuration_in_xml_are_well_formed(page: Path) -> None:
    for block in blocks(page):
        if block.language == "xml":
            assert read_xml(f"<all>{block.text}</all>".encode())


@pytest.mark.parametrize("language", ["nginx", "caddy"])
def test_the_braces_of_a_proxys_file_close(language: str) -> None:
    page = DOCS / "how-to" / "run-as-a-service.md"
    found = [each.text for each in blocks(page) if each.language == language]
    assert found
    for text in found:
        depths = [text[: at + 1].count("{") - text[: at + 1].count("}") for at in range(len(text))]
        assert min(depths) >= 0
        assert depths[-1] == 0
