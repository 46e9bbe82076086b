"""The child process that touches audio: `python -m callreel.audio.child LIMITS PARENT`.

It reads a job a line from its standard input, which is a socket, and answers there with a
line each. What it may use is given as JSON; it binds itself to that before the first job.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from callreel.audio import Format, syscalls
from callreel.audio.convert import convert
from callreel.audio.limits import Limits, allow_processor_time, confine
from callreel.audio.probe import inspect
from callreel.errors import BadRecording, CallreelError, Unavailable

Job = dict[str, str]
Answer = dict[str, Any]


def main(limits: Limits, parent: int) -> None:
    """Answer jobs until there are no more.

    Args:
        limits: What this process may use.
        parent: The process that it must not outlive.
    """
    is_held = confine(limits, parent)
    when_open = (lambda: True) if limits.targets_stay else syscalls.forbid_writing
    with open(0, "rb", closefd=False) as jobs, open(0, "wb", closefd=False) as answers:
        _send(answers, {"is_held": is_held})
        for line in jobs:
            allow_processor_time(limits.cpu_seconds)
            _send(answers, answer_to(msgspec.json.decode(line), when_open))


def answer_to(job: Job, when_open: Callable[[], object] = lambda: None) -> Answer:
    """Do a job and return its answer; what goes wrong is one too, by the error's name.

    Args:
        job: What to do.
        when_open: Called when all that the job may write is open, before it reads anything.
    """
    try:
        return _done(job, when_open)
    except CallreelError as error:
        return {"error": type(error).__name__, "message": error.message}
    except MemoryError:
        refusal: CallreelError = Unavailable("The audio takes more memory than it may.")
    except OSError:  # the disk's fault, not the audio's: the same may well be read later
        refusal = Unavailable("The audio cannot be read just now; tell the operator.")
    except Exception:  # noqa: BLE001 - the edge of the process: what breaks the reader is broken
        refusal = BadRecording("The audio is damaged: it cannot be read.")
    return {"error": type(refusal).__name__, "message": refusal.message}


def _done(job: Job, when_open: Callable[[], object]) -> Answer:
    path = Path(job["path"])
    if "target" in job:
        convert(path, Path(job["target"]), Format(job["to"]), when_open)
        return {}
    found = inspect(path)
    return {
        "mime_type": found.mime_type,
        "channels": found.channels,
        "duration_ms": found.duration_ms,
        "peaks": found.peaks.decode(),
    }


def _send(answers: BinaryIO, answer: Answer) -> None:
    answers.write(msgspec.json.encode(answer) + b"\n")
    answers.flush()


if __name__ == "__main__":
    main(msgspec.json.decode(sys.argv[1], type=Limits), int(sys.argv[2]))
