"""The examples of the how-to run, in their order, and print what the page says they print."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from callreel.client import Callreel
from endpoints.calls import call, write_audio
from support import Running, serve

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "use-the-python-client.md"
ADDRESS = "https://calls.example.org"
EXAMPLE = re.compile(r"```python\n(.*?)```(?:\n+```text\n(.*?)```)?", re.DOTALL)


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Running]:
    with serve(tmp_path / "data") as server:
        for number in (1, 2):
            server.ask("POST", "/custom_tag", json={"id": number, "name": f"tag {number}"})
        with Callreel(server.url, server.keys["all"]) as calls:
            for number in range(20):
                calls.upload(call(number), write_audio(tmp_path / "call.wav", number))
        yield server


def test_the_examples_print_what_the_page_says(
    archive: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KEY", archive.keys["all"])
    names: dict[str, Any] = {}
    examples = EXAMPLE.findall(PAGE.read_text(encoding="utf-8"))
    for code, expected in examples:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(code.replace(ADDRESS, archive.url), names)  # noqa: S102 - our own page
        assert (code, printed.getvalue()) == (code, expected)
    assert len(examples) == 10


def test_the_example_of_moving_moves_all(archive: Running, tmp_path: Path) -> None:
    code = EXAMPLE.findall(PAGE.read_text(encoding="utf-8"))[-1][0]
    names: dict[str, Any] = {"Callreel": Callreel}
    exec(code, names)  # noqa: S102 - our own page
    folder = tmp_path / "moving"
    folder.mkdir()
    with (
        Callreel(archive.url, archive.keys["all"]) as source,
        Callreel(archive.url, archive.keys["other"]) as target,
    ):
        assert names["move"](source, target, folder) == 20
        assert list(target.recordings()) == list(source.recordings())
    assert list(folder.iterdir()) == []
