"""The published samples, as users paste them: only the address and the key are their own."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pytest
import requests

from callreel.api.wire import Bodies
from callreel.archive.facts import facts_of
from callreel.catalog import NewEntry
from callreel.catalog.sqlite import SqliteCatalog
from callreel.model import Audio, Call, DialogType, Direction, Named, Recording
from programs import needed
from support import PATH, Running, serve

HERE: Final = Path(__file__).parent
BEGIN: Final = 1_740_816_000  # 2025-03-01 08:00:00 UTC
TOTAL: Final = 620
TENANT: Final = 1
COMMANDS: Final = {
    "curl": ("sh", ".sh"),
    "python": (sys.executable, ".python"),
    "php": ("php", ".php"),
}
Rows = list[dict[str, Any]]
Conditions = list[dict[str, object]] | None


def encode_uri(text: str) -> str:
    """Encode as JavaScript's `encodeURI` does, which leaves `:`, `,` and `+` as they are."""
    return quote(text, safe=";,/?:@&=+$-_.!~*'()#")


def a_call(number: int) -> Call:
    return Call(
        dialog_id=f"dialog-{number}",
        dialog_type=DialogType.CONSULTANT,
        direction=Direction.INBOUND,
        started_at=BEGIN + number,
        hung_up_at=BEGIN + number + 60,
        talking_ms=number * 100,
        from_number=f"+48 501 502 {number % 10:03}",
        to_number="48221234567",
        project=Named(number % 5, f"Projekt {number % 5}: żółw"),
        user=Named(number % 7, "Anna Nowak"),
        tags=(number % 3,),
    )


def an_entry(number: int) -> NewEntry:
    call = a_call(number)
    recording = Recording(f"r{number}", call, Audio("0" * 64, 1, "audio/wav"))
    digest = number.to_bytes(32)
    body = Bodies().render(recording)
    return NewEntry(
        id=recording.id,
        body=body,
        facts=facts_of(call),
        digest=digest,
        fingerprint=digest,
        arrived_at=BEGIN,
    )


async def fill(database: Path) -> None:
    catalog = SqliteCatalog(database)
    await catalog.add(TENANT, [an_entry(number) for number in range(TOTAL)])
    await catalog.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with serve(tmp_path_factory.mktemp("samples") / "data") as started:
        asyncio.run(fill(started.data / "callreel.db"))
        yield started


def run_sample(server: Running, name: str, language: str, conditions: Conditions = None) -> Rows:
    """Run a sample and return its rows; the answer holds nothing beside them."""
    needed(language)
    program, ending = COMMANDS[language]
    text = json.dumps(conditions, ensure_ascii=False)
    environment = os.environ | {
        "CONPEEK_URL": server.url,
        "CONPEEK_KEY": server.keys["read"],
        "FILTER": text if language == "python" else encode_uri(text),
    }
    ran = subprocess.run(
        [program, str(HERE / (name + ending))],
        env=environment,
        capture_output=True,
        check=True,
        timeout=60,
    )
    answer = json.loads(ran.stdout)
    assert list(answer) == ["data"]
    rows: Rows = answer["data"]
    return rows


def ids(rows: Rows) -> list[str]:
    return [row["recording_uuid"] for row in rows]


def those(*numbers: int) -> list[str]:
    return [f"r{number}" for number in numbers]


@pytest.mark.parametrize("language", COMMANDS)
def test_a_published_sample_gets_the_first_500_recordings(server: Running, language: str) -> None:
    rows = run_sample(server, "list", language)
    assert ids(rows) == those(*range(500))
    assert rows[7]["project_name"] == "Projekt 2: żółw"


@pytest.mark.parametrize("language", COMMANDS)
@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        (
            [{"property": "talking_time", "operator": "gt", "value": 50_000}],
            those(*range(501, TOTAL)),
        ),
        (
            [
                {"property": "start_time", "operator": "gte", "value": "2025-03-01 08:00:10"},
                {"property": "start_time", "operator": "lte", "value": "2025-03-01 08:00:13"},
            ],
            those(10, 11, 12, 13),
        ),
        (
            [
                {"property": "number_list", "value": ["+48501502003", "48501502004"]},
                {"property": "talking_time", "operator": "lt", "value": 2_000},
            ],
            those(3, 4, 13, 14),
        ),
        (
            [
                {"property": "project_id", "value": [1, 2]},
                {"property": "tenant_user_id", "value": [1]},
                {"property": "custom_tag_id_list", "value": [1]},
                {"property": "talking_time", "operator": "lte", "value": 10_000},
            ],
            those(1, 22),
        ),
        (None, those(*range(500))),
    ],
)
def test_a_filter_finds_the_same_in_either_encoding(
    server: Running, language: str, conditions: Conditions, expected: list[str]
) -> None:
    assert ids(run_sample(server, "filter", language, conditions)) == expected


def test_signs_that_mean_something_in_an_address_reach_the_filter(server: Running) -> None:
    conditions: Conditions = [{"property": "number_list", "value": ["żółw & #1 + 100% = ?"]}]
    assert run_sample(server, "filter", "python", conditions) == []


def test_the_documented_encoded_filter_is_read_as_it_is_printed(server: Running) -> None:
    printed = (
        "filter=%5B%7B%22property%22:%22talking_time%22,"
        "%22operator%22:%22gt%22,%22value%22:50000%7D%5D"
    )
    answer = server.ask("GET", f"{PATH}?{printed}")
    assert ids(answer.json()["data"]) == those(*range(501, TOTAL))


def test_a_filter_that_encode_uri_cuts_short_is_refused_and_not_widened(server: Running) -> None:
    cut = encode_uri(json.dumps([{"property": "number_list", "value": ["1&2"]}]))
    answer = server.ask("GET", f"{PATH}?filter={cut}")
    assert answer.status_code == 400


@pytest.mark.parametrize("accepted", ["deflate, gzip, br, zstd", "gzip, deflate"])
def test_a_page_is_packed_for_the_samples_that_unpack(server: Running, accepted: str) -> None:
    answer = server.ask("GET", PATH, headers={"Accept-Encoding": accepted})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert len(answer.json()["data"]) == 500


@pytest.mark.parametrize("language", COMMANDS)
def test_a_sample_with_a_wrong_key_prints_the_error(server: Running, language: str) -> None:
    needed(language)
    program, ending = COMMANDS[language]
    environment = os.environ | {"CONPEEK_URL": server.url, "CONPEEK_KEY": "wrong"}
    ran = subprocess.run(
        [program, str(HERE / ("list" + ending))], env=environment, capture_output=True, check=True
    )
    assert json.loads(ran.stdout)["error"]["code"] == "not_authenticated"


def test_a_sample_is_never_redirected(server: Running) -> None:
    for path in (PATH, f"{PATH}/", f"/{PATH}", PATH.upper()):
        answer = requests.get(server.url + path, allow_redirects=False, timeout=30)
        assert not 300 <= answer.status_code < 400
