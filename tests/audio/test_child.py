"""Jobs and their answers, done in this process as a child does them."""

from __future__ import annotations

from pathlib import Path

import pytest

from callreel.audio import Inspection
from callreel.audio.child import answer_to
from callreel.errors import UnsupportedMedia


@pytest.mark.parametrize(
    ("raised", "name"),
    [
        (UnsupportedMedia("no"), "UnsupportedMedia"),
        (MemoryError(), "Unavailable"),
        (OSError(5, "the disk failed, not the audio"), "Unavailable"),
        (AssertionError(), "BadRecording"),
    ],
)
def test_errors_in_a_child_are_answers(
    path: Path, monkeypatch: pytest.MonkeyPatch, raised: Exception, name: str
) -> None:
    def fail(_: Path) -> Inspection:
        raise raised

    monkeypatch.setattr("callreel.audio.child.inspect", fail)
    assert answer_to({"path": str(path)})["error"] == name


def test_jobs_in_this_process_are_answered_as_in_a_child(path: Path, tmp_path: Path) -> None:
    assert answer_to({"path": str(path)})["duration_ms"] == 2000
    target = tmp_path / "target"
    assert answer_to({"path": str(path), "target": str(target), "to": "wav"}) == {}
    assert target.exists()
