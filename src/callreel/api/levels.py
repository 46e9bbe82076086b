"""How much is logged; apart from `log`, whose libraries only a server needs."""

from __future__ import annotations

from typing import Final

LEVELS: Final = ("error", "warning", "info")
"""From the fewest lines to the most; each has those of the levels before it too."""
USUAL_LEVEL: Final = "warning"
