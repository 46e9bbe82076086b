"""Which proxies are believed when they say who reached them, and how."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from starlette.types import Scope

from callreel.api.heads import heads

FORWARDED_SCHEMES = {b"http": "http", b"https": "https"}
HOST_BITS = 64  # of an IPv6 address, which one client may choose as it likes


class Proxies:
    """The proxies that are believed.

    Args:
        trusted: Addresses and networks, divided by commas; empty for none.

    Raises:
        ValueError: one of them is no address and no network.
    """

    def __init__(self, trusted: str) -> None:
        given = [each.strip() for each in trusted.split(",") if each.strip()]
        self._networks = [ip_network(each, strict=False) for each in given]
        self._trusts = lru_cache(maxsize=256)(self._judge)

    def scheme(self, scope: Scope) -> str:
        """Return `http` or `https`: how the client reached us, or the proxy before us."""
        said = heads(scope).get(b"x-forwarded-proto")
        client = scope.get("client")
        if said is not None and client and self._trusts(client[0]):
            return FORWARDED_SCHEMES.get(said.strip().lower(), str(scope["scheme"]))
        return str(scope["scheme"])

    def client(self, scope: Scope) -> str:
        """Return where the client is, as far as it can be told: the network, where it is IPv6.

        Of the addresses that proxies passed on it is the last one that is no believed proxy's: what
        stands before it, anybody may have written.
        """
        client = scope.get("client")
        at = str(client[0]) if client else ""
        said = heads(scope).get(b"x-forwarded-for")
        if said is not None and at and self._trusts(at):
            passed_on = [each.strip() for each in said.decode("latin-1").split(",")]
            at = next((each for each in reversed(passed_on) if not self._trusts(each)), at)
        return network_of(at)

    def _judge(self, address: str) -> bool:
        try:
            ways = (ip_address(address), _address(address))  # a setting may name either
        except ValueError:  # a socket in the file system has no address
            return False
        return any(at in network for network in self._networks for at in ways)


def _address(text: str) -> IPv4Address | IPv6Address:
    """Return an address; of IPv4 that came to a socket of IPv6 (`::ffff:192.0.2.1`), the IPv4."""
    at = ip_address(text)
    return (at.ipv4_mapped or at) if isinstance(at, IPv6Address) else at


@lru_cache(maxsize=1024)
def network_of(text: str) -> str:
    """Return an address as logs may hold it, or nothing of what is none.

    Of IPv6 that is the network, since who has one may choose any address in it.
    """
    try:
        at = _address(text)
    except ValueError:
        return ""
    if not isinstance(at, IPv6Address):
        return str(at)
    return str(ip_network((int(at), 128 - HOST_BITS), strict=False))
