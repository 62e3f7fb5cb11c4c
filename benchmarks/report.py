"""Results as text, Markdown, JSON and charts."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

__all__ = ["Case", "as_json", "as_markdown", "as_text", "chart"]

WIDTH, BAR, LABEL = 640, 26, 190


@dataclass(frozen=True, kw_only=True)
class Case:
    """One task, performed by several clients.

    Attributes:
        goal: Name of the goal that it measures.
        title: Description of the task.
        unit: Unit of the figures.
        figures: One figure per round, by client, in the order of display.
        base: The client that others are compared with.
        more_is_better: Whether higher figures are better.
        notes: Additional remarks, by client.
    """

    goal: str
    title: str
    unit: str
    figures: Mapping[str, Sequence[float]]
    base: str
    more_is_better: bool = True
    notes: Mapping[str, str] = field(default_factory=dict[str, str])

    def median(self, name: str) -> float:
        """Return the median of the figures of a client."""
        return statistics.median(self.figures[name])

    def ratio(self, name: str) -> float:
        """Return how many times better a client is than the base."""
        mine, base = self.median(name), self.median(self.base)
        return mine / base if self.more_is_better else base / mine

    def spread(self, name: str) -> float:
        """Return the distance from the lowest to the highest figure, as a fraction of the median."""
        figures = self.figures[name]
        return (max(figures) - min(figures)) / self.median(name)


def _rows(case: Case) -> Iterable[tuple[str, str, str, str, str]]:
    for name in case.figures:
        yield (
            name,
            f"{_shown(case.median(name))} {case.unit}",
            f"{case.ratio(name):.2f} x",
            f"±{case.spread(name) / 2:.0%}",
            case.notes.get(name, ""),
        )


def _shown(figure: float) -> str:
    return f"{figure:,.0f}" if figure >= 100 else f"{figure:.1f}" if figure >= 1 else f"{figure:.3f}"


def as_text(case: Case) -> str:
    """Format a case for a terminal."""
    lines = [f"{case.goal}  {case.title}"]
    for name, figure, ratio, spread, note in _rows(case):
        lines.append(f"     {name:24} {figure:>18} {ratio:>10} {spread:>6}  {note}".rstrip())
    return "\n".join(lines)


def as_markdown(cases: Iterable[Case]) -> str:
    """Format all cases as Markdown tables."""
    parts: list[str] = []
    for case in cases:
        parts.append(f"### {case.goal}: {case.title}\n")
        parts.append(f"| | median | against {case.base} | spread | |\n|---|---|---|---|---|")
        parts += [f"| {' | '.join(row)} |" for row in _rows(case)]
        parts.append("")
    return "\n".join(parts)


def as_json(cases: Iterable[Case]) -> list[dict[str, Any]]:
    """Convert all cases to JSON values."""
    return [
        {
            "goal": case.goal,
            "title": case.title,
            "unit": case.unit,
            "base": case.base,
            "more_is_better": case.more_is_better,
            "figures": {name: list(figures) for name, figures in case.figures.items()},
            "ratios": {name: case.ratio(name) for name in case.figures},
            "notes": dict(case.notes),
        }
        for case in cases
    ]


def chart(case: Case) -> str:
    """Draw a case as a bar chart in SVG, readable on light and dark pages."""
    top = max(case.median(name) for name in case.figures)
    height = BAR * len(case.figures) + 44
    title = escape(case.title)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"',
        f'role="img" aria-label="{title}" font-family="sans-serif" font-size="13">',
        "<style>text{fill:#333}.o{fill:#2b7de9}.p{fill:#9aa4b2}",
        "@media(prefers-color-scheme:dark){text{fill:#ddd}.p{fill:#5b6675}}</style>",
        f'<text x="4" y="18" font-weight="bold">{escape(case.title)} ({escape(case.unit)})</text>',
    ]
    for place, name in enumerate(case.figures):
        y = 32 + place * BAR
        length = max(2.0, case.median(name) / top * (WIDTH - LABEL - 130))
        kind = "o" if name.startswith("aiotravis") else "p"
        parts.append(f'<text x="{LABEL - 8}" y="{y + 15}" text-anchor="end">{escape(name)}</text>')
        parts.append(f'<rect class="{kind}" x="{LABEL}" y="{y}" width="{length:.1f}" height="{BAR - 8}" rx="3"/>')
        parts.append(f'<text x="{LABEL + length + 8:.1f}" y="{y + 15}">{_shown(case.median(name))}</text>')
    return "\n".join([*parts, "</svg>", ""])
