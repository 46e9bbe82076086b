"""What a run under load showed, each figure beside its bar."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Report:
    """The figures of a run.

    Attributes:
        what: Of which.
        rows: What was measured, what was seen, whether that is enough, and the bar.
    """

    what: str
    rows: list[tuple[str, str, bool, str]] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        return all(is_enough for _, _, is_enough, _ in self.rows)

    def judge(self, measure: str, seen: str, is_enough: bool, bar: str = "") -> None:
        self.rows.append((measure, seen, is_enough, bar))

    def markdown(self) -> str:
        """Return the figures as a table."""
        lines = [f"{self.what}:", "", "| measure | seen | bar | ok |", "|---|---|---|---|"]
        for measure, seen, is_enough, bar in self.rows:
            verdict = ("yes" if is_enough else "**no**") if bar else ""
            lines.append(f"| {measure} | {seen} | {bar} | {verdict} |")
        return "\n".join(lines)
