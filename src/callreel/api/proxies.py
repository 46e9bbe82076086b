"""Which proxies are believed when they say how a client reached them."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address, ip_network

from starlette.types import Scope

from callreel.api.heads import heads

FORWARDED_SCHEMES = {b"http": "http", b"https": "https"}


class Proxies:
    """The proxies that are believed.

    Args:
        trusted: Addresses and networks, divided by commas; `*` for every one, empty for none.

    Raises:
        ValueError: one of them is no address and no network.
    """

    def __init__(self, trusted: str) -> None:
        given = [each.strip() for each in trusted.split(",") if each.strip()]
        self._everyone = "*" in given
        self._networks = [ip_network(each, strict=False) for each in given if each != "*"]
        self._trusts = lru_cache(maxsize=256)(self._judge)

    def scheme(self, scope: Scope) -> str:
        """Return `http` or `https`: how the client reached us, or the proxy before us."""
        said = heads(scope).get(b"x-forwarded-proto")
        client = scope.get("client")
        if said is not None and client and self._trusts(client[0]):
            return FORWARDED_SCHEMES.get(said.strip().lower(), str(scope["scheme"]))
        return str(scope["scheme"])

    def _judge(self, address: str) -> bool:
        if self._everyone:
            return True
        try:
            at = ip_address(address)
        except ValueError:  # a socket in the file system has no address
            return False
        return any(at in network for network in self._networks)
