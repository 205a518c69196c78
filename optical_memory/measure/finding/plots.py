"""The figure of `eval evidence`: the share of questions over the tokens of the window."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from optical_memory.measure.finding.evidence import ALL_KINDS, EvidenceRow
from optical_memory.measure.finding.svg import (
    GREY,
    Drawing,
    Point,
    Scale,
    colours_for,
    draw_legend,
    draw_share_axis,
)

__all__ = [
    "evidence_plot",
]

WIDTH = 900
HEIGHT = 400
TOP = 50
BOTTOM = 340
PANELS = {
    "any": ("any evidence turn in the window", 60.0, 370.0),
    "all": ("all evidence turns in the window", 430.0, 740.0),
}
"""Each field that is drawn: its title, and the left and right side of its panel."""

LEGEND_X = 756.0
TICKS = (1, 2, 5)
"""The first digits of the numbers at the axis of tokens."""


def evidence_plot(rows: Sequence[EvidenceRow]) -> str:
    """An SVG with a line for each method; whiskers are the 95 % intervals.

    Rows of single kinds of question are left out.
    """
    lines = _lines(rows)
    # In the order of the table, so that a method has its colour whatever it costs.
    names = [name for name in dict.fromkeys(row.method for row in rows) if name in lines]
    colours = colours_for(names)
    drawing = Drawing(WIDTH, HEIGHT)
    for name in PANELS:
        _draw_panel(drawing, name, lines, colours, _limits(rows))
    draw_legend(drawing, (LEGEND_X, TOP), colours)
    return drawing.text()


def _lines(rows: Sequence[EvidenceRow]) -> dict[str, list[EvidenceRow]]:
    """The rows of each method, by the tokens of their windows."""
    lines: dict[str, list[EvidenceRow]] = {}
    for row in sorted(rows, key=lambda row: row.window_tokens):
        if row.kind == ALL_KINDS:
            lines.setdefault(row.method, []).append(row)
    return lines


def _limits(rows: Sequence[EvidenceRow]) -> tuple[float, float]:
    """The fewest and the most tokens of a window that is not empty."""
    tokens = [row.window_tokens for row in rows if row.window_tokens]
    return min(tokens, default=1.0), max(tokens, default=1.0)


def _draw_panel(
    drawing: Drawing,
    name: str,
    lines: Mapping[str, Sequence[EvidenceRow]],
    colours: Mapping[str, str],
    limits: tuple[float, float],
) -> None:
    title, x_start, x_end = PANELS[name]
    x_scale = Scale(math.log(limits[0]), math.log(limits[1]), x_start + 12, x_end - 12)
    y_scale = Scale(0.0, 1.0, BOTTOM, TOP)
    drawing.words(((x_start + x_end) / 2, TOP - 20), title, anchor="middle", size=14)
    _draw_axes(drawing, (x_start, x_end), limits, x_scale, y_scale)
    for method, line in lines.items():
        points: list[Point] = []
        for row in line:
            x = x_scale(math.log(max(row.window_tokens, limits[0])))
            low, high = row.ci95[name]
            drawing.line([(x, y_scale(low)), (x, y_scale(high))], colours[method], 0.7)
            points.append((x, y_scale(_share(row, name))))
        drawing.curve(points, colours[method])


def _share(row: EvidenceRow, name: str) -> float:
    value: float = getattr(row, name)
    return value


def _draw_axes(
    drawing: Drawing,
    sides: tuple[float, float],
    limits: tuple[float, float],
    x_scale: Scale,
    y_scale: Scale,
) -> None:
    draw_share_axis(drawing, sides, y_scale)
    for number in _round_numbers(limits):
        x = x_scale(math.log(number))
        drawing.line([(x, BOTTOM), (x, BOTTOM + 4)], GREY)
        drawing.words((x, BOTTOM + 18), f"{number:,}", anchor="middle", size=11)
    middle = sum(sides) / 2
    drawing.words((middle, BOTTOM + 40), "tokens of the window", anchor="middle")


def _round_numbers(limits: tuple[float, float]) -> list[int]:
    """The numbers 1, 2, 5, 10, 20, … between the limits."""
    numbers: list[int] = []
    for power in range(8):
        numbers += [digit * 10**power for digit in TICKS]
    return [number for number in numbers if limits[0] <= number <= limits[1]]
