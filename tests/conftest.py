from __future__ import annotations

import io
import os
import signal
from collections.abc import Iterator

import pytest
import structlog

from callreel.api.log import configure_log


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What goes into the server's own log."""
    stream = io.StringIO()
    configure_log(stream)
    yield stream
    structlog.reset_defaults()


@pytest.fixture(scope="session", autouse=True)
def unmeasured_programs() -> None:
    """Let coverage measure this process alone: a program that a test starts costs half as much."""
    os.environ.pop("COVERAGE_PROCESS_CONFIG", None)


@pytest.fixture(scope="session", autouse=True)
def heard_interrupts() -> None:
    """Let programs that a test starts hear Ctrl-C, also where what a script started ignores it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
