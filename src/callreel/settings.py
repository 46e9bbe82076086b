"""The settings: one frozen value, read once from the environment, at the top."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Final

from callreel.api.levels import LEVELS, USUAL_LEVEL
from callreel.errors import Misconfigured

PREFIX = "CALLREEL_"
_HOST: Final = re.compile(r"[A-Za-z0-9._:%-]+")
_PUBLIC_URL: Final = re.compile(
    r"https?://(?:[\w.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?(?:/[^\s\"\\<>?#\x00-\x20\x7f-\xa0]*)?"
)
_S3_ENDPOINT: Final = re.compile(r"https?://(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
MIRROR_KEY = "CALLREEL_MIRROR_KEY"
"""Holds the key to another service for `callreel mirror`; no setting, as it is never shown."""


def _setting(default: Any, read: Callable[[str], Any], says: str) -> Any:  # noqa: ANN401 - as field()
    return field(default=default, metadata={"read": read, "says": says})


def _whole(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        is_whole = text.isascii() and text.isdigit() and len(text) <= len(str(high))
        if not is_whole or not low <= int(text) <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return int(text)

    return read


def _filled(text: str) -> str:
    if not text:  # an empty host is every address of the machine, an empty path where one stands
        raise ValueError("must not be empty; unset it to have the default")
    return text


def _host(text: str) -> str:
    if not _HOST.fullmatch(_filled(text)):
        raise ValueError("must be the address or the name of a host, such as 127.0.0.1")
    return text


def _folder(text: str) -> Path:
    return Path(_filled(text))


def _public_url(text: str) -> str:
    given = text.rstrip("/")
    if not _PUBLIC_URL.fullmatch(given):
        raise ValueError("must be an address such as https://calls.example.org")
    return given


def _s3_endpoint(text: str) -> str:
    given = text.rstrip("/")
    if not _S3_ENDPOINT.fullmatch(given):
        raise ValueError("must be the address of a server, such as https://s3.example.org")
    return given


def _networks(text: str) -> str:
    given = [each for each in map(str.strip, text.split(",")) if each]
    try:
        networks = [ip_network(each, strict=False) for each in given if each != "*"]
    except ValueError as error:
        raise ValueError("must be addresses or networks, divided by commas") from error
    if "*" in given or not all(each.prefixlen for each in networks):
        raise ValueError(
            "must name your proxies, not every address: then anybody could say that a request came "
            "from anywhere"
        )
    return text


def _one_of(*words: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in words:
            raise ValueError(f"must be {', '.join(words[:-1])} or {words[-1]}")
        return text

    return read


def _switch(text: str) -> bool:
    if text not in {"0", "1"}:
        raise ValueError("must be 0 or 1")
    return text == "1"


MIB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that an operator can set; each field is `CALLREEL_` and its name in capitals."""

    data: Path = _setting(Path("data"), _folder, "The data folder: the database and the audio.")
    host: str = _setting("127.0.0.1", _host, "Address to listen on.")
    port: int = _setting(8080, _whole(1, 65535), "Port to listen on.")
    workers: int = _setting(1, _whole(1, 64), "Server processes.")
    public_url: str | None = _setting(
        None,
        _public_url,
        "Address by which clients reach the server, put into each recording_url; without it, "
        "the address that each request was sent to.",
    )
    trusted_proxies: str = _setting(
        "127.0.0.1,::1",
        _networks,
        "Addresses and networks of proxies whose X-Forwarded-Proto and X-Forwarded-For are "
        "believed, divided by commas.",
    )
    max_limit: int = _setting(10_000, _whole(1, 100_000), "Most records in a page.")
    default_limit: int = _setting(
        500, _whole(1, 100_000), "Records in a page where a request says nothing."
    )
    max_offset: int = _setting(1 << 53, _whole(0, 1 << 53), "Most records that may be skipped.")
    max_filter_bytes: int = _setting(
        # Percent-encoded it is three times as long, and has to fit into a request's head.
        16_384,
        _whole(64, 40_000),
        "Most bytes in a filter.",
    )
    max_filter_objects: int = _setting(50, _whole(1, 500), "Most objects in a filter.")
    max_filter_items: int = _setting(1_000, _whole(1, 10_000), "Most items in a filter's list.")
    max_number_chars: int = _setting(
        64, _whole(1, 1_000), "Most characters in a number that is asked for."
    )
    max_upload_bytes: int = _setting(
        512 * MIB, _whole(1, 1 << 40), "Most bytes of audio in an upload."
    )
    max_call_bytes: int = _setting(65_536, _whole(256, MIB), "Most bytes in an upload's call.")
    max_uploads: int = _setting(
        128,
        _whole(1, 10_000),
        "Most uploads at once in each server process, half of them at most of one tenant; more get "
        "503.",
    )
    max_connections: int = _setting(
        4_096,
        _whole(16, 100_000),
        "Most connections at once in each server process, fewer where it may open too few files. "
        "Beyond it the one ends that has waited longest without a request.",
    )
    free_space_reserve: int = _setting(
        256 * MIB, _whole(0, 1 << 50), "Free bytes below which nothing more is taken in."
    )
    query_seconds: int = _setting(
        10, _whole(1, 600), "Seconds after which a question is given up with 503."
    )
    convert_seconds: int = _setting(
        120, _whole(1, 3600), "Seconds of processor time that one conversion may take."
    )
    export_hours: int = _setting(
        24, _whole(1, 8760), "Hours for which the file of an export can be fetched."
    )
    rate_limit: int = _setting(
        0,
        _whole(0, 1_000_000),
        "Requests a second that one key may make of each server process; 0 for no limit.",
    )
    key_failures: int = _setting(
        60,
        _whole(0, 1_000_000),
        "Wrong keys a minute that each server process takes from one address (of IPv6, one network "
        "of 64 bits), before it answers them with 429; 0 for any number. Good keys are always "
        "taken.",
    )
    webhooks_private: bool = _setting(
        False,
        _switch,
        "Whether webhooks may lead into private networks, and be told without TLS.",
    )
    s3_endpoint: str | None = _setting(
        None,
        _s3_endpoint,
        "Address of the S3 server on which `callreel backup s3://…` keeps backups; without it, "
        "Amazon's for AWS_REGION.",
    )
    gzip: bool = _setting(True, _switch, "Whether to compress lists for clients that accept it.")
    access_log: bool = _setting(True, _switch, "Whether to write a line for each request.")
    log_level: str = _setting(
        USUAL_LEVEL,
        _one_of(*LEVELS),
        "How much the server's own log tells: error, warning (errors too) or info (also when its "
        "processes start and end). Lines for requests are the access log's.",
    )


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings that the environment gives.

    Raises:
        Misconfigured: a setting is unknown or its value is wrong.
    """
    known = {PREFIX + each.name.upper(): each for each in fields(Settings)}
    given: dict[str, Any] = {}
    for variable, text in environment.items():
        if not variable.startswith(PREFIX) or variable == MIRROR_KEY:
            continue
        if variable not in known:
            name = ascii(variable)[1:-1]
            raise Misconfigured(f"There is no setting {name}; unset it, or correct its name.")
        try:
            given[known[variable].name] = known[variable].metadata["read"](text)
        except ValueError as error:
            raise Misconfigured(f"{variable} {error}.") from error
    settings = Settings(**given)
    if "default_limit" in given and settings.default_limit > settings.max_limit:
        raise Misconfigured(
            f"{PREFIX}DEFAULT_LIMIT must not be above {PREFIX}MAX_LIMIT, which is "
            f"{settings.max_limit}."
        )
    return settings


def reference() -> list[tuple[str, str, str]]:
    """Return the variable, default and meaning of each setting, for the reference page."""
    return [
        (
            PREFIX + each.name.upper(),
            "" if each.default in (MISSING, None) else str(each.default),
            each.metadata["says"],
        )
        for each in fields(Settings)
    ]
