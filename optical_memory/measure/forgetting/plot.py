"""The figure of `eval forgetting`: facts that are missing, over the size and over the age."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from optical_memory.measure.finding.svg import (
    Drawing,
    Point,
    Scale,
    colours_for,
    draw_legend,
    draw_share_axis,
)
from optical_memory.measure.forgetting.rows import AGES, ALL, ForgettingRow

__all__ = [
    "forgetting_plot",
]

WIDTH = 960
HEIGHT = 400
TOP = 50
BOTTOM = 340
PANELS = ((60.0, 370.0), (430.0, 740.0))
"""The left and the right side of each panel."""

LEGEND_X = 756.0


def forgetting_plot(rows: Sequence[ForgettingRow]) -> str:
    """An SVG with a line for each method; whiskers are the 95 % intervals.

    They are about facts of the first row's source: on the left facts of all ages at each size, on
    the right those of each age at the smallest size.
    """
    rows = [row for row in rows if row.source == rows[0].source]
    names = list(dict.fromkeys(row.method for row in rows if row.size_share is not None))
    colours = colours_for(names)
    with_size = [row for row in rows if row.size_share is not None and row.form == ALL]
    sizes = sorted({row.size_share for row in with_size if row.size_share is not None})
    by_size = [row for row in with_size if row.age == ALL]
    by_age = [row for row in with_size if row.age != ALL and row.size_share == sizes[0]]
    drawing = Drawing(WIDTH, HEIGHT)
    _draw_panel(
        drawing,
        PANELS[0],
        ("facts that are missing", "size, of what all pages need at the last rung"),
        {f"{size:.0%}": [row for row in by_size if row.size_share == size] for size in sizes},
        colours,
    )
    _draw_panel(
        drawing,
        PANELS[1],
        (f"by age, at {sizes[0]:.0%}", "quarter of the conversation, the newest first"),
        {str(age): [row for row in by_age if row.age == age] for age in range(1, AGES + 1)},
        colours,
    )
    draw_legend(drawing, (LEGEND_X, TOP), colours)
    return drawing.text()


def _draw_panel(
    drawing: Drawing,
    sides: tuple[float, float],
    titles: tuple[str, str],
    rows_by_place: Mapping[str, Sequence[ForgettingRow]],
    colours: Mapping[str, str],
) -> None:
    """A panel with the places from left to right; `titles` are that above it and that below it."""
    title, axis_title = titles
    middle = sum(sides) / 2
    drawing.words((middle, TOP - 20), title, anchor="middle", size=14)
    drawing.words((middle, BOTTOM + 40), axis_title, anchor="middle")
    y_scale = Scale(0.0, 1.0, BOTTOM, TOP)
    draw_share_axis(drawing, sides, y_scale)
    x_scale = Scale(0.0, max(1, len(rows_by_place) - 1), sides[0] + 20, sides[1] - 20)
    lines: dict[str, list[Point]] = {name: [] for name in colours}
    for i, (place, rows) in enumerate(rows_by_place.items()):
        x = x_scale(i)
        drawing.words((x, BOTTOM + 18), place, anchor="middle", size=11)
        for row in rows:
            low, high = row.ci95["false_forgetting"]
            drawing.line([(x, y_scale(low)), (x, y_scale(high))], colours[row.method], 0.7)
            lines[row.method].append((x, y_scale(row.false_forgetting)))
    for name, points in lines.items():
        drawing.curve(points, colours[name])
