from __future__ import annotations

import asyncio
from pathlib import Path

from damage.trial import damage, fill, findings, judge
from damage.ways import WAYS
from house import House

RECORDINGS = 130
DAMAGES = 3 * len(WAYS)


def test_every_damage_is_found_and_none_where_there_is_none(tmp_path: Path) -> None:
    with asyncio.Runner() as runner:
        house = House(runner, tmp_path)
        runner.run(fill(house.archive, RECORDINGS, size=400))
        assert runner.run(findings(house.archive)) == []
        done, places = damage(tmp_path, DAMAGES, seed=7)
        trial = judge(done, places, runner.run(findings(house.archive)))
        runner.run(house.archive.close())
    assert set(trial.done.values()) == {3}
    assert trial.missed == []
    assert trial.false == []
