from __future__ import annotations

from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callreel.api.limits import Limits
from callreel.api.proxies import Proxies
from callreel.cli.outlet import Outlet
from callreel.cli.protocol import MAX_HEAD_BYTES
from callreel.cli.serving import options
from callreel.errors import Misconfigured
from callreel.settings import PREFIX, Settings, read_settings, reference


def test_an_empty_environment_gives_the_defaults() -> None:
    assert read_settings({}) == Settings()


def test_other_variables_are_none_of_ours() -> None:
    assert read_settings({"PATH": "/bin", "HOME": "/root"}) == Settings()


def test_each_kind_of_value_is_read() -> None:
    settings = read_settings(
        {
            "CALLREEL_DATA": "/srv/calls",
            "CALLREEL_PORT": "9000",
            "CALLREEL_PUBLIC_URL": "https://calls.example.org/",
            "CALLREEL_GZIP": "0",
        }
    )

    assert settings.data == Path("/srv/calls")
    assert settings.port == 9000
    assert settings.public_url == "https://calls.example.org"
    assert settings.gzip is False


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CALLREEL_PORT", "0"),
        ("CALLREEL_PORT", "65536"),
        ("CALLREEL_PORT", "http"),
        ("CALLREEL_PORT", ""),
        ("CALLREEL_PORT", "-1"),
        ("CALLREEL_PORT", "٨٠"),
        ("CALLREEL_WORKERS", "0"),
        ("CALLREEL_GZIP", "yes"),
        ("CALLREEL_LOG_LEVEL", "WARNING"),
        ("CALLREEL_LOG_LEVEL", "debug"),
        ("CALLREEL_LOG_LEVEL", ""),
        ("CALLREEL_PUBLIC_URL", "calls.example.org"),
        ("CALLREEL_PUBLIC_URL", 'https://calls.example.org/"'),
        ("CALLREEL_PUBLIC_URL", "https://calls.example.org/?a=1"),
    ],
)
def test_a_wrong_value_is_refused_by_the_name_of_its_setting(variable: str, value: str) -> None:
    with pytest.raises(Misconfigured, match=variable):
        read_settings({variable: value})


ODD = st.text(st.characters(blacklist_characters="\0"), max_size=200)
AS_PYTHON_READS_THEM = st.binary(max_size=60).map(
    lambda each: each.decode(errors="surrogateescape")
)
LONG = st.sampled_from(["9" * 5_000, "https://" + "a" * 5_000, "https://[::1", "https://u:p@a"])


@given(st.sampled_from([name for name, _, _ in reference()]), ODD | AS_PYTHON_READS_THEM | LONG)
def test_any_value_is_taken_or_refused_in_one_sentence_with_its_setting(
    variable: str, value: str
) -> None:
    said = refusal(variable, value)
    assert not said or said.startswith(variable + " must ")
    assert not said or is_a_sentence(said)
    assert len(said) < 200


@given(ODD | AS_PYTHON_READS_THEM)
def test_any_unknown_name_is_refused_in_one_sentence(name: str) -> None:
    assert is_a_sentence(refusal(PREFIX + "Z" + name, "x"))


def refusal(variable: str, value: str) -> str:
    try:
        read_settings({variable: value})
    except Misconfigured as error:
        return error.message
    return ""


def is_a_sentence(message: str) -> bool:
    return message.isprintable() and message.endswith(".")


def test_a_usual_page_above_the_largest_is_refused() -> None:
    with pytest.raises(Misconfigured) as caught:
        read_settings({"CALLREEL_MAX_LIMIT": "10", "CALLREEL_DEFAULT_LIMIT": "11"})
    assert caught.value.message == (
        "CALLREEL_DEFAULT_LIMIT must not be above CALLREEL_MAX_LIMIT, which is 10."
    )
    assert read_settings({"CALLREEL_MAX_LIMIT": "10"}).max_limit == 10


@pytest.mark.parametrize("value", ["a b", "http://a", "a/b", "ä", "\n", "a\n"])
def test_a_host_that_can_be_none_is_refused(value: str) -> None:
    with pytest.raises(Misconfigured, match=r"^CALLREEL_HOST must be the address"):
        read_settings({"CALLREEL_HOST": value})


def test_an_unknown_setting_is_refused_so_that_no_typing_error_goes_unseen() -> None:
    with pytest.raises(Misconfigured, match="CALLREEL_PROT"):
        read_settings({"CALLREEL_PROT": "80"})


