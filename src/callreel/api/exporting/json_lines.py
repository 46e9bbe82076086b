"""JSON Lines: a record a line, byte for byte as the list has it."""

from __future__ import annotations

from collections.abc import Sequence

from callreel.archive.exporting import Draft


class JsonLinesWriter:
    """Writes JSON Lines."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft

    async def add(self, records: Sequence[bytes]) -> None:
        self._draft.main.write(b"".join(record + b"\n" for record in records))

    async def finish(self) -> None:
        """Write nothing more: the last line ended as every other."""
