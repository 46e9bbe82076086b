from __future__ import annotations

import os

import pytest


@pytest.fixture(scope="session", autouse=True)
def unmeasured_programs() -> None:
    """Let coverage measure this process alone: a program that a test starts costs half as much."""
    os.environ.pop("COVERAGE_PROCESS_CONFIG", None)
