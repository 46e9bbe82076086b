from __future__ import annotations

from pathlib import Path

import pytest

from callreel.catalog import Catalog, sqlite_list, sqlite_plan, sqlite_write
from callreel.catalog.sqlite import SqliteCatalog
from contracts.catalog_contract import CatalogContract


class TestSqlite(CatalogContract):
    def open(self, folder: Path) -> Catalog:
        return SqliteCatalog(folder / "callreel.db")


class TestSqliteWhereEverythingIsCommon(CatalogContract):
    """With tiny caps, few records take the ways that a million take with the real ones."""

    @pytest.fixture(autouse=True)
    def tiny_caps(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sqlite_plan, "WINDOW_FACTOR", 1)
        monkeypatch.setattr(sqlite_plan, "WINDOW_LEAST", 1)
        monkeypatch.setattr(sqlite_list, "WINDOW_FACTOR", 1)
        monkeypatch.setattr(sqlite_list, "RARE", 1)
        monkeypatch.setattr(sqlite_write, "USES_TO_SORT", 1)

    def open(self, folder: Path) -> Catalog:
        return SqliteCatalog(folder / "callreel.db")
