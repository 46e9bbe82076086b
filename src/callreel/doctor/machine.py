"""The machine: its clock, its limits, and the child processes that read audio."""

from __future__ import annotations

import resource
import struct
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from callreel.audio import Format, SoundWorker
from callreel.audio.worker import ChildSoundWorker
from callreel.doctor import Diagnosis, bad, ok, warning
from callreel.errors import CallreelError
from callreel.settings import MIB, Settings
from callreel.wiring import files_wanted, most_connections

MADE_IN: Final = 2026
"""No clock that is right shows an earlier year."""
LAST_YEAR: Final = 2100
LEEWAY_SECONDS: Final = 300
LITTLE_MEMORY: Final = 512 * MIB
CHILD_MEMORY: Final = 2048 * MIB
_MEMORY: Final = Path("/proc/meminfo")
_SILENCE: Final = bytes(16_000)
"""A second of 16-bit samples at 8 kHz."""


def look_at_clock(now: float, written_at: float) -> Diagnosis:
    """Look at the clock.

    Args:
        now: What it shows, in seconds UTC.
        written_at: When the database was last written to, or 0 where there is none.
    """
    told = f"{datetime.fromtimestamp(now, UTC):%Y-%m-%d %H:%M:%S} UTC"
    if not MADE_IN <= datetime.fromtimestamp(now, UTC).year < LAST_YEAR:
        return bad("clock", f"It shows {told}, which cannot be; set it, and let NTP keep it.")
    if written_at > now + LEEWAY_SECONDS:
        return warning(
            "clock",
            f"It shows {told}, and the database was written to later than that: it was set back, "
            "or was wrong then; let NTP keep it.",
        )
    return ok("clock", f"It shows {told}.")


def look_at_limits(settings: Settings) -> Iterator[Diagnosis]:
    """Look at how much this process, and so one like it, may have."""
    yield _files(settings)
    yield _memory()


def _files(settings: Settings) -> Diagnosis:
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]  # which a server takes, see `serving`
    if files == resource.RLIM_INFINITY:
        return ok("open files", "A process may open any number.")
    room = most_connections(settings, files)
    if room < settings.max_connections:
        return warning(
            "open files",
            f"A process may open {files:,}, so a server takes {room:,} connections at once and not "
            f"{settings.max_connections:,}; allow {files_wanted(settings)} or more, such as by "
            "LimitNOFILE, or lower CALLREEL_MAX_CONNECTIONS.",
        )
    return ok("open files", f"A process may open {files:,}.")


def _memory() -> Diagnosis:
    most = resource.getrlimit(resource.RLIMIT_AS)[0]
    if most != resource.RLIM_INFINITY and most < CHILD_MEMORY:
        return warning(
            "memory",
            f"A process may address {most // MIB:,} MiB, and reading audio may take 1,024 MiB; "
            "allow more, such as by LimitAS.",
        )
    free = _available()
    if free is None:
        return ok("memory", "How much is free cannot be told.")
    if free < LITTLE_MEMORY:
        return warning("memory", f"Only {free // MIB:,} MiB are available; give it more.")
    return ok("memory", f"{free // MIB:,} MiB are available.")


def _available() -> int | None:
    try:
        for line in _MEMORY.read_text("ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        return None
    return None


async def look_at_sound(sound: SoundWorker) -> Diagnosis:
    """Measure a second of silence and convert it to every format, in child processes."""
    formats = ", ".join(each.value for each in Format)
    try:
        with tempfile.TemporaryDirectory() as made:
            source = Path(made) / "silence"
            source.write_bytes(_wave(_SILENCE))
            await sound.inspect(source)
            for each in Format:
                await sound.convert(source, Path(made) / f"made.{each.value}", each)
    except (CallreelError, OSError) as error:
        why = error.message if isinstance(error, CallreelError) else str(error.strerror)
        return bad("audio", f"Audio cannot be read or converted, so none is taken in: {why}")
    return ok("audio", f"It can be measured and converted to {formats}.")


async def look_at_child(sound: ChildSoundWorker) -> Diagnosis:
    """Ask a child process that reads audio whether the kernel holds it back."""
    try:
        is_held = await sound.is_held()
    except CallreelError as error:
        return bad("audio child", f"None can be started, so no audio is read: {error.message}")
    if is_held:
        return ok(
            "audio child",
            "The kernel refuses it connections, programs, and changes to other files.",
        )
    return warning(
        "audio child",
        "The kernel does not hold it back, so audio that took it over could open connections and "
        "change files; use x86-64 or 64-bit ARM, and a kernel and container that allow seccomp.",
    )


def _wave(samples: bytes) -> bytes:
    """Return a WAV file of 16-bit samples, one channel, 8 kHz."""
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, 8000, 16000, 2, 16)
    data = struct.pack("<4sI", b"data", len(samples)) + samples
    return struct.pack("<4sI4s", b"RIFF", 4 + len(form) + len(data), b"WAVE") + form + data
