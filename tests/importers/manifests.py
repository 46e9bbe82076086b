"""Makes manifests and the audio that they tell of."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from callreel.importers.items import Item
from callreel.importers.manifest.importer import Manifest
from callreel.importers.source import Source
from importers.monitor import LONG_AGO, wav

STARTED_AT = 1_772_438_405
SOUND = wav(1500)


def line(audio: str | None = "a.wav", **fields: Any) -> dict[str, Any]:
    """Return a line with what it must have, and more; a field of None is left out."""
    whole = {
        "dialog_id": "1772438405.10",
        "direction": "INBOUND",
        "started_at": "2026-03-02T09:00:05+01:00",
        "audio": audio,
    }
    return {name: value for name, value in (whole | fields).items() if value is not None}


def put(root: Path, name: str, content: bytes = SOUND, *, age: float | None = None) -> Path:
    """Write a file that has long been finished."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    written = LONG_AGO if age is None else time.time() - age
    os.utime(path, (written, written))
    return path


def put_lines(
    root: Path, *lines: dict[str, Any] | str, name: str = "manifest.jsonl", age: float | None = None
) -> Path:
    texts = [each if isinstance(each, str) else json.dumps(each) for each in lines]
    return put(root, name, "".join(f"{text}\n" for text in texts).encode(), age=age)


def items(root: Path, records: Path | None = None, *, settle: int = 10) -> list[Item]:
    source = Source(
        root=root, records=None if records is None else str(records), settle=settle
    )  # fmt: skip
    return list(Manifest(source).items())
