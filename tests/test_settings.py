from __future__ import annotations

from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import pytest

from callreel.api.limits import Limits
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
        ("CALLREEL_PUBLIC_URL", "calls.example.org"),
        ("CALLREEL_PUBLIC_URL", 'https://calls.example.org/"'),
        ("CALLREEL_PUBLIC_URL", "https://calls.example.org/?a=1"),
    ],
)
def test_a_wrong_value_is_refused_by_the_name_of_its_setting(variable: str, value: str) -> None:
    with pytest.raises(Misconfigured, match=variable):
        read_settings({variable: value})


def test_an_unknown_setting_is_refused_so_that_no_typing_error_goes_unseen() -> None:
    with pytest.raises(Misconfigured, match="CALLREEL_PROT"):
        read_settings({"CALLREEL_PROT": "80"})


def test_every_limit_of_a_request_is_a_setting_with_the_same_default() -> None:
    defaults = {each.name: each.default for each in fields(Settings)}
    for each in fields(Limits):
        assert defaults[each.name] == each.default, each.name


def test_the_server_has_the_limits_that_are_set() -> None:
    set_to = {each.name: 300 + place for place, each in enumerate(fields(Limits))}
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
    given = {
        name: {"True": "1", "False": "0"}.get(default, default)
        for name, default, _ in reference()
        if default
    }

    assert read_settings(given) == Settings()
