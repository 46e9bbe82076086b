from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest

from docs.pages import DOCS, ROOT

PAGE = DOCS / "explanation" / "dependencies.md"
REQUIREMENT = re.compile(r"([a-z0-9-]+)(?:\[[a-z]+\])?(>=[0-9.]+)?(?:;.*)?")
PINNED = re.compile(r"^([a-z0-9._-]+)==", re.MULTILINE)


def project() -> dict[str, Any]:
    with (ROOT / "pyproject.toml").open("rb") as file:
        found: dict[str, Any] = tomllib.load(file)["project"]
    return found


def versions(requirements: list[str]) -> dict[str, str]:
    matches = (REQUIREMENT.fullmatch(each) for each in requirements)
    return {match[1]: match[2] or "any" for match in matches if match is not None}


def tables() -> list[dict[str, list[str]]]:
    """Return the rows of each table of the page, by the package that they are of."""
    found: list[dict[str, list[str]]] = []
    for line in PAGE.read_text().splitlines():
        cells = [each.strip() for each in line.strip("|").split("|")]
        if cells[0] == "package":
            found.append({})
        elif line.startswith("| "):
            found[-1][cells[0]] = cells[1:]
    return found


def told(table: dict[str, list[str]]) -> dict[str, str]:
    return {name: cells[0].strip("`") for name, cells in table.items()}


def test_the_table_names_every_package_with_its_versions_and_no_other() -> None:
    always, extra = tables()
    optional = project()["optional-dependencies"]
    assert told(always) == versions(project()["dependencies"])
    assert told(extra) == versions([each for group in optional.values() for each in group])
    assert list(always) == sorted(always)
    for name, (_, _, group, _) in extra.items():
        assert name in versions(optional[group.strip("`")])


def test_every_package_has_a_licence_and_a_reason() -> None:
    for table in tables():
        for name, cells in table.items():
            assert all(cells), name
            assert len(cells) == 4, name


def test_every_package_that_is_needed_is_still_used() -> None:
    source = "\n".join(each.read_text() for each in (ROOT / "src").rglob("*.py"))
    unseen = {"tzdata", "uvloop"}  # zoneinfo's and uvicorn's, by their names
    always, extra = tables()
    by_name = {"psycopg", "pymysql", "pyarrow"} | unseen  # the first three by SQLAlchemy, by Arrow
    for name in (always.keys() | extra.keys()) - by_name:
        module = name.replace("-", "_")
        assert re.search(rf"^\s*(?:import|from) {module}\b", source, re.MULTILINE), name
    assert 'loop="uvloop"' in source
    assert "zoneinfo" in source


@pytest.mark.parametrize("pins", ["runtime", "dev"])
def test_every_pinned_package_has_digests_and_no_address(pins: str) -> None:
    text = (ROOT / "requirements" / f"{pins}.txt").read_text()
    packages = re.split(r"\n(?=\S)", text.strip())
    assert len(packages) == len(PINNED.findall(text)) > 20
    for each in packages:
        assert "--hash=sha256:" in each, each.partition("=")[0]
    assert "://" not in text
    assert "--index" not in text


def test_whatever_is_needed_is_pinned() -> None:
    pinned = set(PINNED.findall((ROOT / "requirements" / "runtime.txt").read_text()))
    assert versions(project()["dependencies"]).keys() <= pinned
