"""vCons whose members are anything at all: each dialog becomes one item, and nothing breaks."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callreel.errors import BadRecording
from callreel.importers.items import Candidate, Refusal, Row
from importers.vcons import SOUND, UUID, hash_of, items, only, put, recording, sound_of, vcon

ODD: st.SearchStrategy[Any] = st.sampled_from([
    None, True, -1, 0, 1, 2, 1.5, 1 << 62, "", "recording", "incomplete", "text", "in", "QUJD",
    "é", "A" * 5000, "2026-03-02T09:00:05Z", "https://a.example/a.wav", "call.wav", "file:///x",
    "base64url", "audio/x-wav", hash_of(SOUND), [], {}, [0, 1], [[0], None], ["x"], [{}],
    {"a": [[[[7]]]]}, [[[[7]]]], UUID,
])  # fmt: skip
MEMBERS = st.sampled_from([
    "type", "start", "duration", "parties", "originator", "mediatype", "mimetype", "filename",
    "body", "encoding", "url", "content_hash", "alg", "signature", "disposition", "direction",
    "meta", "skill", "campaign",
])  # fmt: skip
PARTY = st.dictionaries(
    st.sampled_from(["tel", "sip", "mailto", "name", "role", "type", "uuid"]), ODD, max_size=4
)
DIALOG = st.builds(lambda odd: recording() | odd, st.dictionaries(MEMBERS, ODD, max_size=4))


@settings(deadline=None)
@given(
    st.lists(DIALOG | st.dictionaries(MEMBERS, ODD), min_size=1, max_size=3),
    st.lists(PARTY, max_size=3),
)
def test_whatever_a_dialog_holds_it_becomes_one_item(
    tmp_path_factory: pytest.TempPathFactory,
    dialogs: list[dict[str, Any]],
    parties: list[dict[str, Any]],
) -> None:
    root = tmp_path_factory.mktemp("odd")
    put(root, vcon(*dialogs, parties=parties))
    found = items(root)
    assert len(found) == len(dialogs)
    for each in found:
        if isinstance(each, Candidate):
            with suppress(BadRecording):
                sound_of(each)


@pytest.mark.parametrize(
    "members",
    [
        {"alg": "@", "signature": "@", "url": "https://a.example/"}, {"type": "@"}, {"meta": "@"},
        {"content_hash": ["@"], "url": "https://a.example/"}, {"parties": "@"}, {"start": "@"},
        {"url": "@"}, {"filename": "@"}, {"duration": "@"}, {"skill": "@"}, {"encoding": "@"},
    ],
)  # fmt: skip
@pytest.mark.parametrize("depth", [100, 400, 800, 960])
def test_what_is_nested_deep_does_no_harm(
    tmp_path: Path, members: dict[str, Any], depth: int
) -> None:
    text = json.dumps(vcon(recording() | members)).replace('"@"', "[" * depth + "]" * depth)
    put(tmp_path, text)
    assert len(items(tmp_path, fetch=True)) == 1


@pytest.mark.parametrize(("name", "most"), [("parties", 1_000), ("dialog", 10_000)])
def test_a_vcon_of_more_than_is_taken_is_refused(tmp_path: Path, name: str, most: int) -> None:
    put(tmp_path, vcon({}, **{name: [{}] * most}))
    assert all(isinstance(each, Row) for each in items(tmp_path))
    put(tmp_path, vcon({}, **{name: [{}] * (most + 1)}))
    found = only(tmp_path)
    assert isinstance(found, Refusal)
    assert found.reason == f"The {name} of the vCon has more than {most} objects."
