from __future__ import annotations

import hashlib
import itertools
import random
import threading
import time
from pathlib import Path

import requests

from faults.running import Served, call_of, listed, new_key, served
from support import a_sound

KILLS = 4
CLIENTS = 4


class Clients:
    """Hand in recordings as fast as they can, and know which were promised to be kept."""

    def __init__(self, sounds: list[bytes]) -> None:
        self.kept: dict[str, str] = {}
        self._sounds = sounds
        self._numbers = itertools.count()
        self._lock = threading.Lock()

    def work_until_killed(self, server: Served, seconds: float) -> None:
        """Hand in until the server is killed, which it is after so long."""
        working = [threading.Thread(target=self._work, args=(server,)) for _ in range(CLIENTS)]
        for each in working:
            each.start()
        time.sleep(seconds)
        server.kill()
        for each in working:
            each.join(timeout=30)

    def _work(self, server: Served) -> None:
        while True:
            with self._lock:
                number = next(self._numbers)
            name, sound = f"r{number:05}", self._sounds[number % len(self._sounds)]
            # Bytes of its own, so that none finds its audio already there.
            audio = sound[:-4] + number.to_bytes(4, "big")
            try:
                answer = server.asking.upload(audio, call_of(name, project_id=number % 3))
            except requests.RequestException:
                return
            assert answer.status_code == 201, answer.text
            self.kept[name] = hashlib.sha256(audio).hexdigest()


def test_what_was_promised_outlives_kills_in_the_midst_of_uploads(tmp_path: Path) -> None:
    data, chance = tmp_path / "data", random.Random(5)
    key = new_key(data)
    clients = Clients([a_sound(tmp_path, seed, 0.1 * 4**seed) for seed in range(3)])

    for _ in range(KILLS):
        with served(data, key) as server:
            clients.work_until_killed(server, chance.uniform(0.1, 0.8))

    with served(data, key) as server, server.session() as session:
        found = listed(session, server)
        assert len(clients.kept) > KILLS
        assert clients.kept.items() <= {
            (name, each["recording_sha256"]) for name, each in found.items()
        }
        for name, each in found.items():
            audio = session.get(f"{server.list}/{name}/audio", timeout=20)
            assert hashlib.sha256(audio.content).hexdigest() == each["recording_sha256"]
            assert session.get(f"{server.list}/{name}/peaks", timeout=20).status_code == 200
        counted = session.get(server.list, params={"count": "true", "limit": "1"}, timeout=20)
        assert counted.headers["X-Total-Count"] == str(len(found))