def test_every_limit_of_a_request_is_a_setting_with_the_same_default() -> None:
    defaults = {each.name: each.default for each in fields(Settings)}
    for each in fields(Limits):
        assert defaults[each.name] == each.default, each.name


def test_the_server_has_the_limits_that_are_set() -> None:
    set_to = {each.name: 300 - place for place, each in enumerate(fields(Limits))}
    set_to |= {"max_call_bytes": 301}
    variables = {PREFIX + name.upper(): str(value) for name, value in set_to.items()}

    assert options(read_settings(variables)).limits == Limits(**set_to)


def test_the_longest_filter_that_can_be_set_fits_into_a_head_when_it_is_encoded() -> None:
    longest = read_settings({"CALLREEL_MAX_FILTER_BYTES": "40000"}).max_filter_bytes
    assert 3 * longest < MAX_HEAD_BYTES
    with pytest.raises(Misconfigured):
        read_settings({"CALLREEL_MAX_FILTER_BYTES": str(longest + 1)})


def test_settings_cannot_change() -> None:
    with pytest.raises(FrozenInstanceError):
        Settings().port = 1  # type: ignore[misc]  # that is the point


def test_the_reference_names_and_explains_every_setting() -> None:
    named = reference()

    assert [name for name, _, _ in named] == [PREFIX + f.name.upper() for f in fields(Settings)]
    assert all(says.endswith(".") for _, _, says in named)


def test_every_default_in_the_reference_can_be_given_back() -> None:
    defaults = {
        name: {"True": "1", "False": "0"}.get(default, default)
        for name, default, _ in reference()
        if default
    }

    assert read_settings(defaults) == Settings()


HOST = "CALLREEL_HOST"
DATA = "CALLREEL_DATA"
URL = "CALLREEL_PUBLIC_URL"
PROXIES = "CALLREEL_TRUSTED_PROXIES"


@pytest.mark.parametrize("variable", [HOST, DATA, URL])
def test_a_setting_that_is_empty_by_mistake_is_refused(variable: str) -> None:
    with pytest.raises(Misconfigured, match=f"^{variable} must "):
        read_settings({variable: ""})


@pytest.mark.parametrize(
    "value",
    [
        "https://",
        "http:///",
        "https://calls.example.org\r",
        "https://calls.example.org\n/",
        "https://calls.\u00a0example.org",
        "https://calls.example.org/ a",
        "https://calls.example.org\\a",
        "https://<calls>",
        "https://calls.example.org/#top",
        "https://user:secret@calls.example.org",
        "https://[::1",
        "https://calls.example.org:http",
        "ftp://calls.example.org",
        "HTTPS",
    ],
)
def test_a_public_url_that_would_spoil_every_recording_url_is_refused(value: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        read_settings({URL: value})

    assert caught.value.message == f"{URL} must be an address such as https://calls.example.org."


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("http://localhost:8080", "http://localhost:8080"),
        ("https://calls.example.org//", "https://calls.example.org"),
        ("https://example.org/calls/", "https://example.org/calls"),
        ("https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443"),
    ],
)
def test_a_public_url_is_kept_without_a_slash_at_its_end(value: str, kept: str) -> None:
    assert read_settings({URL: value}).public_url == kept


@pytest.mark.parametrize(
    "value", ["", "10.0.0.1", "10.0.0.1/8", " 10.0.0.0/8 , ::1 ,", "10.0.0.1, ::1", "fd00::/8"]
)
def test_every_list_of_proxies_that_is_taken_is_one_that_the_server_understands(value: str) -> None:
    taken = read_settings({PROXIES: value}).trusted_proxies

    assert taken == value
    Proxies(taken)


@pytest.mark.parametrize(
    "value", ["10.0.0.1*", "10.0.0.*", "**", "10.0.0.256", "10.0.0.1/33", "proxy", "::1 10.0.0.1"]
)
def test_a_list_of_proxies_that_the_server_would_not_understand_is_refused(value: str) -> None:
    with pytest.raises(Misconfigured, match=f"^{PROXIES} must be addresses or networks"):
        read_settings({PROXIES: value})


