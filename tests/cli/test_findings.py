from __future__ import annotations

import json
from contextlib import suppress

import pytest

from callreel.archive.damage import Damage, Finding
from callreel.cli.findings import Findings

LOST = Finding(kind=Damage.AUDIO_MISSING, says="it is gone")


@pytest.mark.parametrize("found", [[], [LOST]])
def test_what_ends_a_command_after_its_object_adds_nothing_to_it(
    found: list[Finding], capsys: pytest.CaptureFixture[str]
) -> None:
    with suppress(KeyboardInterrupt), Findings(as_json=True) as findings:
        findings.add(found)
        findings.end()
        raise KeyboardInterrupt
    told = json.loads(capsys.readouterr().out)
    assert (len(told["findings"]), told["complete"]) == (len(found), True)
