from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from faults import backups
from faults.table import Figures

ROUNDS = 3


@pytest.mark.parametrize("run", [backups.into_a_folder, backups.into_a_bucket])
def test_backups_under_load_hold_all_that_was_promised_before_and_are_whole(
    tmp_path: Path, run: Callable[[Path, int, int], Figures]
) -> None:
    found = run(tmp_path, ROUNDS, 3)
    assert found.wrong == []
    assert found.acknowledged > ROUNDS
