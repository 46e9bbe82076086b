"""`./run load`: many requests, too many requests, and long work beside them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Final

from long_form import LongForm, arguments, tried
from pressure import health, overload, soak
from pressure.report import Report

LOADS: Final[Mapping[str, LongForm[Report]]] = {
    "soak": LongForm(soak.run, 1_000_000, "mixed requests, beside imports: how many"),
    "overload": LongForm(overload.run, 30, "up to four times what it can do: seconds of each rate"),
    "health": LongForm(health.run, 2_000, "/health beside long work: recordings"),
}


def main() -> int:
    given = arguments("./run load", __doc__, LOADS)
    report, took = tried(LOADS[given.name], given)
    report.judge("took", took, is_enough=True)
    print(report.markdown())
    return 0 if report.is_good else 1


if __name__ == "__main__":
    sys.exit(main())
