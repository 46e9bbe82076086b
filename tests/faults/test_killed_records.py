from __future__ import annotations

import itertools
import json
import random
import threading
import time
import uuid
from pathlib import Path

import requests

from faults.running import Served, new_key, served
from importers.switch import as_json, variables

KILLS = 3
CLIENTS = 4


def work(server: Served, numbers: itertools.count[int], kept: dict[str, bytes]) -> None:
    """Hand in records as fast as it goes until the server is gone; know which were promised."""
    while True:
        channel = str(uuid.UUID(int=next(numbers)))
        record = as_json(variables(uuid=channel, note="x" * 50_000))
        try:
            answer = server.asking.ask(
                "POST",
                f"/ingest/freeswitch?uuid={channel}",
                data=record,
                headers={"Content-Type": "application/json"},
            )
        except requests.RequestException:
            return
        assert answer.status_code == 200, answer.text
        kept[channel] = record


def test_records_that_were_promised_outlive_kills_and_none_is_ever_half(tmp_path: Path) -> None:
    data, chance = tmp_path / "data", random.Random(7)
    key = new_key(data)
    kept: dict[str, bytes] = {}
    numbers = itertools.count()
    for _ in range(KILLS):
        with served(data, key) as server:
            working = [
                threading.Thread(target=work, args=(server, numbers, kept)) for _ in range(CLIENTS)
            ]
            for each in working:
                each.start()
            time.sleep(chance.uniform(0.2, 0.8))
            server.kill()
            for each in working:
                each.join(timeout=30)
    folder = data / "spool" / "freeswitch" / "1"
    found = {path.name.removesuffix(".cdr.json"): path.read_bytes() for path in folder.iterdir()}
    assert len(kept) > KILLS
    assert kept.items() <= found.items()
    for channel, record in found.items():
        assert json.loads(record)["variables"]["uuid"] == channel
