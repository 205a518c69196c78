"""The style "sans": proportional text in Noto Sans, as wide at every side of the picture, drawn
natively at each.

Knows how wide atoms are, how they look and where rows stand; nothing of turns or wrapping. Widths
are unhinted and in font units, so that the same characters stand in the same row at every side.
What Noto Sans lacks is drawn as in the style "cells": shaped scripts by their fonts, all else by
Unifont, scaled to the em. Ink never leaves the band of its row, nor its text column.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import accumulate, repeat

import numpy as np

from optical_memory.errors import LayoutError
from optical_memory.pages import Grid, Page
from optical_memory.renderers import cells
from optical_memory.renderers.cells import ANY_WIDTH, RTL, Line, escape, kind, overlay
from optical_memory.renderers.drawing import Image, visual_order
from optical_memory.renderers.glyphs import FREETYPE, Ink, cell_ink, resized
from optical_memory.renderers.shaping import Outline, Script, four_bits, outline, run_ink, script_of

__all__ = [
    "MIN_EM_PX",
    "UNIT",
    "draw_page",
    "edges",
    "em_and_band",
    "glyph",
    "in_order",
    "split_line",
    "width",
]

NOTO = Script("Zyyy", "NotoSans", ())
"""Noto Sans, its marks put over their letters."""

UNIT = 500
"""Font units in a cell: an em has 1,000."""

MIN_EM_PX = 4
"""The smallest em that is drawn. Nothing reads it, but a page may be asked for at every rung."""

MIN_LINE_EMS = 1.1
"""The least height of a line: ascenders and descenders without accents take 1.0."""

TAB_CELLS = 2
ASCENT, DESCENT = 0.95, 0.24
"""Ems above and below the baseline of the letters of Latin-1; what is higher is moved down, or
drawn smaller.
"""

UNIFONT_ASCENT = 14 / 16
QUARTERS = 4
"""Places in a pixel where a glyph may start."""


# ---- widths --------------------------------------------------------------------------------------


def split_line(text: str, widest: int = ANY_WIDTH) -> Line:
    """Cut one line into the atoms of the style "cells", `at` in font units. `widest` as there."""
    line = cells.split_line(text, widest)
    if len(line) == len(text):
        widths: Iterable[int] = map(_char_width, text, _counts(line))
    else:
        widths = (_atom_width(line.atom(i), line.cells(i)) for i in range(len(line)))
    return replace(line, at=tuple(accumulate(widths, initial=0)), cells_at=line.at)


def _counts(line: Line) -> Iterable[int]:
    """The cells of each atom."""
    return repeat(1) if isinstance(line.at, range) else (line.cells(i) for i in range(len(line)))


def _atom_width(atom: str, count: int) -> int:
    if kind(atom[0]) == "escape":
        return sum(width(char, 1) for char in escape(atom))
    return width(atom, count)


_char_width = lru_cache(maxsize=16384)(_atom_width)


@lru_cache(maxsize=16384)
def width(atom: str, count: int) -> int:
    """Font units that an atom of `count` cells takes; escapes are spelled out before."""
    if atom == "\t":
        return TAB_CELLS * UNIT
    if (composed := _in_noto(atom)) is None:
        return count * UNIT
    advance: int = sum(advance for *_, advance in outline(NOTO.font).shape(composed, NOTO))
    return max(advance, UNIT // 4)  # no thinner: see `CHARS_PER_CELL` of the layout


@lru_cache(maxsize=16384)
def _in_noto(atom: str) -> str | None:
    """The atom as Noto Sans draws it, composed; None where it cannot, and for marks without a
    letter.
    """
    if atom == "\t" or kind(atom[0]) not in ("plain", "wide"):
        return None
    composed = atom if len(atom) == 1 else unicodedata.normalize("NFC", atom)
    return composed if all(outline(NOTO.font).has(char) for char in composed) else None


# ---- places --------------------------------------------------------------------------------------


def em_and_band(grid: Grid, side_px: int) -> tuple[int, int]:
    """The em in 1/64 px, and the height in px that every row has for its ink.

    Raises `LayoutError` where the em would be too small, or a line not high enough for it.
    """
    em = 128 * side_px // grid.columns
    if em < 64 * MIN_EM_PX:
        raise LayoutError(
            f"a page of {grid.columns} half ems in a line cannot be drawn at {side_px} px: an em would be "
            f"{em / 64:.1f} px; draw it at {-(-grid.columns * MIN_EM_PX // 2)} px or more"
        )
    if (line_ems := (grid.columns - 1) / 2 / grid.rows) < MIN_LINE_EMS:
        raise LayoutError(
            f"on a page of {grid.rows} lines of {grid.columns} half ems a line is {line_ems:.2f} em high: letters "
            "would not fit; use a grid with fewer rows or more columns"
        )
    return em, (side_px - 2 * _head(em)) // grid.rows


def _head(em: int) -> int:
    """Blank px above the first line and below the last: a quarter of an em."""
    return em // 256


def edges(grid: Grid, side_px: int) -> tuple[list[int], list[int]]:
    """Where each row and each cell of a line starts, in px, and where the last ends."""
    head = _head(em_and_band(grid, side_px)[0])
    ys = [head + i * (side_px - 2 * head) // grid.rows for i in range(grid.rows + 1)]
    return ys, [i * side_px // grid.columns for i in range(grid.columns + 1)]


# ---- ink -----------------------------------------------------------------------------------------

Glyph = tuple[Ink, int, int]
"""(ink, left, top) in px: from where the atom starts, and from the top of the row's band."""


