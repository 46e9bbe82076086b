from __future__ import annotations

import re

from attack.groups import GROUPS
from docs.pages import DOCS, ROOT

PAGE = (DOCS / "explanation" / "threats.md").read_text()


def test_every_threat_has_its_row_in_order() -> None:
    rows = re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)
    assert [int(number) for number in rows] == list(range(1, 85))


def test_every_file_that_is_named_is_there() -> None:
    named = re.findall(r"`([\w/]+\.py)`", PAGE)
    assert named
    assert [each for each in named if not (ROOT / "tests" / each).is_file()] == []


def test_every_group_that_is_named_is_there() -> None:
    table = PAGE.partition("## Holes of others")[2].partition("## What the attacks")[0]
    named = set(re.findall(r"`([a-z]+)`", table))
    assert named
    assert named <= GROUPS.keys()
