"""Where a channel's recordings were written, as its variables tell it.

There is no one variable for it. They are tried in the order that FusionPBX tries them: what its
dialplan sets, the queue's, the last application, the phone's own, commands on answer, and the
conference's; then what the application log has of `record_session`. None of these paths is ever
opened: their ends are looked for among the files that are there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from callreel.importers.audio_file import names_audio
from callreel.importers.freeswitch.record import Record

Path = tuple[str, ...]
"""The folders, then the name."""

_RECORD: Final = "record_session"
_ON_ANSWER: Final = re.compile(r"record_session(?:::|\s+)(.+)", re.DOTALL)
_COMMAND: Final = re.compile(r"uuid_record\s+\S+\s+start\s+([^\s'\",\]]+)")
_TIME_LIMIT: Final = re.compile(r"\s+\+\s*[0-9]+\s*\Z")  # record_session takes one behind the path
_OPTIONS: Final = re.compile(r"\A(?:\s*\{[^}]*\})+")  # as in {append=true}/path
_EXTENSION: Final = "wav"


def paths_of(record: Record, uuid: str) -> tuple[Path, ...]:
    """Return each path once, the surest first.

    Raises:
        ValueError: one of them leads upwards; the message is for the user.
    """
    return tuple(dict.fromkeys(path for text in _told(record, uuid) if (path := _path(text))))


def _told(record: Record, uuid: str) -> Iterator[str]:
    variables = record.variables
    folder, name = variables.get("record_path", ""), variables.get("record_name", "")
    if name:
        yield f"{folder}/{name}"
    elif names_audio(folder):  # many dialplans put the whole path there
        yield folder
    elif folder:
        yield f"{folder}/{uuid}.{variables.get('record_ext') or _EXTENSION}"
    yield variables.get("cc_record_filename", "")
    if variables.get("last_app") == _RECORD:
        yield variables.get("last_arg", "")
    yield variables.get("sofia_record_file", "")
    yield from _COMMAND.findall(variables.get("api_on_answer", ""))
    yield from _ON_ANSWER.findall(variables.get("execute_on_answer", ""))
    yield variables.get("conference_recording", "")
    if variables.get("current_application") == _RECORD:
        yield variables.get("current_application_data", "")
    yield from _COMMAND.findall(variables.get("current_application_data", ""))
    for application, argument in record.ran:
        if application == _RECORD:
            yield argument


def _path(text: str) -> Path:
    plain = _TIME_LIMIT.sub("", _OPTIONS.sub("", text)).strip()
    parts = tuple(part for part in re.split(r"[/\\]+", plain) if part not in {"", "."})
    if ".." in parts:
        raise ValueError("The path of its recording leads upwards, so it is not looked for.")
    return parts
