"""What an export tells of recordings is what an import of a manifest reads."""

from __future__ import annotations

import json
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given

from api.test_wire import recordings
from callreel.importers.manifest.line import entry_of, line_of, schema
from callreel.model import Audio, Recording
from house import CALL

RECORDING = Recording("r-1", CALL, Audio("0" * 64, 1, "audio/wav", 1, 1000))


@given(recordings)
def test_a_line_is_read_back_as_the_call_that_it_was_made_of(recording: Recording) -> None:
    call = recording.call
    call = replace(call, hung_up_at=max(call.hung_up_at, call.started_at))
    recording = replace(recording, call=call)
    line = line_of(recording, b"{}", audio="audio/a", original_name="a.wav")
    entry = entry_of(line)
    assert (entry.call, entry.is_measured, entry.notes) == (call, True, ())
    assert (entry.line.id, entry.line.sha256) == (recording.id, recording.audio.sha256)
    assert (entry.line.audio, entry.line.original_name) == ("audio/a", "a.wav")


def test_a_line_without_audio_says_why_and_is_of_a_call() -> None:
    line = line_of(RECORDING, b'{"a":1}', audio=None, original_name=None, error="It is gone.")
    found = json.loads(line)
    assert (found["error"], found["recording"]) == ("It is gone.", {"a": 1})
    assert "audio" not in found
    entry = entry_of(line)
    assert (entry.call, entry.line.audio, entry.notes) == (CALL, None, ())


@pytest.mark.parametrize("bad", ["", "..", "a/b", "a b", "x" * 65])
def test_an_id_that_cannot_be_in_an_address_is_refused(bad: str) -> None:
    line = line_of(replace(RECORDING, id=bad), b"{}", audio="a", original_name=None)
    with pytest.raises(Exception, match="an id has 1 to 64 of the characters"):
        entry_of(line)


def test_the_schema_knows_every_field_of_a_line() -> None:
    line = line_of(RECORDING, b"{}", audio="a", original_name="a", error="e")
    assert msgspec.json.decode(line).keys() <= schema()["properties"].keys()
