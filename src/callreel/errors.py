"""What can go wrong, in the archive's own words; nothing here knows HTTP.

Each message is one sentence that a user may read: it says what is wrong and, where there is
something to do, what. It never holds a key, a whole telephone number or a path of the machine.
"""

from __future__ import annotations


class CallreelError(Exception):
    """The parent of every error that is an answer, not a bug.

    Attributes:
        message: One sentence for the user.
        field: The parameter or field that is at fault, in the words of the request.
    """

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field


class BadParameter(CallreelError):
    """A parameter of a question is unknown, ill-formed or above a limit."""


class NotAuthenticated(CallreelError):
    """No key, or one that is unknown, expired or revoked."""


class NotAllowed(CallreelError):
    """The key lacks the scope."""


class NotFound(CallreelError):
    """There is no such thing within the reach of the key; whether elsewhere is not said."""


class Conflict(CallreelError):
    """The id is taken by something else."""


class TooSlow(CallreelError):
    """A body came so slowly that it was not waited for."""


class TooLarge(CallreelError):
    """A body or a part of it is above its limit."""


class UnsupportedMedia(CallreelError):
    """The content type, or the kind of audio, is not one that the archive takes."""


class RangeNotSatisfiable(CallreelError):
    """The range lies outside of the file.

    Attributes:
        size: The file's length in bytes.
    """

    def __init__(self, size: int) -> None:
        super().__init__(f"The range lies outside of the {size} bytes of the file.")
        self.size = size


class BadRecording(CallreelError):
    """A recording that was handed in cannot be taken in: a field or the audio is at fault."""


class TooManyRequests(CallreelError):
    """The key asked more often than it may.

    Attributes:
        retry_after: Seconds after which to ask again.
    """

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unavailable(CallreelError):
    """The archive cannot answer just now: a store is away, busy or too slow. Asking again helps.

    Attributes:
        retry_after: Seconds after which to ask again.
    """

    def __init__(self, message: str, *, retry_after: int = 1) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class AudioDamaged(Unavailable):
    """The audio of a recording is missing, or not as long as it was, until somebody puts it back.

    Attributes:
        tenant: The number of whose it is.
        recording: The recording's id.
    """

    def __init__(self, message: str, *, tenant: int, recording: str) -> None:
        super().__init__(message, retry_after=3_600)
        self.tenant = tenant
        self.recording = recording


class StorageFull(CallreelError):
    """There is no room for what was handed in. Reading goes on."""


class Misconfigured(CallreelError):
    """A setting, a data folder or a command's argument is wrong; for the operator, not for HTTP."""
