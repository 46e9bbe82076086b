from __future__ import annotations

from collections.abc import Iterator

import pytest

from support import Running, a_sound, serve


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server with an empty archive, shared by the tests of one file."""
    with serve(tmp_path_factory.mktemp("server") / "data") as running:
        yield running


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A second of stereo noise as a WAV file."""
    return a_sound(tmp_path_factory.mktemp("sound"))
