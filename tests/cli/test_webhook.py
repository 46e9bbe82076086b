from __future__ import annotations

import pytest

from cli_runs import Command

URL = "https://example.org/in"


@pytest.fixture
def acme(callreel: Command) -> Command:
    callreel("tenant", "create", "Acme")
    return callreel


def test_a_webhook_is_created_with_a_secret_that_is_shown_once(acme: Command) -> None:
    made = acme("webhook", "create", URL)
    assert made.code == 0
    assert made.out.startswith("whsec_")
    assert made.err == "This is the secret of webhook 1, which is told of Acme's.\n"
    listed = acme("webhook", "list", "--json").json()
    assert [(each["number"], each["tenant"], each["url"]) for each in listed] == [(1, 1, URL)]
    assert listed[0]["events"] == ["import.finished", "recording.available", "recording.deleted"]
    assert made.out.strip() not in acme("webhook", "list").out


def test_it_may_be_told_of_some_things_only(acme: Command) -> None:
    made = acme("webhook", "create", URL, "--event", "recording.deleted", "--json").json()
    assert made["events"] == ["recording.deleted"]
    assert made["secret"].startswith("whsec_")
    assert acme("webhook", "create", URL, "--event", "moon.full").code == 2


@pytest.mark.parametrize("url", ["http://example.org/in", "example.org", "https://a:b@example.org"])
def test_an_address_that_cannot_be_told_is_refused(acme: Command, url: str) -> None:
    ran = acme("webhook", "create", url)
    assert ran.code == 1
    assert ran.err.startswith("callreel: The address of a webhook must")


def test_without_tls_only_where_that_is_allowed(
    acme: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CALLREEL_WEBHOOKS_PRIVATE", "1")
    assert acme("webhook", "create", "http://10.0.0.1/in").code == 0


def test_a_webhook_is_ended_once_and_stays_listed(acme: Command) -> None:
    acme("webhook", "create", URL)
    assert acme("webhook", "end", "1").out == "Webhook 1 is told nothing more.\n"
    (ended,) = acme("webhook", "list", "--tenant", "Acme", "--json").json()
    assert ended["ended"]
    assert ended["why"] == "ended by the operator"
    ran = acme("webhook", "replay", "1", "--since", "2026-01-01")
    assert (ran.code, ran.err) == (1, "callreel: There is no webhook 1.\n")
    assert acme("webhook", "end", "9").code == 1


def test_what_it_was_told_is_shown_and_told_again(
    acme: Command, tmp_path_factory: pytest.TempPathFactory
) -> None:
    acme("webhook", "create", URL)
    folder = tmp_path_factory.mktemp("empty")
    acme("import", "freepbx", str(folder), "--timezone", "Europe/Warsaw")
    (shown,) = acme("webhook", "deliveries", "1", "--json").json()
    assert (shown["event"], shown["subject"], shown["tries"]) == ("import.finished", "1", 0)
    assert "msg_1_1\timport.finished\t1" in acme("webhook", "deliveries", "1").out
    ran = acme("webhook", "replay", "1", "--since", "2026-01-01")
    assert ran.out == "1 messages will be sent again.\n"
    assert acme("webhook", "replay", "1", "--since", "2999-01-01").out.startswith("0 messages")