@pytest.mark.parametrize("value", ["*", "127.0.0.1, *", "0.0.0.0/0", "::/0", "10.0.0.1/0"])
def test_nobody_can_believe_everybody_for_a_proxy(value: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        read_settings({PROXIES: value})
    assert refused.value.message == (
        f"{PROXIES} must name your proxies, not every address: then anybody could say that a "
        "request came from anywhere."
    )


RANGES = [
    ("port", 1, 65_535),
    ("workers", 1, 64),
    ("max_limit", 1, 100_000),
    ("default_limit", 1, 100_000),
    ("max_offset", 0, 1 << 53),
    ("max_filter_bytes", 64, 40_000),
    ("max_filter_objects", 1, 500),
    ("max_filter_items", 1, 10_000),
    ("max_number_chars", 1, 1_000),
    ("max_upload_bytes", 1, 1 << 40),
    ("max_call_bytes", 256, 1 << 20),
    ("max_uploads", 1, 10_000),
    ("max_connections", 16, 100_000),
    ("free_space_reserve", 0, 1 << 50),
    ("query_seconds", 1, 600),
    ("convert_seconds", 1, 3_600),
    ("export_hours", 1, 8_760),
    ("rate_limit", 0, 1_000_000),
    ("key_failures", 0, 1_000_000),
]


@pytest.mark.parametrize(("name", "low", "high"), RANGES)
def test_a_number_may_be_as_low_and_as_high_as_it_is_said(name: str, low: int, high: int) -> None:
    variable = PREFIX + name.upper()
    for value in (low, high):
        beside = {"CALLREEL_MAX_LIMIT": "100000"} if name == "default_limit" else {}
        assert getattr(read_settings({**beside, variable: str(value)}), name) == value
    for value in (low - 1, high + 1):
        with pytest.raises(Misconfigured) as caught:
            read_settings({variable: str(value)})
        assert caught.value.message == f"{variable} must be a whole number from {low} to {high}."


def test_every_number_has_a_range() -> None:
    numbers = [each.name for each in fields(Settings) if type(each.default) is int]

    assert [name for name, _, _ in RANGES] == numbers


@pytest.mark.parametrize("value", ["+1", " 1", "1 ", "1.0", "0x1", "1_0", "1e2", "²", "true"])
def test_a_number_is_written_in_digits_alone(value: str) -> None:
    with pytest.raises(Misconfigured, match="CALLREEL_WORKERS must be a whole number"):
        read_settings({"CALLREEL_WORKERS": value})


@pytest.mark.parametrize("variable", ["CALLREEL_GZIP", "CALLREEL_ACCESS_LOG"])
@pytest.mark.parametrize("value", ["", "true", "on", "2", "01"])
def test_a_switch_is_one_or_nought(variable: str, value: str) -> None:
    assert getattr(read_settings({variable: "1"}), variable.removeprefix(PREFIX).lower()) is True
    with pytest.raises(Misconfigured, match=f"^{variable} must be 0 or 1"):
        read_settings({variable: value})


def test_what_is_not_set_is_safe_and_quick() -> None:
    usual = Settings()

    assert (usual.data, usual.host, usual.port, usual.workers) == (
        Path("data"),
        "127.0.0.1",
        8080,
        1,
    )
    assert (usual.public_url, usual.trusted_proxies) == (None, "127.0.0.1,::1")
    assert (usual.query_seconds, usual.convert_seconds, usual.rate_limit) == (10, 120, 0)
    assert usual.key_failures == 60
    assert usual.free_space_reserve == 256 << 20
    assert usual.gzip
    assert usual.access_log


def test_names_are_in_capitals() -> None:
    with pytest.raises(Misconfigured) as caught:
        read_settings({"CALLREEL_port": "80"})

    assert caught.value.message == (
        "There is no setting CALLREEL_port; unset it, or correct its name."
    )


def test_a_variable_that_only_begins_alike_is_none_of_ours() -> None:
    assert read_settings({"CALLREELPORT": "x", "MY_CALLREEL_PORT": "x"}) == Settings()


def test_the_environment_of_the_process_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLREEL_PORT", "9001")

    assert read_settings().port == 9001


def test_the_server_behaves_as_it_is_set() -> None:
    set_to = {URL: "https://a.example", PROXIES: "10.0.0.1", "CALLREEL_RATE_LIMIT": "7"}

    off = options(read_settings({**set_to, "CALLREEL_GZIP": "0", "CALLREEL_ACCESS_LOG": "0"}))
    on = options(read_settings({}))

    assert (off.public_url, off.trusted_proxies, off.rate_limit) == (
        "https://a.example",
        "10.0.0.1",
        7,
    )
    assert (off.gzip, off.access_log) == (False, None)
    assert (on.public_url, on.trusted_proxies, on.rate_limit) == (None, "127.0.0.1,::1", 0)
    assert (on.gzip, type(on.access_log), on.key_failures) == (True, Outlet, 60)
