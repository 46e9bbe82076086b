"""Fetches audio by https, for whoever allowed it, from nowhere but public addresses.

What is in a vCon was written by others, so an address in it must not reach what this machine
reaches inside: a name is looked up once, every address that it has must be a public one, and the
connection is made to one of those. That holds for each redirection too.
"""

from __future__ import annotations

import http.client
import os
import ssl
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from tempfile import TemporaryFile
from typing import BinaryIO, Final
from urllib.parse import SplitResult, urljoin

from callreel import outside
from callreel.errors import BadRecording, StorageFull
from callreel.importers.streams import PIECE, checked
from callreel.outside import Address, Line, is_public

MOST_BYTES: Final = 1 << 30
STILL_SECONDS: Final = 30
MOST_SECONDS: Final = 600
MOST_REDIRECTIONS: Final = 3
KEPT: Final = 3
_SCHEMES: Final = frozenset({"https"})
_HEADERS: Final = {"Accept-Encoding": "identity", "User-Agent": "callreel"}
_REDIRECTIONS: Final = frozenset({301, 302, 303, 307, 308})
_AWAY: Final = "The server of the audio cannot be reached, or did not answer rightly."


class Fetcher:
    """Fetches audio into temporary files without a name.

    Taking in opens audio twice, to tell it and to keep it; the last few are kept for that.
    """

    def __init__(
        self, may_reach: Callable[[Address], bool] = is_public, most_bytes: int = MOST_BYTES
    ) -> None:
        """Make a fetcher.

        Args:
            may_reach: Which addresses it may connect to.
            most_bytes: How large audio may be.
        """
        self._may_reach = may_reach
        self._most_bytes = most_bytes
        self._context = ssl.create_default_context()
        self._kept: OrderedDict[str, BinaryIO] = OrderedDict()
        self._lock = threading.Lock()
        weakref.finalize(self, _close_all, self._kept)

    def open(self, url: str, expected: Mapping[str, bytes]) -> BinaryIO:
        """Open the audio at an address, having compared its digests.

        Raises:
            BadRecording: it cannot be had, is too large, or is not the one that is expected.
            StorageFull: there is no room for temporary files.
        """
        with self._lock:
            kept = self._kept.pop(url, None)
        if kept is not None:
            return kept  # nobody has read in it yet
        file = self._fetched(url, expected)
        try:
            with _room():
                opened = _again(file)
        except StorageFull:
            file.close()
            raise
        self._keep(url, file)
        return opened

    def _keep(self, url: str, file: BinaryIO) -> None:
        with self._lock:
            surplus = [self._kept.pop(url)] if url in self._kept else []
            self._kept[url] = file
            if len(self._kept) > KEPT:
                surplus.append(self._kept.popitem(last=False)[1])
        for each in surplus:
            each.close()

    def _fetched(self, url: str, expected: Mapping[str, bytes]) -> BinaryIO:
        with _room():
            file: BinaryIO = TemporaryFile(prefix="callreel-")  # noqa: SIM115 - it outlives this
        try:
            with self._answer(url) as answer, checked(answer, expected) as stream:
                _copy(stream, file, self._most_bytes)
            file.seek(0)
        except BaseException:
            file.close()
            raise
        return file

    @contextmanager
    def _answer(self, url: str) -> Iterator[http.client.HTTPResponse]:
        for _ in range(MOST_REDIRECTIONS + 1):
            with self._answer_at(url) as answer:
                if answer.status not in _REDIRECTIONS:
                    yield _sound(answer)
                    return
                url = urljoin(url, answer.headers.get("location", ""))
        raise BadRecording("The server of the audio leads from one address to the next.")

    @contextmanager
    def _answer_at(self, url: str) -> Iterator[http.client.HTTPResponse]:
        parts = parts_of(url)
        line = Line(parts, self._addresses(parts), STILL_SECONDS, self._context)
        try:
            with line.within(MOST_SECONDS), _asked(line) as answer:
                yield answer
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise BadRecording(_AWAY) from error

    def _addresses(self, parts: SplitResult) -> list[str]:
        try:
            return outside.addresses_of(parts, self._may_reach)
        except PermissionError as error:
            raise BadRecording("The address of the audio leads into a private network.") from error
        except OSError as error:
            raise BadRecording("The server of the audio has no address.") from error


def parts_of(url: str) -> SplitResult:
    """Return the parts of an address that may be fetched.

    Raises:
        BadRecording: it is none of https, or names a user.
    """
    try:
        return outside.parts_of(url, _SCHEMES)
    except ValueError as error:
        raise BadRecording(f"The address of the audio {error}.") from error


def _asked(line: Line) -> http.client.HTTPResponse:
    line.request("GET", line.target, headers=_HEADERS)
    return line.getresponse()


def _sound(answer: http.client.HTTPResponse) -> http.client.HTTPResponse:
    if answer.status != 200:
        raise BadRecording(f"The server of the audio answered {answer.status}.")
    if answer.headers.get("content-encoding", "identity") != "identity":
        raise BadRecording("The server of the audio packed it, which was not asked for.")
    return answer


def _copy(stream: BinaryIO, file: BinaryIO, most: int) -> None:
    size = 0
    while piece := stream.read(PIECE):
        size += len(piece)
        if size > most:
            raise BadRecording(f"The audio is larger than {most} bytes.")
        with _room():
            file.write(piece)
    with _room():
        file.flush()


@contextmanager
def _room() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageFull("There is no room for temporary files.") from error


def _again(file: BinaryIO) -> BinaryIO:
    """Open a file without a name once more, with a place of reading of its own."""
    return os.fdopen(os.open(f"/proc/self/fd/{file.fileno()}", os.O_RDONLY), "rb", buffering=0)


def _close_all(kept: Mapping[str, BinaryIO]) -> None:
    for file in kept.values():
        file.close()
