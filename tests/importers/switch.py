"""Makes folders such as FreeSWITCH leaves behind: recordings, and records of channels."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr
from zoneinfo import ZoneInfo

from callreel.importers.freeswitch.importer import FreeSwitch
from callreel.importers.items import Candidate, Item, Refusal
from callreel.importers.source import Source
from importers.monitor import wav

SAMPLES = Path(__file__).parent / "samples" / "freeswitch"
A = "8c9f7c2e-5a0b-4c1d-9e3f-0a1b2c3d4e5f"
B = "1f2e3d4c-6b5a-4f7e-8d9c-ffeeddccbbaa"
OTHER = "77777777-1111-4222-8333-444444444444"
START = 1_772_438_405  # 2026-03-02 08:00:05 UTC
WARSAW = ZoneInfo("Europe/Warsaw")
UNSAFE = '\r\n #%&+:;<=>?@[\\]^`{|}"'


def encoded(text: str) -> str:
    """Return text as FreeSWITCH's `switch_url_encode` writes it."""
    return "".join(
        chr(each) if 32 <= each <= 126 and chr(each) not in UNSAFE else f"%{each:02X}"
        for each in text.encode()
    )


def variables(**more: str | None) -> dict[str, str]:
    """Return a channel's variables: answered after 10 s, bridged after 15 s, ended after 75 s."""
    given: dict[str, str | None] = {
        "direction": "inbound",
        "uuid": A,
        "call_uuid": A,
        "channel_name": "sofia/external/48600100200@198.51.100.7",
        "start_stamp": "2026-03-02 09:00:05",
        "start_epoch": str(START),
        "start_uepoch": f"{START}250000",
        "answer_epoch": str(START + 10),
        "answer_uepoch": f"{START + 10}250000",
        "bridge_epoch": str(START + 15),
        "bridge_uepoch": f"{START + 15}750000",
        "end_epoch": str(START + 75),
        "end_uepoch": f"{START + 75}250000",
        "progress_epoch": "0",
        "duration": "75",
        "billsec": "65",
        "hangup_cause": "NORMAL_CLEARING",
        "bridge_uuid": B,
        **more,
    }
    return {name: text for name, text in given.items() if text is not None}


def leg_b(**more: str | None) -> dict[str, str]:
    """Return the variables of the channel that the call was bridged to."""
    return variables(
        **{
            "direction": "outbound",
            "uuid": B,
            "originating_leg_uuid": A,
            "bridge_uuid": A,
            "start_epoch": str(START + 5),
            "start_uepoch": f"{START + 5}000000",
            "answer_epoch": str(START + 15),
            "answer_uepoch": f"{START + 15}700000",
            **more,
        }
    )


def flow(**profile: str) -> dict[str, Any]:
    """Return what a channel was at one time."""
    return {
        "dialplan": "XML",
        "profile_index": "1",
        "caller_profile": {
            "username": "48600100200",
            "caller_id_name": "Jan Kowalski",
            "caller_id_number": "48600100200",
            "destination_number": "48221234567",
            "uuid": A,
            "context": "public",
            "chan_name": "sofia/external/48600100200@198.51.100.7",
            **profile,
        },
        "times": {
            "created_time": f"{START}250000",
            "answered_time": f"{START + 10}250000",
            "bridged_time": f"{START + 15}750000",
            "hangup_time": f"{START + 75}250000",
            "transfer_time": "0",
        },
    }


def as_json(
    values: Mapping[str, str],
    *flows: dict[str, Any],
    ran: Iterable[tuple[str, str]] = (),
    is_encoded: bool = True,
) -> bytes:
    """Return a record as `mod_json_cdr` writes it."""
    shown = {name: encoded(text) if is_encoded else text for name, text in values.items()}
    applications = [{"app_name": name, "app_data": data} for name, data in ran]
    whole = {
        "core-uuid": OTHER,
        "switchname": "pbx",
        "channel_data": {"state": "CS_REPORTING", "direction": values.get("direction", "")},
        "variables": shown,
        "app_log": {"applications": applications},
        "callflow": list(flows or (flow(),)),
    }
    return json.dumps(whole).encode()


def as_xml(
    values: Mapping[str, str], *flows: dict[str, Any], ran: Iterable[tuple[str, str]] = ()
) -> bytes:
    """Return a record as `mod_xml_cdr` writes it."""
    parts = ['<?xml version="1.0"?>', f'<cdr core-uuid="{OTHER}" switchname="pbx">', "<variables>"]
    parts += [f"<{name}>{encoded(text)}</{name}>" for name, text in values.items()]
    parts += ["</variables>", "<app_log>"]
    parts += [
        f"<application app_name={quoteattr(name)} app_data={quoteattr(encoded(data))}/>"
        for name, data in ran
    ]
    parts.append("</app_log>")
    for each in flows or (flow(),):
        parts.append(f'<callflow dialplan="XML" profile_index={quoteattr(each["profile_index"])}>')
        for group in ("caller_profile", "times"):
            inner = "".join(f"<{k}>{escape(v)}</{k}>" for k, v in each[group].items())
            parts.append(f"<{group}>{inner}</{group}>")
        parts.append("</callflow>")
    return "\n".join([*parts, "</cdr>\n"]).encode()


class Switch:
    """A system's folders of recordings and of records.

    Attributes:
        recordings, records: The folders.
    """

    def __init__(self, folder: Path) -> None:
        self.recordings = folder / "recordings"
        self.records = folder / "json_cdr"
        self.recordings.mkdir()
        self.records.mkdir()

    def audio(self, name: str, content: bytes | None = None, *, age: float = 86_400) -> Path:
        return _put(self.recordings / name, wav() if content is None else content, age)

    def record(self, name: str, content: bytes, *, age: float = 86_400) -> Path:
        return _put(self.records / name, content, age)

    def source(self, **more: Any) -> Source:
        return Source(root=self.recordings, records=str(self.records), **more)

    def items(self, **more: Any) -> list[Item]:
        return list(FreeSwitch(self.source(**more)).items())

    def candidates(self, **more: Any) -> list[Candidate]:
        return [each for each in self.items(**more) if isinstance(each, Candidate)]

    def only(self, **more: Any) -> Candidate:
        (candidate,) = self.candidates(**more)
        return candidate

    def of_record(self, content: bytes, **more: Any) -> Item:
        """Return what becomes of a record alone."""
        self.record(f"{A}.cdr.json", content)
        (item,) = self.items(**more)
        return item

    def refused(self, content: bytes, **more: Any) -> Refusal:
        item = self.of_record(content, **more)
        assert isinstance(item, Refusal), item
        return item


def fill(switch: Switch) -> None:
    """Lay out a call between two channels that was recorded, one that was not, and a stray file."""
    day = "pbx.example/archive/2026/Mar/02"
    folder = f"/var/lib/freeswitch/recordings/{day}"
    told = variables(record_path=folder, record_name=f"{A}.wav", call_direction="inbound")
    switch.audio(f"{day}/{A}.wav", wav(900))
    switch.audio("old/greeting.wav")
    switch.record(f"{A}.cdr.json", as_json(told))
    switch.record(f"{B}.cdr.json", as_json(leg_b()))
    switch.record(f"{OTHER}.cdr.json", as_json(variables(uuid=OTHER, call_uuid=OTHER)))


def _put(path: Path, content: bytes, age: float) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (time.time() - age,) * 2)
    return path
