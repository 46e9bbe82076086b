"""vCon, as it is written and as the importer reads it back."""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from callreel.archive.exporting.vcon import vcon_uuid
from callreel.importers.formats import importer_for
from callreel.importers.items import Candidate
from callreel.importers.source import Source
from callreel.model import Audio, Call, Direction, Recording
from exporting.exports import Exports, no_audio
from house import CALL, sound

CALLS = (
    replace(CALL, dialog_id="d-0", direction=Direction.INBOUND),
    replace(CALL, dialog_id="d-1", direction=Direction.OUTBOUND, from_number="101"),
    replace(CALL, dialog_id="d-2", from_number=None),
    replace(CALL, dialog_id="d-3", from_number="anna@example.org", to_number="700"),
    replace(CALL, dialog_id="d-4", started_at=CALL.started_at - 86_400, user=None, project=None),
)


@pytest.fixture
def filled(exports: Exports) -> Exports:
    for number, call in enumerate(CALLS):
        exports.house.take_in(call, sound(number + 1, 0.1 + number), recording_id=f"r-{number}")
    return exports


def vcons(folder: Path) -> dict[str, dict[str, Any]]:
    return {path.name: json.loads(path.read_bytes()) for path in folder.glob("*.vcon")}


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_a_vcon_holds_its_audio_with_its_digest(filled: Exports) -> None:
    found = vcons(filled.make("vcon-folder"))
    assert sorted(found) == [f"r-{number}.vcon" for number in range(5)]
    for number in range(5):
        vcon = found[f"r-{number}.vcon"]
        (dialog,) = vcon["dialog"]
        audio = decoded(dialog["body"])
        assert audio == sound(number + 1, 0.1 + number)
        assert "=" not in dialog["body"]
        assert dialog["encoding"] == "base64url"
        name, _, digest = dialog["content_hash"].partition("-")
        assert (name, decoded(digest)) == ("sha512", hashlib.sha512(audio).digest())
        assert vcon["vcon"] == "0.4.0"
        assert uuid.UUID(vcon["uuid"]).version == 8
        assert dialog["type"] == "recording"
        assert dialog["mediatype"] == "audio/wav"
        assert dialog["duration"] == pytest.approx(0.1 + number)
        assert "url" not in dialog


def test_a_vcon_may_name_its_audio_instead(filled: Exports) -> None:
    for vcon in vcons(filled.make("vcon-folder", by_url=True)).values():
        (dialog,) = vcon["dialog"]
        recording = json.loads(vcon["attachments"][0]["body"])
        assert dialog["url"] == recording["recording_url"]
        assert dialog["content_hash"].startswith("sha512-")
        assert not {"body", "encoding"} & dialog.keys()


def test_the_parties_tell_who_called_and_who_is_of_the_company(filled: Exports) -> None:
    found = vcons(filled.make("vcon-folder"))
    assert found["r-0.vcon"]["parties"] == [
        {"tel": "tel:+48600700800", "role": "customer"},
        {"tel": "tel:2001", "role": "agent"},
    ]
    assert [each["role"] for each in found["r-1.vcon"]["parties"]] == ["agent", "customer"]
    assert found["r-2.vcon"]["parties"][0] == {"name": "anonymous", "role": "customer"}
    assert found["r-3.vcon"]["parties"][0]["sip"] == "sip:anna@example.org"


def test_the_record_itself_is_attached(filled: Exports) -> None:
    listed = {each["recording_uuid"]: each for each in filled.listed()}
    for name, vcon in vcons(filled.make("vcon-folder")).items():
        (attachment,) = vcon["attachments"]
        assert json.loads(attachment["body"]) == listed[name.removesuffix(".vcon")]
        assert attachment["encoding"] == "json"
        assert attachment["dialog"] == 0


def test_a_zip_holds_the_same_files(filled: Exports) -> None:
    folder = filled.make("vcon-folder")
    with zipfile.ZipFile(filled.make("vcon", target="calls.zip")) as found:
        assert found.testzip() is None
        assert {name: found.read(name) for name in found.namelist()} == {
            path.name: path.read_bytes() for path in folder.iterdir()
        }


def test_what_cannot_be_read_is_left_out_and_told_of(filled: Exports) -> None:
    digest = hashlib.sha256(sound(1, 0.1)).hexdigest()
    (filled.house.root / "1" / digest[:2] / digest).unlink()
    folder = filled.make("vcon-folder")
    assert len(vcons(folder)) == 4
    (line,) = (folder / "unreadable.jsonl").read_text().splitlines()
    told = json.loads(line)
    assert told["error"] == "The audio is missing."
    assert told["recording"]["recording_uuid"] == "r-0"


def test_the_importer_reads_back_what_was_written(filled: Exports) -> None:
    folder = filled.make("vcon-folder")
    items = list(importer_for("vcon", Source(root=folder, settle=0)).items())
    found: dict[str, Call] = {}
    for item in items:
        assert isinstance(item, Candidate), item
        with item.open() as audio:
            found[item.where] = item.call
            number = int(item.where.removeprefix("r-").removesuffix(".vcon"))
            assert audio.read() == sound(number + 1, 0.1 + number)
    assert sorted(found) == [f"r-{number}.vcon" for number in range(5)]
    for number, call in enumerate(CALLS):
        read = found[f"r-{number}.vcon"]
        assert read.started_at == call.started_at
        assert read.direction is call.direction
        for given, got in ((call.from_number, read.from_number), (call.to_number, read.to_number)):
            assert got == (None if given is None else given.replace(" ", ""))


def test_each_channel_may_have_either_party(exports: Exports, tmp_path: Path) -> None:
    path = tmp_path / "stereo.wav"
    soundfile.write(path, np.zeros((800, 2)), 8000)
    exports.house.take_in(audio=path.read_bytes(), recording_id="stereo")
    exports.house.take_in(replace(CALL, dialog_id="d-2"), sound(), recording_id="mono")
    found = vcons(exports.make("vcon-folder"))
    assert found["stereo.vcon"]["dialog"][0]["parties"] == [[0, 1], [0, 1]]
    assert found["mono.vcon"]["dialog"][0]["parties"] == [0, 1]


def test_a_uuid_stays_and_another_id_gets_one_that_is_always_the_same() -> None:
    own = "0191f3a4-5c00-8d2e-9b1f-3c5a7e9d1b24"
    assert vcon_uuid(Recording(own, CALL, no_audio())) == own
    made = vcon_uuid(Recording("REC-1", CALL, no_audio()))
    assert made == vcon_uuid(Recording("REC-1", CALL, no_audio()))
    assert made != vcon_uuid(Recording("rec-1", CALL, no_audio()))
    other = Audio("00" * 32, 0, "audio/wav")
    assert made != vcon_uuid(Recording("REC-1", CALL, other))
    parsed = uuid.UUID(made)
    assert (parsed.version, parsed.variant) == (8, uuid.RFC_4122)
