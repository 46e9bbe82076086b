from __future__ import annotations

from typing import Any

import pytest

from callreel.api.proxies import Proxies


def scope(client: str | None, said: str | None) -> dict[str, Any]:
    headers = [] if said is None else [(b"x-forwarded-proto", said.encode())]
    at = None if client is None else (client, 5000)
    return {"scheme": "http", "client": at, "headers": headers, "state": {}}


@pytest.mark.parametrize(
    ("trusted", "client", "said", "scheme"),
    [
        ("127.0.0.1,::1", "127.0.0.1", "https", "https"),
        ("127.0.0.1,::1", "::1", " HTTPS ", "https"),
        ("127.0.0.1", "127.0.0.1", None, "http"),
        ("127.0.0.1", "127.0.0.1", "gopher", "http"),
        ("127.0.0.1", "127.0.0.1", "https, http", "http"),
        ("127.0.0.1", "10.0.0.9", "https", "http"),
        ("10.0.0.0/8, 192.168.1.1", "10.0.0.9", "https", "https"),
        ("10.0.0.0/8", "/run/callreel.sock", "https", "http"),
        ("10.0.0.0/8", None, "https", "http"),
        ("127.0.0.1", "::ffff:127.0.0.1", "https", "https"),
        ("127.0.0.1", "::ffff:10.0.0.9", "https", "http"),
        ("::ffff:127.0.0.1", "::ffff:127.0.0.1", "https", "https"),
        ("", "127.0.0.1", "https", "http"),
    ],
)
def test_only_a_trusted_proxy_is_believed(
    trusted: str, client: str | None, said: str | None, scheme: str
) -> None:
    proxies = Proxies(trusted)
    assert [proxies.scheme(scope(client, said)) for _ in range(2)] == [scheme, scheme]


@pytest.mark.parametrize(
    ("trusted", "client", "said", "found"),
    [
        ("127.0.0.1", "192.0.2.1", None, "192.0.2.1"),
        ("127.0.0.1", "192.0.2.1", "192.0.2.9", "192.0.2.1"),
        ("127.0.0.1", "127.0.0.1", None, "127.0.0.1"),
        ("127.0.0.1", "127.0.0.1", "192.0.2.9", "192.0.2.9"),
        ("127.0.0.1", "127.0.0.1", "192.0.2.8 ,192.0.2.9", "192.0.2.9"),
        ("127.0.0.1,10.0.0.0/8", "127.0.0.1", "192.0.2.9, 10.1.1.1", "192.0.2.9"),
        ("127.0.0.1", "127.0.0.1", "127.0.0.1", "127.0.0.1"),
        ("127.0.0.1", "127.0.0.1", "192.0.2.9, nonsense", ""),
        ("", "2001:db8::1:2:3:4", None, "2001:db8::/64"),
        ("127.0.0.1", "127.0.0.1", "2001:db8::9", "2001:db8::/64"),
        ("", "::ffff:192.0.2.1", None, "192.0.2.1"),
        ("127.0.0.1", "::ffff:127.0.0.1", "::ffff:192.0.2.9", "192.0.2.9"),
        ("", "/run/callreel.sock", None, ""),
        ("", None, "192.0.2.9", ""),
    ],
)
def test_a_client_is_where_the_last_believed_proxy_saw_it(
    trusted: str, client: str | None, said: str | None, found: str
) -> None:
    headers = [] if said is None else [(b"x-forwarded-for", said.encode())]
    asked = {**scope(client, None), "headers": headers}
    assert Proxies(trusted).client(asked) == found


def test_what_is_no_address_is_refused() -> None:
    with pytest.raises(ValueError, match="does not appear"):
        Proxies("localhost")
