"""Archives that mirror an account, without waiting where a user would have to."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from pathlib import Path
from typing import Any

from callreel.api.wire import Bodies
from callreel.archive import Archive
from callreel.archive.mirror import Mirror
from callreel.archive.verdict import Became, Verdict
from callreel.audio.folder import FolderStore
from callreel.audio.worker import ChildSoundWorker
from callreel.catalog.sqlite import SqliteCatalog
from callreel.client.mirror import Pace, ServiceAccount
from callreel.model import ListRequest, Reach
from endpoints.account import NOON
from endpoints.original import KEY

LATER = NOON + 30 * 86_400
"""When tests mirror: long after the calls."""


class QuickPace(Pace):
    """Notes how long it would wait."""

    def __init__(self) -> None:
        super().__init__(1)
        self.waits: list[float] = []

    def turn(self) -> None:
        super().wait(0)

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        super().wait(0)


class Copy:
    """An archive that mirrors an account."""

    def __init__(self, runner: asyncio.Runner, data: Path, url: str) -> None:
        data.mkdir()
        self.run = runner.run
        self.url = url
        self.pace = QuickPace()
        self.root = data / "audio"
        self.archive = Archive(
            SqliteCatalog(data / "callreel.db"),
            FolderStore(self.root, reserve_bytes=0),
            ChildSoundWorker(),
            Bodies(),
        )
        self.run(self.archive.catalog.add_tenant("one"))

    def close(self) -> None:
        self.run(self.archive.close())

    def account(
        self, key: str = KEY, *, page_size: int = 500, most_bytes: int = 1 << 20
    ) -> ServiceAccount:
        return ServiceAccount(self.url, key, self.pace, most_bytes=most_bytes, page_size=page_size)

    def mirror(self, since: int | None = NOON, **account: Any) -> Mirror:
        return Mirror(self.archive, 1, self.account(**account), since)

    def catch_up(self, mirror: Mirror | None = None, now: int = LATER) -> list[Verdict]:
        made = mirror or self.mirror()

        async def play() -> list[Verdict]:
            async with aclosing(made.catch_up(now)) as verdicts:
                return [verdict async for verdict in verdicts]

        return self.run(play())

    def listed(self) -> dict[str, dict[str, Any]]:
        """Return every recording by its id; none may be there twice."""
        opening = b'{"recording_url":"'
        page = self.run(self.archive.catalog.page(Reach(1), ListRequest(limit=10_000), opening))
        rows = json.loads(b"[" + page.bodies + b"]")
        found = {each["recording_uuid"]: each for each in rows}
        assert len(found) == len(rows)
        return found

    def digests(self) -> dict[str, str]:
        return {name: each["recording_sha256"] for name, each in self.listed().items()}


def became(verdicts: list[Verdict]) -> list[Became]:
    return [verdict.became for verdict in verdicts]
