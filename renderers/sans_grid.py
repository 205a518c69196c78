"""The page in Noto Sans for a wanted density: how many columns and rows of half ems."""

from __future__ import annotations

from math import isqrt

from optical_memory.errors import InputError
from optical_memory.pages import Grid

__all__ = [
    "prose_chars",
    "sans_grid",
]

CHAR_EMS = 0.467
"""Mean width of a character of running English prose in Noto Sans, in em.

Measured on 400,000 characters of public-domain books, like `RAGGED_CHARS`.
"""

RAGGED_CHARS = 3.05
"""Characters that a line ends before the margin, whatever its length (60 to 178 half ems: within
0.5 %).
"""


def sans_grid(side_px: int, density_px2_per_char: float) -> Grid:
    """The page in the style "sans" that holds the most running English prose at no less than this
    density (px² a character) on a picture of `side_px`. Lines are 1.20 to 1.25 em high.

    >>> sans_grid(512, 85)
    Grid(columns=87, rows=35, text_columns=1, gutter=0, style='sans')

    On pages of books, at 45 to 340 px² a character, the mean has the density within 1 %, each page
    within 4 %. Text with short paragraphs has fewer characters on a page. Raises `InputError` if a
    page would not have 8 lines.
    """
    chars = side_px * side_px / density_px2_per_char
    shapes = [shape for shape in _shapes(isqrt(int(chars))) if _prose_chars(*shape) <= chars]
    if not shapes:
        raise InputError(
            f"{side_px} px at {density_px2_per_char} px² per character hold too few characters, "
            f"{chars:.0f}; give a larger side or a smaller density"
        )
    columns, rows = max(shapes, key=lambda shape: _prose_chars(*shape))
    return Grid(columns, rows, 1, 0, "sans")


def _shapes(max_rows: int) -> list[tuple[int, int]]:
    """(columns, rows) of all pages of 8 lines or more whose lines are 1.20 to 1.25 em high."""
    shapes: list[tuple[int, int]] = []
    for rows in range(8, max_rows + 1):
        shapes += [(columns, rows) for columns in range((12 * rows + 9) // 5, 5 * rows // 2 + 2)]
    return shapes


def prose_chars(grid: Grid) -> float:
    """Characters of a page full of running English prose, about.

    In the style "cells" every cell counts.
    """
    if grid.style == "cells":
        return grid.capacity
    return _prose_chars(grid.columns, grid.rows)


def _prose_chars(columns: int, rows: int) -> float:
    """Characters of running English prose on a full page, wrapped spaces included."""
    return rows * ((columns - 2) / 2 / CHAR_EMS - RAGGED_CHARS)
