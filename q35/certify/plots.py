"""The report's figures as inline SVG: horizontal bars, drawn from the same numbers as the tables beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

ROW_HEIGHT, LABEL_WIDTH, BAR_WIDTH, VALUE_WIDTH = 22, 300, 360, 110


@dataclass(frozen=True)
class Bar:
    """One bar: its label, its length in the figure's unit, the text at its end, and whether it is ours."""

    label: str
    value: float
    text: str
    highlighted: bool = False


def bar_chart(title: str, bars: Sequence[Bar], limit: float | None = None) -> str:
    """An SVG figure of `bars`; a dashed line marks `limit`, a value in the same unit. Lengths are linear from zero."""
    longest = max([bar.value for bar in bars] + ([limit] if limit else []), default=0.0)
    scale = BAR_WIDTH / longest if longest > 0 else 0.0
    height = ROW_HEIGHT * len(bars) + 8
    width = LABEL_WIDTH + BAR_WIDTH + VALUE_WIDTH
    rows = "".join(_row(number, bar, scale) for number, bar in enumerate(bars))
    mark = ""
    if limit:
        x = LABEL_WIDTH + limit * scale
        mark = f'<line class="limit" x1="{x:.1f}" y1="0" x2="{x:.1f}" y2="{height}"/>'
    return (
        f"<figure><figcaption>{escape(title)}</figcaption>"
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}">{rows}{mark}</svg></figure>'
    )


def _row(number: int, bar: Bar, scale: float) -> str:
    y = ROW_HEIGHT * number + 4
    length = max(bar.value * scale, 1.0)
    kind = "bar ours" if bar.highlighted else "bar"
    return (
        f'<text x="{LABEL_WIDTH - 8}" y="{y + 13}" text-anchor="end">{escape(bar.label)}</text>'
        f'<rect class="{kind}" x="{LABEL_WIDTH}" y="{y}" width="{length:.1f}" height="{ROW_HEIGHT - 6}"/>'
        f'<text x="{LABEL_WIDTH + length + 6:.1f}" y="{y + 13}">{escape(bar.text)}</text>'
    )
