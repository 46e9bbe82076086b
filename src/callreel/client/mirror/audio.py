"""Audio of a service as a stream that is read once: it goes on where a connection broke."""

from __future__ import annotations

import hashlib
import io
import re
import threading
import time
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Final

from urllib3.response import BaseHTTPResponse

from callreel.client.download import CHUNK, Source
from callreel.client.errors import (
    ApiError,
    BadAnswerError,
    ClientError,
    NoAnswerError,
)
from callreel.client.transport import Transport
from callreel.errors import BadRecording, CallreelError, Unavailable
from callreel.importers.items import printable

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

LONGEST_FETCH: Final = 3_600  # seconds
MOST_FAILURES: Final = 5
_GONE: Final = frozenset({404, 410})
_FIRST_BYTE: Final = re.compile(r"bytes (\d+)-")


class Library:
    """Opens the audio of an account.

    Where audio after audio cannot be had, it is the service that fails and not the recordings.

    Args:
        transport: Asks the service.
        most_bytes: Of audio that is longer, nothing is taken.
    """

    def __init__(self, transport: Transport, most_bytes: int) -> None:
        self._transport = transport
        self._most_bytes = most_bytes
        self._failures = 0
        self._lock = threading.Lock()

    def open(self, source: Source) -> io.BufferedReader:
        """Return the audio as a file that is read from its beginning to its end.

        Reading raises BadRecording where the audio cannot be had, or is not what the service says
        of it, and Unavailable where the service fails.
        """
        return io.BufferedReader(_Stream(self, self._chunks(source)), CHUNK)

    def settle(self, error: ClientError | None) -> CallreelError | None:
        """Note how a fetch ended, and return the error that it is to the archive."""
        is_ours = isinstance(error, BadAnswerError) or (
            isinstance(error, ApiError) and error.status in _GONE
        )
        with self._lock:
            self._failures = 0 if error is None or is_ours else self._failures + 1
            is_away = self._failures >= MOST_FAILURES
        if error is None:
            return None
        if isinstance(error, ApiError) and is_ours:
            return BadRecording("The service has no audio at the address of this recording.")
        says = printable(error.message)[:200]
        if is_away:
            return Unavailable(f"The service gives no audio: {says}")
        return BadRecording(f"The audio could not be fetched: {says}")

    def _chunks(self, source: Source) -> Generator[bytes]:
        if (source.size or 0) > self._most_bytes:
            raise self._too_long()
        fetch = _Fetch(self._transport, source, time.monotonic() + LONGEST_FETCH)
        for chunk in fetch.chunks():
            if fetch.have > self._most_bytes:
                raise self._too_long()
            yield chunk
        fetch.check()

    def _too_long(self) -> BadRecording:
        return BadRecording(
            f"The audio has more than {self._most_bytes:,} bytes; CALLREEL_MAX_UPLOAD_BYTES "
            "allows more."
        )


class _Stream(io.RawIOBase):
    """Chunks as a file."""

    def __init__(self, library: Library, chunks: Generator[bytes]) -> None:
        self._library = library
        self._chunks = chunks
        self._rest = b""

    def close(self) -> None:
        self._chunks.close()
        super().close()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        if not self._rest:
            self._rest = self._next()
        taken = self._rest[: len(view)]
        self._rest = self._rest[len(taken) :]
        view[: len(taken)] = taken
        return len(taken)

    def _next(self) -> bytes:
        try:
            chunk = next(self._chunks, b"")
        except ClientError as error:
            raise self._library.settle(error) or error from error
        if not chunk:
            self._library.settle(None)
        return chunk


class _Fetch:
    """A fetch that may take several requests.

    Attributes:
        have: Bytes so far.
    """

    def __init__(self, transport: Transport, source: Source, until: float) -> None:
        self.have = 0
        self._transport = transport
        self._source = source
        self._until = until
        self._hash = hashlib.sha256()
        self._tag: str | None = None

    def chunks(self) -> Iterator[bytes]:
        """Yield the audio; each connection goes on where the last one broke.

        Raises:
            ClientError: it cannot be had.
            BadRecording: it takes too long, or is not the same any more.
        """
        failed, before = 0, -1
        while before < self.have:
            before = self.have
            try:
                yield from self._some()
            except (NoAnswerError, ApiError) as error:
                if self.have and isinstance(error, ApiError) and error.status == 416:
                    return
                failed = 0 if self.have > before else failed
                self._transport.bear(error, failed)
                failed, before = failed + 1, -1
                continue
            if self.have >= (self._source.size or 0):
                return

    def check(self) -> None:
        """Raise BadRecording where the audio is not what the service says of it."""
        size, sha256 = self._source.size, self._source.sha256
        if size is not None and self.have != size:
            raise BadRecording("The audio is not as long as the service says.")
        if sha256 is not None and self._hash.hexdigest() != sha256:
            raise BadRecording("The audio's digest is not the one that the service says.")

    def _some(self) -> Iterator[bytes]:
        """Yield what one connection gives."""
        with self._transport.stream(self._source.url, self._headers()) as answer:
            self._skip(answer)
            self._tag = answer.headers.get("ETag")
            while chunk := self._read(answer, CHUNK):
                self.have += len(chunk)
                self._hash.update(chunk)
                yield chunk

    def _headers(self) -> dict[str, str]:
        headers = {"Accept-Encoding": "identity"}
        if self.have:
            headers["Range"] = f"bytes={self.have}-"
        if self.have and self._tag and not self._tag.startswith("W/"):
            headers["If-Range"] = self._tag
        return headers

    def _skip(self, answer: BaseHTTPResponse) -> None:
        """Read up to where the last connection broke; a service may know no ranges."""
        if answer.headers.get("Content-Encoding", "identity") != "identity":
            raise BadAnswerError("The service sends the audio packed, though asked not to.")
        if answer.status == 206:
            first = _FIRST_BYTE.match(answer.headers.get("Content-Range", ""))
            if first is None or int(first[1]) != self.have:
                raise BadAnswerError("The service sends another part of the audio than was asked.")
            return
        skipped, left = hashlib.sha256(), self.have
        while left:
            chunk = self._read(answer, min(left, CHUNK))
            if not chunk:
                raise NoAnswerError("The audio breaks off before its end.")
            skipped.update(chunk)
            left -= len(chunk)
        if self.have and skipped.digest() != self._hash.digest():
            raise BadRecording("The audio changed while it was fetched.")

    def _read(self, answer: BaseHTTPResponse, most: int) -> bytes:
        if time.monotonic() > self._until:
            raise BadRecording(f"The audio takes more than {LONGEST_FETCH:,} seconds to fetch.")
        return answer.read1(most, decode_content=False)
