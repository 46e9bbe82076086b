"""Makes folders such as FreePBX leaves behind, with audio that sounds."""

from __future__ import annotations

import io
import os
import time
import wave
from collections.abc import Iterable
from pathlib import Path
from zoneinfo import ZoneInfo

from callreel.importers.items import Item, Refusal
from callreel.importers.source import Source

WARSAW = ZoneInfo("Europe/Warsaw")
SAMPLES = Path(__file__).parent / "samples" / "freepbx"
LONG_AGO = time.time() - 86_400


def wav(milliseconds: int = 500, *, tone: int = 0) -> bytes:
    """Return a short sound; each tone gives other bytes."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        frames = milliseconds * 8
        file.writeframes(
            b"".join(((i * (tone + 1)) % 251 * 64).to_bytes(2, "little") for i in range(frames))
        )
    return out.getvalue()


def put(
    root: Path, name: str | bytes, content: bytes | None = None, *, day: str = "2026/03/02"
) -> Path:
    """Write a file that has long been finished into the folder of its day."""
    folder = root / day
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / os.fsdecode(name)
    path.write_bytes(wav() if content is None else content)
    os.utime(path, (LONG_AGO, LONG_AGO))
    return path


def source(root: Path, records: Path | None = None, *, settle: int = 10) -> Source:
    return Source(
        root=root, records=None if records is None else str(records), zone=WARSAW, settle=settle
    )


def refusals(items: Iterable[Item]) -> dict[str, Refusal]:
    return {item.where: item for item in items if isinstance(item, Refusal)}
