"""Programs that some tests start, and that not every machine has."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest


def is_here(program: str) -> bool:
    """Say whether a program is installed, with what the tests need of it."""
    found = shutil.which(program) is not None
    if found and program == "php":
        modules = subprocess.run(["php", "-m"], capture_output=True, check=True).stdout
        return b"curl" in modules.split()
    return found


def needed(program: str) -> None:
    """Skip the test where a program is missing; fail under continuous integration."""
    if is_here(program):
        return
    if os.environ.get("CI"):
        pytest.fail(f"{program} with what the tests need must be installed here")
    pytest.skip(f"{program} is not installed")
