"""Makes vCon files as draft-ietf-vcon-vcon-core has them, and what else may lie about."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from callreel.importers.items import Candidate, Item, Refusal, Row
from callreel.importers.source import Source
from callreel.importers.vcon.importer import Vcon
from importers.monitor import LONG_AGO, WARSAW, wav

UUID = "0199e054-ed10-8035-b9a2-279e0d16bc46"
START = "2026-03-02T09:00:05.250+01:00"
STARTED_AT = 1_772_438_405
CUSTOMER = {"tel": "tel:+48-600-100-200", "name": "Jan Nowak", "role": "customer"}
AGENT = {"tel": "101", "name": "Ewa Lis", "role": "agent", "uuid": "a7"}
SOUND = wav(3000)


def base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def hash_of(content: bytes, algorithm: str = "sha512") -> str:
    return f"{algorithm}-{base64url(hashlib.new(algorithm, content).digest())}"


def recording(content: bytes = SOUND, **members: Any) -> dict[str, Any]:
    """Return a Dialog Object with its audio inside; a member of None is left out."""
    dialog = {
        "type": "recording",
        "start": START,
        "duration": 3.0,
        "parties": [0, 1],
        "mediatype": "audio/x-wav",
        "body": base64url(content),
        "encoding": "base64url",
    }
    return {name: value for name, value in (dialog | members).items() if value is not None}


def outside(url: str, content_hash: Any = None, **members: Any) -> dict[str, Any]:
    """Return a Dialog Object whose audio is elsewhere."""
    return recording(body=None, encoding=None, url=url, content_hash=content_hash, **members)


def vcon(*dialogs: dict[str, Any], **members: Any) -> dict[str, Any]:
    whole = {
        "vcon": "0.4.0",
        "uuid": UUID,
        "created_at": "2026-03-02T09:10:00Z",
        "parties": [CUSTOMER, AGENT],
        "dialog": list(dialogs),
    }
    return {name: value for name, value in (whole | members).items() if value is not None}


def put(root: Path, content: Mapping[str, Any] | str | bytes, name: str = "call.vcon") -> Path:
    """Write a file that has long been finished."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, Mapping):
        content = json.dumps(content, indent=2)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    os.utime(path, (LONG_AGO, LONG_AGO))
    return path


def fill(root: Path) -> None:
    """Write some of each kind: with audio inside, beside and away, signed and encrypted."""
    incomplete = {"type": "incomplete", "start": START, "parties": [0, 1], "disposition": "busy"}
    put(root, vcon(outside("beside.wav", hash_of(SOUND)), uuid="beside"), "2026/beside.vcon")
    put(root, SOUND, "2026/beside.wav")
    put(root, vcon(incomplete, uuid="busy"), "busy.vcon")
    put(root, vcon(outside("https://a.example/1.wav", hash_of(SOUND)), uuid="away"), "away.vcon")
    inside = json.dumps(vcon(recording(wav(900)))).encode()
    put(root, {"payload": base64url(inside), "signatures": []}, "signed.vcon")
    put(root, {"ciphertext": "a"}, "secret.vcon")


def items(root: Path, *, fetch: bool = False, is_in_zone: bool = False) -> list[Item]:
    source = Source(root=root, zone=WARSAW if is_in_zone else None, fetch=fetch)
    return list(Vcon(source).items())


def only(root: Path) -> Item:
    (item,) = items(root)
    return item


def candidate(root: Path, content: Mapping[str, Any] | str | bytes) -> Candidate:
    """Return what a lone vCon becomes, which must be a recording."""
    put(root, content)
    item = only(root)
    assert isinstance(item, Candidate), item
    return item


def refusal(root: Path, content: Mapping[str, Any] | str | bytes) -> Refusal:
    put(root, content)
    item = only(root)
    assert isinstance(item, Refusal), item
    return item


def row(root: Path, content: Mapping[str, Any] | str | bytes) -> Row:
    put(root, content)
    item = only(root)
    assert isinstance(item, Row), item
    return item


def sound_of(found: Candidate) -> bytes:
    with found.open() as stream:
        content = b"".join(iter(lambda: stream.read(1 << 16), b""))
    assert found.size in {None, len(content)}
    return content
