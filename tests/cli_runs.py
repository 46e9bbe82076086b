"""What the tests of the command line share."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

COMMAND = (sys.executable, "-m", "callreel")


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command did."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def counts(self) -> list[str]:
        """The lines of an import's summary that a dry run has, too."""
        lines = self.out.splitlines()
        return [line for line in lines if "\t" in line and not line.startswith("files")]


Command = Callable[..., Ran]
Start = Callable[..., "subprocess.Popen[str]"]
