"""The page about tables of calls tells all keys, and shows what the importer's own tests use."""

from __future__ import annotations

from callreel.importers.spreadsheet.cells import DATE_WORDS, UNITS
from callreel.importers.spreadsheet.meaning import FIELDS, KEYS
from docs.pages import DOCS, blocks
from importers.calls_table import SAMPLES

PAGE = DOCS / "how-to" / "import-any-table.md"


def test_the_examples_are_those_that_are_tested() -> None:
    shown = [block.text for block in blocks(PAGE) if block.language == "toml"]
    assert shown == [(SAMPLES / f"{name}.toml").read_text("utf-8") for name in ("3cx", "twilio")]
    tables = [block.text for block in blocks(PAGE) if "example" in block.marks]
    for table, name in zip(tables, ("3cx", "twilio"), strict=True):
        assert (SAMPLES / f"{name}.csv").read_text("utf-8").startswith(table)


def test_every_key_is_told() -> None:
    text = PAGE.read_text("utf-8")
    for name in (*KEYS, *FIELDS, *DATE_WORDS, *UNITS):
        assert f"`{name}`" in text or f"`[{name}]`" in text, name
