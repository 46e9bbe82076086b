"""The pages for people, and the blocks of code in them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
DOCS: Final = ROOT / "docs"
_FENCE: Final = re.compile(r"^```(\S*)([^\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """A block of code.

    Attributes:
        language: The first word behind the fence: `bash` and `python` are run, the rest is not.
        marks: The other words: `server` runs beside what follows, `exit-3` ends so.
        line: Where it stands in its page.
    """

    language: str
    marks: frozenset[str]
    text: str
    line: int

    @property
    def is_run(self) -> bool:
        return self.language in {"bash", "python"}

    @property
    def exit_code(self) -> int:
        """With what the block must end."""
        codes = (mark.removeprefix("exit-") for mark in self.marks if mark.startswith("exit-"))
        return int(next(codes, "0"))


def pages() -> list[Path]:
    """Return every page, by its path."""
    return sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])


def blocks(page: Path) -> list[Block]:
    """Return a page's blocks of code, in order."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(
            found[1], frozenset(found[2].split()), found[3], text.count("\n", 0, found.start()) + 1
        )
        for found in _FENCE.finditer(text)
    ]


def name_of(page: Path) -> str:
    """Return a page's path below the root, to tell tests apart by."""
    return page.relative_to(ROOT).as_posix()
