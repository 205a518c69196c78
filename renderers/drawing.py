"""Pages to pixels: cells of characters blitted from a cache of glyphs, black (0) on white (255).

Knows where cells stand on a picture and how a run of text is put into its cells; nothing of turns
or wrapping. Pixels are whole numbers all the way, and grays have 4 bits: what is drawn is what a
PNG stores.
"""

from __future__ import annotations

import unicodedata
from functools import cache, lru_cache
from threading import Lock

import numpy as np
import numpy.typing as npt
from bidi.mirror import MIRRORED

from optical_memory.pages import Cluster, Grid, Page
from optical_memory.renderers.cells import ANY_WIDTH, bidi_levels, escape, kind, overlay, split_line
from optical_memory.renderers.geometry import cell_size, origins
from optical_memory.renderers.glyphs import Ink, cell_ink, fit_ink
from optical_memory.renderers.shaping import run_ink, script_of

__all__ = ["Image", "draw_cells", "draw_page", "edges", "visual_order"]

Image = npt.NDArray[np.uint8]  # (side_px, side_px), 0 = ink, 255 = paper

SPACE = ord(" ")


class GlyphAtlas:
    """Paper-and-ink tiles (n, height, width) of single-cell characters at one cell size; grows as
    characters appear.
    """

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._tiles = np.full((1, height, width), 255, np.uint8)  # tile 0 is the space
        self._index = np.full(0x110000, -1, np.int32)
        self._index[SPACE] = 0
        self._lock = Lock()

    def tiles(self, codes: npt.NDArray[np.integer]) -> Image:
        """(rows, columns) code points to (rows, columns, height, width) pixels."""
        index = self._index[codes]
        if index.min(initial=0) < 0:
            self._add(np.unique(codes[index < 0]).tolist())
            index = self._index[codes]
        tiles: Image = self._tiles[index]
        return tiles

    def _add(self, codes: list[int]) -> None:
        new = np.stack([255 - cell_ink(chr(code), 1, self.width, self.height) for code in codes])
        with self._lock:
            first = len(self._tiles)
            self._tiles = np.concatenate([self._tiles, new])  # first: no thread sees a missing tile
            self._index[codes] = np.arange(first, first + len(codes))


@cache
def glyph_atlas(width: int, height: int) -> GlyphAtlas:
    return GlyphAtlas(width, height)


def draw_cells(codes: npt.NDArray[np.integer], side_px: int) -> Image:
    """One character in each cell: (rows, columns) code points to a (side_px, side_px) picture, 0 on
    255.

    The fast road for pages without clusters, all glyphs in one blit. Spaces are paper; a tab is an
    arrow to a stop; a wide character is squeezed into its one cell. Raises `LayoutError` where
    cells would be smaller than 4 x 6 px.
    """
    rows, columns = codes.shape
    width, height = cell_size(columns, rows, side_px)
    tiles = glyph_atlas(width, height).tiles(codes)
    image = np.full((side_px, side_px), 255, np.uint8)
    block = tiles.transpose(0, 2, 1, 3).reshape(rows * height, columns * width)
    ys = (origins(rows, side_px, height)[:, None] + np.arange(height)).ravel()
    if columns * width == side_px:
        image[ys] = block
    else:
        xs = (origins(columns, side_px, width)[:, None] + np.arange(width)).ravel()
        image[np.ix_(ys, xs)] = block
    return image


# ---- pages ---------------------------------------------------------------------------------------


def edges(grid: Grid, side_px: int) -> tuple[list[int], list[int]]:
    """Where each row and each cell of a line starts, in px, and the side after the last."""
    width, height = cell_size(grid.columns, grid.rows, side_px)
    ys, xs = origins(grid.rows, side_px, height), origins(grid.columns, side_px, width)
    return [*ys.tolist(), side_px], [*xs.tolist(), side_px]


def draw_page(page: Page, side_px: int) -> Image:
    """A page of the style "cells" in (side_px, side_px) px, 0 on 255. Raises `LayoutError` for too
    small cells.
    """
    grid = page.layout.grid
    codes = np.full((grid.rows, grid.columns), SPACE, np.uint32)
    wide: list[tuple[str, int, int, int]] = []
    for row, line in zip(page.layout.rows, page.lines, strict=True):
        points = np.frombuffer(line.encode("utf-32-le", "surrogatepass"), "<u4")
        char = cell = 0
        for cluster in (*row.clusters, Cluster(row.chars, 0, row.cells, 0)):
            codes[row.y, row.x + cell : row.x + cluster.cell] = points[char : cluster.char]
            char, cell = cluster.char + cluster.chars, cluster.cell + cluster.cells
            x = row.x + cluster.cell
            for atom, cells in visual_order(line[cluster.char : char], grid.measure):
                if cells == len(atom) == 1:
                    codes[row.y, x] = ord(atom)
                else:
                    wide.append((atom, cells, x, row.y))
                x += cells
    image = draw_cells(codes, side_px)
    _blit(image, wide, grid)
    return image


def _blit(image: Image, atoms: list[tuple[str, int, int, int]], grid: Grid) -> None:
    """Draw (atom, cells, x, y) into their cells."""
    side = len(image)
    width, height = cell_size(grid.columns, grid.rows, side)
    lefts, tops = (
        origins(grid.columns, side, width).tolist(),
        origins(grid.rows, side, height).tolist(),
    )
    for atom, cells, x, y in atoms:
        left, right = lefts[x], lefts[x + cells - 1] + width
        image[tops[y] : tops[y] + height, left:right] = 255 - atom_ink(
            atom, cells, right - left, height
        )


def visual_order(text: str, widest: int = ANY_WIDTH, base: int = 1) -> list[tuple[str, int]]:
    """(atom, cells) of a cluster from left to right, escapes spelled out.

    Right-to-left runs are reversed and their brackets mirrored (UAX #9: L2, L4). `base` is the
    level of what stands around them; `widest` as in `split_line`.
    """
    line = split_line(text, widest)
    levels = bidi_levels(text, base)
    atoms = [
        (line.atom(i), line.cells(i), levels[line.starts[i]] if levels else 0)
        for i in range(len(line))
    ]
    atoms = [
        (MIRRORED.get(atom, atom) if level % 2 else atom, cells, level)
        for atom, cells, level in atoms
    ]
    for level in range(max((level for *_, level in atoms), default=0), 0, -1):
        atoms = _reverse_runs(atoms, level)
    return [part for atom, cells, _ in atoms for part in _spelled(atom, cells)]


def _spelled(atom: str, cells: int) -> list[tuple[str, int]]:
    return [(char, 1) for char in escape(atom)] if kind(atom[0]) == "escape" else [(atom, cells)]


def _reverse_runs(atoms: list[tuple[str, int, int]], least: int) -> list[tuple[str, int, int]]:
    done: list[tuple[str, int, int]] = []
    run: list[tuple[str, int, int]] = []
    for atom in atoms:
        if atom[2] >= least:
            run.append(atom)
        else:
            done += [*reversed(run), atom]
            run = []
    return [*done, *reversed(run)]


@lru_cache(maxsize=16384)
def atom_ink(atom: str, cells: int, width: int, height: int) -> Ink:
    """One atom in (height, width) px: a shaped run, a base with its marks, or a wide character."""
    if script := script_of(atom[0]):
        return run_ink(atom, script, width, height, cells)
    composed = unicodedata.normalize("NFC", atom)
    if cells == 1 and len(composed) == 1 and kind(composed) in ("plain", "mark"):
        return cell_ink(composed, 1, width, height)
    return fit_ink(overlay(atom), height, width)
