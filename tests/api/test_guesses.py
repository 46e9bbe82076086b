from __future__ import annotations

from asgi import TEXT, house
from callreel.api.rate_limit import Guesses


def test_who_sends_many_wrong_keys_is_told_to_stop_and_good_keys_are_taken() -> None:
    now = [0.0]
    home = house(guesses=Guesses(6, clock=lambda: now[0]))

    def asked(key: str | None, client: str) -> int:
        return home.ask(key=key, client=client).status

    assert [asked("wrong", "192.0.2.1") for _ in range(8)] == [401] * 6 + [429] * 2
    refused = home.ask(key="wrong", client="192.0.2.1")
    assert (refused.error["code"], refused.headers["retry-after"]) == ("too_many_requests", "10")
    assert asked(TEXT, "192.0.2.1") == 200
    assert asked(None, "192.0.2.1") == 401
    assert asked("wrong", "192.0.2.2") == 401
    now[0] = 10.0
    assert [asked("wrong", "192.0.2.1") for _ in range(2)] == [401, 429]


def test_wrong_keys_through_a_proxy_are_counted_for_who_sent_them() -> None:
    home = house(guesses=Guesses(1))

    def asked(client: str) -> int:
        headers = [("X-Forwarded-For", f"192.0.2.99, {client}")]
        return home.ask(key="wrong", headers=headers, client="127.0.0.1").status

    assert [asked(f"192.0.2.{number}") for number in (1, 2, 1)] == [401, 401, 429]


def test_wrong_keys_over_ipv4_to_a_socket_of_ipv6_are_counted_by_address() -> None:
    home = house(guesses=Guesses(1))
    clients = [f"::ffff:192.0.2.{number}" for number in (1, 2, 1)]
    assert [home.ask(key="wrong", client=each).status for each in clients] == [401, 401, 429]
