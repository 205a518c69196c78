"""Pages to pixels: cells of characters blitted from a cache of glyphs, black (0) on white (255).

Knows where cells stand on a picture and how a run of text is put into its cells; nothing of turns or wrapping.
Pixels are whole numbers all the way, and grays have 4 bits: what is drawn is what a PNG stores.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from optical_memory.errors import LayoutError
from optical_memory.renderers.glyphs import MIN_CELL, cell_ink

__all__ = ["Image", "cell_size", "draw_cells"]

Image = npt.NDArray[np.uint8]  # (side_px, side_px), 0 = ink, 255 = paper

SPACE = ord(" ")


def cell_size(columns: int, rows: int, side_px: int) -> tuple[int, int]:
    """(width, height) in px of a cell. Raises `LayoutError` where the smallest font would not fit."""
    width, height = side_px // columns, side_px // rows
    if width < MIN_CELL[0] or height < MIN_CELL[1]:
        least = max(MIN_CELL[0] * columns, MIN_CELL[1] * rows)
        raise LayoutError(
            f"a page of {columns} x {rows} cells cannot be drawn at {side_px} px: cells of {width} x {height} px are "
            f"smaller than {MIN_CELL[0]} x {MIN_CELL[1]}; draw it at {least} px or more"
        )
    return width, height


def origins(count: int, side_px: int) -> npt.NDArray[np.intp]:
    """Where each of `count` rows or columns starts, in px: round(i * side / count), halves up."""
    return (np.arange(count) * 2 * side_px + count) // (2 * count)


class GlyphAtlas:
    """Paper-and-ink tiles (n, height, width) of single-cell characters at one cell size; grows as characters appear."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._tiles = np.full((1, height, width), 255, np.uint8)  # tile 0 is the space
        self._index = np.full(0x110000, -1, np.int32)
        self._index[SPACE] = 0

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
        first = len(self._tiles)
        self._tiles = np.concatenate([self._tiles, new])  # before the index: other threads never see a missing tile
        self._index[codes] = np.arange(first, first + len(codes))


@cache
def glyph_atlas(width: int, height: int) -> GlyphAtlas:
    return GlyphAtlas(width, height)


def draw_cells(codes: npt.NDArray[np.integer], side_px: int) -> Image:
    """One character in each cell: (rows, columns) code points to a (side_px, side_px) picture, 0 on 255.

    The fast road for pages without clusters, all glyphs in one blit. Spaces are paper; a tab is an arrow to a stop; a
    wide character is squeezed into its one cell. Raises `LayoutError` where cells would be smaller than 4 x 6 px.
    """
    rows, columns = codes.shape
    width, height = cell_size(columns, rows, side_px)
    tiles = glyph_atlas(width, height).tiles(codes)
    image = np.full((side_px, side_px), 255, np.uint8)
    block = tiles.transpose(0, 2, 1, 3).reshape(rows * height, columns * width)
    ys = (origins(rows, side_px)[:, None] + np.arange(height)).ravel()
    if columns * width == side_px:
        image[ys] = block
    else:
        xs = (origins(columns, side_px)[:, None] + np.arange(width)).ravel()
        image[np.ix_(ys, xs)] = block
    return image
