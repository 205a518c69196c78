"""The style "sans": proportional text in Noto Sans, as wide at every side of the picture, drawn
natively at each.

Knows how wide atoms are, how they look and where rows stand; nothing of turns or wrapping. Widths
are unhinted and in font units, so that the same characters stand in the same row at every side.
Characters that Noto Sans lacks are drawn as in the style "cells": shaped scripts by their fonts,
all others by Unifont, scaled to the em. Ink never leaves the band of its row, nor its text column.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import accumulate, repeat
from typing import NamedTuple

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
    "draw_line",
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

PEN_PX = 1000 * 64
"""Pen units in a px: font units (1,000 an em) times the em in 1/64 px."""

MIN_EM_PX = 4
"""The smallest em that is drawn. Nothing reads it, but a page may be asked for at every rung."""

MIN_LINE_EMS = 1.1
"""The least height of a line: ascenders and descenders without accents take 1.0."""

TAB_CELLS = 2

ASCENT = 0.95
"""Ems above the baseline of the letters of Latin-1; letters that are higher are moved down, or
drawn smaller.
"""

DESCENT = 0.24
"""Ems below the baseline of the letters of Latin-1."""

UNIFONT_ASCENT = 14 / 16
"""Share of a Unifont glyph above its baseline."""

QUARTERS = 4
"""Places in a pixel where a glyph may start."""


# ---- widths --------------------------------------------------------------------------------------


def split_line(text: str, widest: int = ANY_WIDTH) -> Line:
    """Cut one line into the atoms of the style "cells", `positions` in font units.

    `widest` as there.
    """
    line = cells.split_line(text, widest)
    if len(line) == len(text):
        widths: Iterable[int] = map(_char_width, text, _cell_counts(line))
    else:
        widths = (_atom_width(line.atom(i), line.cells(i)) for i in range(len(line)))
    positions = tuple(accumulate(widths, initial=0))
    return replace(line, positions=positions, cell_positions=line.positions)


def _cell_counts(line: Line) -> Iterable[int]:
    """The cells of each atom."""
    if isinstance(line.positions, range):
        return repeat(1)
    return (line.cells(i) for i in range(len(line)))


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
    letters = _noto_text(atom)
    if letters is None:
        return count * UNIT
    advance = sum(glyph.advance for glyph in outline(NOTO.font).shape(letters, NOTO))
    return max(advance, UNIT // 4)  # no thinner: see `CHARS_PER_CELL` of the wrapping


@lru_cache(maxsize=16384)
def _noto_text(atom: str) -> str | None:
    """The atom as Noto Sans draws it: a letter and its marks in one character if there is one.

    None if the font lacks a character, and for marks without a letter.
    """
    if atom == "\t" or kind(atom[0]) not in ("plain", "wide"):
        return None
    letters = atom if len(atom) == 1 else unicodedata.normalize("NFC", atom)
    return letters if all(outline(NOTO.font).has(char) for char in letters) else None


# ---- places --------------------------------------------------------------------------------------


def em_and_band(grid: Grid, side_px: int) -> tuple[int, int]:
    """The em in 1/64 px, and the height in px that every row has for its ink.

    Raises `LayoutError` if the em would be too small, or a line not high enough for it.
    """
    em = 128 * side_px // grid.columns  # a column is half an em, a px 64 units
    if em < 64 * MIN_EM_PX:
        min_side = -(-grid.columns * MIN_EM_PX // 2)
        raise LayoutError(
            f"a page of {grid.columns} half ems in a line cannot be drawn at {side_px} px: an em "
            f"would be {em / 64:.1f} px; draw it at {min_side} px or more"
        )
    line_ems = (grid.columns - 1) / 2 / grid.rows
    if line_ems < MIN_LINE_EMS:
        raise LayoutError(
            f"on a page of {grid.rows} lines of {grid.columns} half ems a line is {line_ems:.2f} "
            "em high: letters would not fit; use a grid with fewer rows or more columns"
        )
    return em, (side_px - 2 * _head(em)) // grid.rows


def _head(em: int) -> int:
    """Blank px above the first line and below the last: a quarter of an em."""
    return em // 256


def edges(grid: Grid, side_px: int) -> tuple[list[int], list[int]]:
    """(rows + 1, columns + 1) The px at which each row and each cell of a line starts, and at the
    end the px at which the last ends. Raises `LayoutError` like `em_and_band`.
    """
    em, _ = em_and_band(grid, side_px)
    head = _head(em)
    ys = [head + i * (side_px - 2 * head) // grid.rows for i in range(grid.rows + 1)]
    xs = [i * side_px // grid.columns for i in range(grid.columns + 1)]
    return ys, xs


# ---- ink -----------------------------------------------------------------------------------------


class Glyph(NamedTuple):
    """Ink (height, width) and its corner in px: `x` from the start of the atom, `y` from the top of
    the row's band.
    """

    ink: Ink
    x: int
    y: int


def draw_page(page: Page, side_px: int) -> Image:
    """A page in (side_px, side_px) px, 0 on 255. Raises `LayoutError` like `em_and_band`."""
    grid = page.layout.grid
    em, band = em_and_band(grid, side_px)
    ys, xs = edges(grid, side_px)
    ink = np.zeros((side_px, side_px), np.uint8)
    for row, line in zip(page.layout.rows, page.lines, strict=True):
        strip = ink[ys[row.y] : ys[row.y] + band, xs[row.x] : xs[row.x + grid.measure]]
        pen = row.x * UNIT * em - PEN_PX * xs[row.x]  # from the strip's own edge
        draw_line(strip, in_order(line, grid.measure), pen, em)
    return 255 - ink


def in_order(line: str, measure: int) -> Sequence[tuple[str, int]]:
    """(atom, cells) from left to right. Rows run from left to right, so that the mark of a turn
    stands first.
    """
    if not RTL.search(line) and all(kind(char) == "plain" for char in set(line)):
        return list(zip(line, repeat(1)))
    return visual_order(line, measure, base=0)


def draw_line(strip: Ink, atoms: Sequence[tuple[str, int]], pen: int, em: int) -> None:
    """Put atoms into a row's strip (band, measure in px), the first at `pen` (in 1/`PEN_PX` px)."""
    band, room = strip.shape
    step = PEN_PX // QUARTERS
    for atom, count in atoms:
        if atom != " ":
            px, quarter = divmod((pen + step // 2) // step, QUARTERS)
            ink, x, y = glyph(atom, count, em, quarter, band)
            x = max(0, min(px + x, room - ink.shape[1]))
            spot = strip[y : y + ink.shape[0], x : x + ink.shape[1]]
            np.maximum(spot, ink[:, : spot.shape[1]], out=spot)
        pen += width(atom, count) * em


# Each atom at four places in a pixel, at the side of every rung.
@lru_cache(maxsize=65536)
def glyph(atom: str, count: int, em: int, quarter: int, band: int) -> Glyph:
    """An atom of `count` cells, its em in 1/64 px, moved right by `quarter`/4 px, in a band of
    `band` px.
    """
    letters = _noto_text(atom)
    if letters:
        return _noto_glyph(letters, em, quarter, band)
    room = max(1, width(atom, count) * em // PEN_PX)
    if atom == "\t":
        return Glyph(cell_ink(atom, 1, room, band), 0, 0)
    script = script_of(atom[0])
    if script:
        return Glyph(run_ink(atom, script, room, band, count), 0, 0)
    size = min(band, max(1, em // 64))
    top = baseline(em, band) - round(UNIFONT_ASCENT * size)
    return Glyph(resized(overlay(atom), size, room), 0, min(max(0, top), band - size))


def baseline(em: int, band: int) -> int:
    """Px from the top of a band to the baseline: room for accents, then a pixel of paper below
    descenders.
    """
    below = -(-round(DESCENT * em) // 64)
    return min(round(ASCENT * em / 64), band - below - 1)


def _noto_glyph(letters: str, em: int, quarter: int, band: int) -> Glyph:
    font = outline(NOTO.font)
    with FREETYPE:
        ink, x, top = _filled(font, letters, em, quarter / QUARTERS)
        while ink.shape[0] > band:  # letters with several marks
            em = em * band // ink.shape[0]
            ink, x, top = _filled(font, letters, em, quarter / QUARTERS)
    y = min(max(0, baseline(em, band) - top), band - ink.shape[0])
    return Glyph(_gray(ink), x, y)


def _filled(font: Outline, letters: str, em: int, dx: float) -> tuple[Ink, int, int]:
    """(ink, x, top) of a letter with its marks, as `Outline.fill` has them."""
    ppem = em / 64
    parts = []
    for number, x, y, _ in font.shape(letters, NOTO):
        x_px = dx + x * ppem / font.units
        parts.append(font.fill(number, ppem, ppem, x_px, y * ppem / font.units))
    if len(parts) == 1:
        return parts[0]
    x_start = min(x for _, x, _ in parts)
    x_end = max(x + part.shape[1] for part, x, _ in parts)
    top = max(part_top for *_, part_top in parts)
    height = max(top - part_top + part.shape[0] for part, _, part_top in parts)
    ink = np.zeros((height, x_end - x_start), np.uint8)
    for part, x, part_top in parts:
        y = top - part_top
        spot = ink[y : y + part.shape[0], x - x_start : x - x_start + part.shape[1]]
        np.maximum(spot, part, out=spot)
    return ink, x_start, top


def _gray(ink: Ink) -> Ink:
    """Coverage to 4 bits; ink too faint to be seen at all is drawn as dark as can be."""
    gray = (ink.astype(np.uint16) * 15 + 127) // 255  # rounded
    return (gray * 17).astype(np.uint8) if gray.any() else four_bits(ink)