def draw_page(page: Page, side_px: int) -> Image:
    """A page in (side_px, side_px) px, 0 on 255. Raises `LayoutError`: see `em_and_band`."""
    grid = page.layout.grid
    em, band = em_and_band(grid, side_px)
    ys, xs = edges(grid, side_px)
    ink = np.zeros((side_px, side_px), np.uint8)
    for row, line in zip(page.layout.rows, page.lines, strict=True):
        strip = ink[ys[row.y] : ys[row.y] + band, xs[row.x] : xs[row.x + grid.measure]]
        start = (
            row.x * UNIT * em - 1000 * 64 * xs[row.x]
        )  # from the strip's left edge, in 1/64000 px
        _draw_line(strip, in_order(line, grid.measure), start, em)
    return 255 - ink


def in_order(line: str, measure: int) -> Sequence[tuple[str, int]]:
    """(atom, cells) from left to right. Rows run from left to right, so that the mark of a turn
    stands first.
    """
    if not RTL.search(line) and all(kind(char) == "plain" for char in set(line)):
        return list(zip(line, repeat(1)))
    return visual_order(line, measure, base=0)


def _draw_line(strip: Ink, atoms: Sequence[tuple[str, int]], pen: int, em: int) -> None:
    """Put atoms into a row's strip (band, measure in px), the first at `pen` (1/64000 px)."""
    band, room = strip.shape
    for atom, count in atoms:
        if atom != " ":
            px, quarter = divmod((pen + 8000) // 16000, QUARTERS)
            ink, left, top = glyph(atom, count, em, quarter, band)
            x = max(0, min(px + left, room - ink.shape[1]))
            spot = strip[top : top + ink.shape[0], x : x + ink.shape[1]]
            np.maximum(spot, ink[:, : spot.shape[1]], out=spot)
        pen += width(atom, count) * em


@lru_cache(maxsize=65536)
def glyph(atom: str, count: int, em: int, quarter: int, band: int) -> Glyph:
    """An atom of `count` cells, its em in 1/64 px, moved right by `quarter`/4 px, in a band of
    `band` px.
    """
    if composed := _in_noto(atom):
        return _outlined(composed, em, quarter, band)
    room = max(1, width(atom, count) * em // 64000)
    if atom == "\t":
        return cell_ink(atom, 1, room, band), 0, 0
    if script := script_of(atom[0]):
        return run_ink(atom, script, room, band, count), 0, 0
    size = min(band, max(1, em // 64))
    top = baseline(em, band) - round(UNIFONT_ASCENT * size)
    return resized(overlay(atom), size, room), 0, min(max(0, top), band - size)


def baseline(em: int, band: int) -> int:
    """Px from the top of a band to the baseline: room for accents, then a pixel of paper below
    descenders.
    """
    below = -(-round(DESCENT * em) // 64)
    return min(round(ASCENT * em / 64), band - below - 1)


def _outlined(text: str, em: int, quarter: int, band: int) -> Glyph:
    font = outline(NOTO.font)
    with FREETYPE:
        ink, left, top = _filled(font, text, em, quarter / QUARTERS)
        while ink.shape[0] > band:  # letters with several marks
            em = em * band // ink.shape[0]
            ink, left, top = _filled(font, text, em, quarter / QUARTERS)
    return _gray(ink), left, min(max(0, baseline(em, band) - top), band - ink.shape[0])


def _filled(font: Outline, text: str, em: int, dx: float) -> Glyph:
    """(ink, left, px above the baseline) of a letter with its marks."""
    ppem = em / 64
    parts = [
        font.fill(number, ppem, ppem, dx + x * ppem / font.units, y * ppem / font.units)
        for number, x, y, _ in font.shape(text, NOTO)
    ]
    if len(parts) == 1:
        return parts[0]
    left, top = min(left for _, left, _ in parts), max(top for *_, top in parts)
    right = max(x + part.shape[1] for part, x, _ in parts)
    ink = np.zeros((max(top - y + part.shape[0] for part, _, y in parts), right - left), np.uint8)
    for part, x, y in parts:
        spot = ink[top - y : top - y + part.shape[0], x - left : x - left + part.shape[1]]
        np.maximum(spot, part, out=spot)
    return ink, left, top


def _gray(ink: Ink) -> Ink:
    """Coverage to 4 bits; what would be too faint to be seen at all is drawn as dark as can be."""
    gray = (ink.astype(np.uint16) * 15 + 127) // 255
    return (gray * 17).astype(np.uint8) if gray.any() else four_bits(ink)
