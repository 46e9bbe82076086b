"""Connections to addresses that others named: to nowhere but the public network.

A name is looked up once, every address that it has must be one that may be reached, and the
connection is made to one of those, whatever the name leads to by then.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final
from urllib.parse import SplitResult, urlsplit

LONGEST_URL: Final = 4096
_TRANSLATED: Final = ip_network("64:ff9b::/96")  # IPv4 behind NAT64
_MOST_ADDRESSES: Final = 3
_UNFIT: Final = "must be an address with a host and without a user"
_PORTS: Final = {"https": 443, "http": 80}

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


def parts_of(url: str, schemes: frozenset[str]) -> SplitResult:
    """Return the parts of an address that can be asked.

    Raises:
        ValueError: it is none, has another scheme, or names a user.
    """
    try:
        parts = urlsplit(url)
        is_fit = parts.port != 0 and bool(parts.hostname) and len(url) <= LONGEST_URL
    except ValueError as error:
        raise ValueError(_UNFIT) from error
    if parts.scheme not in schemes:
        raise ValueError(f"must begin with {' or '.join(sorted(schemes))}://")
    if not is_fit or "@" in parts.netloc or not _is_plain(url):
        raise ValueError(_UNFIT)
    return parts


def _is_plain(url: str) -> bool:
    return url.isascii() and url.isprintable() and " " not in url


def addresses_of(parts: SplitResult, may_reach: Callable[[Address], bool]) -> list[str]:
    """Return where a host is.

    Raises:
        OSError: it has no address.
        PermissionError: it has one that may not be reached.
    """
    port = parts.port or _PORTS[parts.scheme]
    try:
        found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise OSError("the host has no address") from error
    addresses = [str(each[4][0]) for each in found]
    if not addresses or not all(may_reach(ip_address(each)) for each in addresses):
        raise PermissionError("the host is in a private network")
    return addresses


class Line(http.client.HTTPConnection):
    """A connection to addresses that were looked at.

    Attributes:
        target: What of the address is asked for: its path and query.
        is_cut: Whether somebody has cut it.

    Args:
        parts: The address that is asked.
        addresses: Where its host is.
        seconds: How long to wait for each byte.
        context: How TLS is spoken, for https.
    """

    def __init__(
        self,
        parts: SplitResult,
        addresses: list[str],
        seconds: float,
        context: ssl.SSLContext,
    ) -> None:
        port = parts.port or _PORTS[parts.scheme]
        super().__init__(parts.hostname or "", port, timeout=seconds)
        self.is_cut = False
        self.target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._addresses = addresses[:_MOST_ADDRESSES]
        self._wire: socket.socket | None = None  # a second handle: an answer may take the first
        self._seconds = seconds
        self._context = context if parts.scheme == "https" else None
        if self._context is not None:
            self.default_port = _PORTS["https"]  # else the header Host would name the port

    def connect(self) -> None:
        """Connect to the first address that answers."""
        for address in self._addresses[:-1]:
            with suppress(OSError):
                self.sock = self._connected(address)
                return
        self.sock = self._connected(self._addresses[-1])

    def cut(self) -> None:
        """End whatever the connection waits for; another thread may call this."""
        self.is_cut = True
        with suppress(OSError):
            if self._wire is not None:
                self._wire.shutdown(socket.SHUT_RDWR)

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Cut the connection when what is done with it takes longer, and end it in any case."""
        watch = threading.Timer(seconds, self.cut)
        watch.daemon = True
        watch.start()
        try:
            yield
        finally:
            watch.cancel()
            self.end()

    def end(self) -> None:
        """Close the connection and all that belongs to it."""
        self.close()
        if self._wire is not None:
            self._wire.close()

    def _connected(self, address: str) -> socket.socket:
        plain = socket.create_connection((address, self.port), self._seconds)
        try:
            if self._wire is not None:
                self._wire.close()
            self._wire = plain.dup()
            if self._context is None:
                return plain
            return self._context.wrap_socket(plain, server_hostname=self.host)
        except BaseException:
            plain.close()
            raise
