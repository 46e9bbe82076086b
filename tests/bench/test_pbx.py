"""What the made-up telephone system leaves behind is what an importer takes in."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from zoneinfo import ZoneInfo

import pbx
from callreel.importers.freepbx.importer import FreePbx
from callreel.importers.items import Candidate, Row, RowUse
from callreel.importers.source import Source


def test_recordings_find_their_calls(tmp_path: Path) -> None:
    audio, table = tmp_path / "audio", tmp_path / "calls.csv"
    assert pbx.write_audio(audio, 3, 1) == 3 * (16_000 + 44)
    pbx.write_calls(table, 3, recorded=True)
    items = list(FreePbx(Source(root=audio, records=str(table), zone=ZoneInfo("UTC"))).items())
    candidates = [each for each in items if isinstance(each, Candidate)]
    assert [each.call.talking_ms for each in candidates] == [60_000] * 3
    assert all(each.is_measured and not each.notes for each in candidates)


def test_calls_without_recording_are_sound(tmp_path: Path) -> None:
    table = tmp_path / "calls.csv"
    pbx.write_calls(table, 9)
    items = list(FreePbx(Source(root=tmp_path, records=str(table), zone=ZoneInfo("UTC"))).items())
    uses = Counter(each.use for each in items if isinstance(each, Row))
    assert uses == {RowUse.UNRECORDED: 9}
