"""A little SVG: lines, points, boxes and words, and the frame of a figure with shares, as text.

The same input gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

__all__ = [
    "COLOURS",
    "Drawing",
    "Point",
    "Scale",
    "colours_for",
    "draw_legend",
    "draw_share_axis",
]

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#666666", "#000000")
"""Okabe and Ito's colours, which colour-blind readers tell apart."""

GREY = "#bbbbbb"
LINE_HEIGHT = 20

Point = tuple[float, float]
"""x to the right and y downwards, in pixels."""


@dataclass(frozen=True, slots=True)
class Scale:
    """Maps values from `low` to `high` to pixels from `start` to `end`."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """The pixel of a value."""
        span = self.high - self.low
        share = (value - self.low) / span if span else 0.5
        return self.start + share * (self.end - self.start)


@dataclass(slots=True)
class Drawing:
    """A drawing of a size in pixels, on white; elements are drawn in the order of the calls."""

    width: int
    height: int
    elements: list[str] = field(default_factory=list)

    def line(self, points: Sequence[Point], colour: str, width: float = 1.0) -> None:
        """A line through all points."""
        places = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.elements.append(
            f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="{width:g}"/>'
        )

    def curve(self, points: Sequence[Point], colour: str) -> None:
        """A line through all points, with a dot at each."""
        self.line(points, colour, 1.8)
        for point in points:
            self.dot(point, colour)

    def dot(self, point: Point, colour: str, radius: float = 3.0) -> None:
        """A filled circle."""
        x, y = point
        self.elements.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" fill="{colour}"/>')

    def box(self, corner: Point, width: float, height: float, colour: str) -> None:
        """A filled box; `corner` is its upper left."""
        x, y = corner
        self.elements.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" '
            f'fill="{colour}"/>'
        )

    def words(
        self,
        point: Point,
        text: str,
        *,
        anchor: str = "start",
        size: int = 12,
        colour: str = "#222",
    ) -> None:
        """A line of text; `anchor` says which part of it is at the point: start, middle or end."""
        x, y = point
        self.elements.append(
            f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" '
            f'fill="{colour}">{escape(text)}</text>'
        )

    def text(self) -> str:
        """The drawing as an SVG file."""
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{self.width}" height="{self.height}" '
            f'viewBox="0 0 {self.width} {self.height}" font-family="sans-serif">'
        )
        ground = '<rect width="100%" height="100%" fill="white"/>'
        return "\n".join([head, ground, *self.elements, "</svg>", ""])


def colours_for(names: Sequence[str]) -> dict[str, str]:
    """A colour for each name, in order."""
    return {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(names)}


def draw_share_axis(drawing: Drawing, sides: tuple[float, float], y_scale: Scale) -> None:
    """Lines for the shares 0.0, 0.2, … 1.0 from side to side, with their numbers at the left."""
    left, right = sides
    for tenth in range(0, 11, 2):
        y = y_scale(tenth / 10)
        drawing.line([(left, y), (right, y)], GREY, 0.5)
        drawing.words((left - 6, y + 4), f"{tenth / 10:.1f}", anchor="end", size=11)


def draw_legend(drawing: Drawing, corner: Point, colours: Mapping[str, str]) -> None:
    """A dot and a name for each colour, one below the other."""
    x, top = corner
    for i, (name, colour) in enumerate(colours.items()):
        y = top + LINE_HEIGHT * i
        drawing.dot((x, y), colour, 4.0)
        drawing.words((x + 10, y + 4), name)
