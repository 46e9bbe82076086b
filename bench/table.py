"""What came out: rows of figures, each with its bar, as Markdown and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

HEADER = ("measure", "product", "compared with", "its figure", "ratio", "bar", "ok")


@dataclass(frozen=True)
class Bar:
    """What a figure must reach.

    Attributes:
        limit: The bar.
        at_least: Whether more is better.
        unit: Written behind it.
    """

    limit: float
    at_least: bool
    unit: str = "x"

    def holds(self, figure: float) -> bool:
        return figure >= self.limit if self.at_least else figure <= self.limit

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.limit:g} {self.unit}".rstrip()


def at_least(limit: float, unit: str = "x") -> Bar:
    return Bar(limit, at_least=True, unit=unit)


def at_most(limit: float, unit: str = "x") -> Bar:
    return Bar(limit, at_least=False, unit=unit)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table.

    Attributes:
        measure: What was measured.
        product: The product's figure, with its unit.
        other: What it is compared with.
        other_figure: Its figure, with its unit.
        figure: The number that the bar is about: a ratio, or the product's figure itself.
        bar: What it must reach, or None where it is only shown.
        failed: Whether it could not be measured.
    """

    measure: str
    product: str
    figure: float
    other: str = ""
    other_figure: str = ""
    bar: Bar | None = None
    failed: bool = False

    @property
    def ok(self) -> bool:
        return not self.failed and (self.bar is None or self.bar.holds(self.figure))

    def cells(self) -> tuple[str, ...]:
        ratio = f"{self.figure:.3g}" if self.other else ""
        verdict = "**no**" if not self.ok else "" if self.bar is None else "yes"
        bar = str(self.bar or "")
        return (self.measure, self.product, self.other, self.other_figure, ratio, bar, verdict)


def markdown(rows: Iterable[Row]) -> str:
    """Return the rows as a Markdown table with even columns."""
    lines = [HEADER, *(row.cells() for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEADER))]
    rule = tuple("-" * width for width in widths)
    return "\n".join(_line(cells, widths) for cells in (HEADER, rule, *lines[1:]))


def as_json(rows: Iterable[Row]) -> list[dict[str, object]]:
    """Return the rows for a JSON file."""
    return [asdict(row) | {"ok": row.ok, "bar": str(row.bar or "")} for row in rows]


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
    return "| " + " | ".join(padded) + " |"
