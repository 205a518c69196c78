"""A little SVG: lines, points, boxes and words, as text. The same input gives the same bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

__all__ = [
    "COLOURS",
    "Drawing",
    "Point",
    "Scale",
]

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#666666", "#000000")
"""Okabe and Ito's colours, which colour-blind readers tell apart."""

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
