"""Fetches audio by https, for whoever allowed it, from nowhere but public addresses.

What is in a vCon was written by others, so an address in it must not reach what this machine
reaches inside: a name is looked up once, every address that it has must be a public one, and the
connection is made to one of those. That holds for each redirection too.
"""

from __future__ import annotations

import http.client
import os
import socket
import ssl
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from tempfile import TemporaryFile
from typing import BinaryIO, Final
from urllib.parse import SplitResult, urljoin, urlsplit

from callreel.errors import BadRecording, StorageFull
from callreel.importers.streams import PIECE, checked

MOST_BYTES: Final = 1 << 30
STILL_SECONDS: Final = 30
MOST_SECONDS: Final = 600
MOST_REDIRECTIONS: Final = 3
KEPT: Final = 3
_LONGEST_URL: Final = 4096
_REDIRECTIONS: Final = frozenset({301, 302, 303, 307, 308})
_TRANSLATED: Final = ip_network("64:ff9b::/96")  # IPv4 behind NAT64
_AWAY: Final = "The server of the audio cannot be reached, or did not answer rightly."

Address = IPv4Address | IPv6Address


def is_public(address: Address) -> bool:
    """Say whether an address is one of the public network, whichever way it is written."""
    if isinstance(address, IPv6Address):
        within = address.ipv4_mapped or address.sixtofour
        if within is None and address in _TRANSLATED:
            within = IPv4Address(int(address) & 0xFFFF_FFFF)
        if within is not None:
            return is_public(within)
    return address.is_global and not address.is_multicast


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
            parts = parts_of(url)
            connection = _Pinned(parts, self._addresses(parts), self._context)
            watch = threading.Timer(MOST_SECONDS, connection.cut)
            watch.daemon = True
            watch.start()
            try:
                with connection.ask() as answer:
                    if answer.status not in _REDIRECTIONS:
                        yield _sound(answer)
                        return
                    url = urljoin(url, answer.headers.get("location", ""))
            except (OSError, http.client.HTTPException, ValueError) as error:
                raise BadRecording(_AWAY) from error
            finally:
                watch.cancel()
                connection.end()
        raise BadRecording("The server of the audio leads from one address to the next.")

    def _addresses(self, parts: SplitResult) -> list[str]:
        try:
            found = socket.getaddrinfo(parts.hostname, parts.port or 443, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise BadRecording("The server of the audio has no address.") from error
        addresses = [str(each[4][0]) for each in found]
        if not addresses or not all(self._may_reach(ip_address(each)) for each in addresses):
            raise BadRecording("The address of the audio leads into a private network.")
        return addresses


class _Pinned(http.client.HTTPSConnection):
    """A connection to the addresses that were looked at, whatever the name leads to by now."""

    def __init__(self, parts: SplitResult, addresses: list[str], context: ssl.SSLContext) -> None:
        super().__init__(parts.hostname or "", parts.port or 443, timeout=STILL_SECONDS)
        self._parts = parts
        self._addresses = addresses
        self._tls = context
        self._line: socket.socket | None = None  # a second handle: an answer may take the first

    def connect(self) -> None:
        """Connect to the first address that answers."""
        for address in self._addresses[:-1]:
            with suppress(OSError):
                self.sock = self._connected(address)
                return
        self.sock = self._connected(self._addresses[-1])

    def ask(self) -> http.client.HTTPResponse:
        """Ask for the address and return the answer."""
        path = self._parts.path or "/"
        query = f"?{self._parts.query}" if self._parts.query else ""
        headers = {"Accept-Encoding": "identity", "User-Agent": "callreel"}
        self.request("GET", path + query, headers=headers)
        return self.getresponse()

    def cut(self) -> None:
        """End whatever the connection waits for."""
        line = self._line
        with suppress(OSError):
            if line is not None:
                line.shutdown(socket.SHUT_RDWR)

    def end(self) -> None:
        """Close the connection."""
        self.close()
        if self._line is not None:
            self._line.close()

    def _connected(self, address: str) -> ssl.SSLSocket:
        plain = socket.create_connection((address, self.port), STILL_SECONDS)
        try:
            if self._line is not None:
                self._line.close()
            self._line = plain.dup()
            return self._tls.wrap_socket(plain, server_hostname=self.host)
        except BaseException:
            plain.close()
            raise


def parts_of(url: str) -> SplitResult:
    """Return the parts of an address that may be fetched.

    Raises:
        BadRecording: it is none of https, or names a user.
    """
    try:
        parts = urlsplit(url)
        is_fit = parts.port != 0 and bool(parts.hostname) and len(url) <= _LONGEST_URL
    except ValueError as error:
        raise BadRecording("The address of the audio is none.") from error
    if parts.scheme != "https":
        raise BadRecording("The address of the audio is not one of https.")
    if not is_fit or "@" in parts.netloc or not url.isascii() or not url.isprintable():
        raise BadRecording("The address of the audio is none that can be fetched.")
    return parts


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
