"""The page in Noto Sans for a wanted density: how many columns and rows of half ems."""

from __future__ import annotations

from math import isqrt

from optical_memory.pages import Grid

__all__ = [
    "prose_chars",
    "sans_grid",
]


def sans_grid(side_px: int, density_px2_per_char: float) -> Grid:
    """The page in the style "sans" that holds the most running English prose at no less than this
    density (px² a character) on a picture of `side_px`; lines are 1.20 to 1.25 em high.

    On pages of books, at 45 to 340 px² a character, the mean has the density within 1 %, each
    within 4 %; text with short paragraphs has fewer characters on a page. Raises `ValueError` where
    a page would not have 8 lines.
    """
    chars = side_px * side_px / density_px2_per_char
    shapes = [
        (c, r)
        for r in range(8, isqrt(int(chars)) + 1)
        for c in range((12 * r + 9) // 5, 5 * r // 2 + 2)
    ]
    fits = [shape for shape in shapes if _prose_chars(*shape) <= chars]
    if not fits:
        raise ValueError(
            f"{side_px} px at {density_px2_per_char} px² per character hold too few, {chars:.0f}"
        )
    columns, rows = max(fits, key=lambda shape: _prose_chars(*shape))
    return Grid(columns, rows, 1, 0, "sans")


def _prose_chars(columns: int, rows: int) -> float:
    """Characters of running English prose on a full page, wrapped spaces included.

    Measured on 400,000 characters of public-domain books in Noto Sans: a character takes 0.467 em,
    and a line ends 3.05 characters before the margin, whatever its length (60 to 178 half ems:
    within 0.5 %).
    """
    return rows * ((columns - 2) / 2 / 0.467 - 3.05)


def prose_chars(grid: Grid) -> float:
    """Characters of a page full of running English prose, about.

    In the style "cells" every cell counts.
    """
    if grid.style == "cells":
        return grid.capacity
    return _prose_chars(grid.columns, grid.rows)
