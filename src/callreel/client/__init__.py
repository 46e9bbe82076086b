"""A client of `GET /cdr_dialog_recording`: of Callreel, and of the original endpoint.

from callreel.client import Callreel

with Callreel("https://calls.example.org", key) as calls:
    for recording in calls.recordings(number="+48 22 123 45 67"):
        print(recording.started, recording.talking_time)
"""

from callreel.client.callreel import Callreel
from callreel.client.errors import (
    ApiError,
    BadAnswerError,
    BadRecordingError,
    BadRequestError,
    BusyError,
    ClientError,
    ConflictError,
    DamagedAudioError,
    KeyRefusedError,
    NoAnswerError,
    NotAllowedError,
    NotFoundError,
)
from callreel.client.filters import CallFilters, Filters
from callreel.client.recording import Recording

__all__ = [
    "ApiError",
    "BadAnswerError",
    "BadRecordingError",
    "BadRequestError",
    "BusyError",
    "CallFilters",
    "Callreel",
    "ClientError",
    "ConflictError",
    "DamagedAudioError",
    "Filters",
    "KeyRefusedError",
    "NoAnswerError",
    "NotAllowedError",
    "NotFoundError",
    "Recording",
]
