"""Pages to pixels: cells of characters blitted from a cache of glyphs, black (0) on white (255).

Knows how a run of text is put into its cells; nothing of turns or wrapping. Pixels are whole
numbers all the way, and grays have 4 bits: a PNG stores exactly the pixels that are drawn.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from threading import Lock
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from bidi.mirror import MIRRORED

from optical_memory.pages import Cluster, Grid, Page, RowBox
from optical_memory.readings import codepoints
from optical_memory.renderers.cells import ANY_WIDTH, bidi_levels, escape, kind, overlay, split_line
from optical_memory.renderers.geometry import cell_size, origins
from optical_memory.renderers.glyphs import Ink, cell_ink, fit_ink
from optical_memory.renderers.shaping import run_ink, script_of

__all__ = [
    "Image",
    "draw_cells",
    "draw_page",
    "glyph_atlas",
    "visual_order",
]

Image = npt.NDArray[np.uint8]  # (side_px, side_px), 0 = ink, 255 = paper

SPACE = ord(" ")


class GlyphAtlas:
    """Paper-and-ink tiles (n, height, width) of single-cell characters at one cell size.

    It grows as characters appear.
    """

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self.height = height
        self._tiles = np.full((1, height, width), 255, np.uint8)  # tile 0 is the space
        self._index = np.full(0x110000, -1, np.int32)
        self._index[SPACE] = 0
        self._lock = Lock()  # two threads that add tiles at once would take the same numbers

    def tiles(self, codes: npt.NDArray[np.integer]) -> Image:
        """(rows, columns) code points to (rows, columns, height, width) pixels."""
        index = self._index[codes]
        if index.min(initial=0) < 0:
            self._add(np.unique(codes[index < 0]).tolist())
            index = self._index[codes]
        tiles: Image = self._tiles[index]
        return tiles

    def _add(self, codes: list[int]) -> None:
        tiles = np.stack([255 - cell_ink(chr(code), 1, self.width, self.height) for code in codes])
        with self._lock:
            first = len(self._tiles)
            # Tiles before their numbers: a thread that reads without the lock misses no tile.
            self._tiles = np.concatenate([self._tiles, tiles])
            self._index[codes] = np.arange(first, first + len(codes))


@cache
def glyph_atlas(width: int, height: int) -> GlyphAtlas:
    """The atlas of a cell size in px, the same for all threads."""
    return GlyphAtlas(width, height)


def draw_cells(codes: npt.NDArray[np.integer], side_px: int) -> Image:
    """One character in each cell: (rows, columns) code points to a (side_px, side_px) picture, 0 on
    255.

    All glyphs are drawn in one blit. Spaces are paper; a tab is an arrow to a stop; a wide
    character is squeezed into its one cell. Raises `LayoutError` if cells would be smaller than
    4 x 6 px.
    """
    rows, columns = codes.shape
    width, height = cell_size(columns, rows, side_px)
    tiles = glyph_atlas(width, height).tiles(codes)
    image = np.full((side_px, side_px), 255, np.uint8)
    block = tiles.transpose(0, 2, 1, 3).reshape(rows * height, columns * width)
    ys = (origins(rows, side_px, height)[:, None] + np.arange(height)).ravel()
    if (
        columns * width == side_px
    ):  # no blank columns between the cells: whole rows, which is faster
        image[ys] = block
    else:
        xs = (origins(columns, side_px, width)[:, None] + np.arange(width)).ravel()
        image[np.ix_(ys, xs)] = block
    return image


# ---- pages ---------------------------------------------------------------------------------------


class _PlacedAtom(NamedTuple):
    """An atom that takes more than one cell, or is more than one character."""

    text: str
    cells: int
    x: int  # of its first cell
    y: int


def draw_page(page: Page, side_px: int) -> Image:
    """A page of the style "cells" in (side_px, side_px) px, 0 on 255.

    Raises `LayoutError` if the cells would be too small.
    """
    grid = page.layout.grid
    codes = np.full((grid.rows, grid.columns), SPACE, np.uint32)
    atoms: list[_PlacedAtom] = []
    for row, line in zip(page.layout.rows, page.lines, strict=True):
        _put_single_characters(codes, row, line)
        for atom in _cluster_atoms(row, line, grid):
            if atom.cells == len(atom.text) == 1:
                codes[atom.y, atom.x] = ord(atom.text)
            else:
                atoms.append(atom)
    image = draw_cells(codes, side_px)
    _blit(image, atoms, grid)
    return image


def _put_single_characters(codes: npt.NDArray[np.uint32], row: RowBox, line: str) -> None:
    """Write the characters between the clusters of a row into their cells."""
    points = codepoints(line)
    char = cell = 0
    for cluster in (*row.clusters, Cluster(row.chars, 0, row.cells, 0)):
        codes[row.y, row.x + cell : row.x + cluster.cell] = points[char : cluster.char]
        char = cluster.char + cluster.chars
        cell = cluster.cell + cluster.cells


def _cluster_atoms(row: RowBox, line: str, grid: Grid) -> Iterator[_PlacedAtom]:
    """The atoms of a row's clusters, each cluster from left to right."""
    for cluster in row.clusters:
        x = row.x + cluster.cell
        text = line[cluster.char : cluster.char + cluster.chars]
        for atom, cells in visual_order(text, grid.measure):
            yield _PlacedAtom(atom, cells, x, row.y)
            x += cells


def _blit(image: Image, atoms: Sequence[_PlacedAtom], grid: Grid) -> None:
    """Draw atoms into their cells."""
    side_px = len(image)
    width, height = cell_size(grid.columns, grid.rows, side_px)
    xs = origins(grid.columns, side_px, width).tolist()
    ys = origins(grid.rows, side_px, height).tolist()
    for text, cells, x, y in atoms:
        x_px = xs[x]
        end_px = xs[x + cells - 1] + width
        ink = atom_ink(text, cells, end_px - x_px, height)
        image[ys[y] : ys[y] + height, x_px:end_px] = 255 - ink


@lru_cache(maxsize=16384)
def atom_ink(atom: str, cells: int, width: int, height: int) -> Ink:
    """One atom in (height, width) px: a shaped run, a base with its marks, or a wide character."""
    script = script_of(atom[0])
    if script:
        return run_ink(atom, script, width, height, cells)
    letter = unicodedata.normalize("NFC", atom)
    if cells == 1 and len(letter) == 1 and kind(letter) in ("plain", "mark"):
        return cell_ink(letter, 1, width, height)
    return fit_ink(overlay(atom), height, width)


# ---- reading order -------------------------------------------------------------------------------


def visual_order(text: str, widest: int = ANY_WIDTH, base: int = 1) -> list[tuple[str, int]]:
    """(atom, cells) of a cluster from left to right, escapes spelled out.

    Right-to-left runs are reversed and their brackets mirrored (UAX #9: L2, L4). `base` is the
    level of the text around the cluster; `widest` as in `split_line`.
    """
    line = split_line(text, widest)
    levels = bidi_levels(text, base)
    atoms = []
    for i in range(len(line)):
        level = levels[line.starts[i]] if levels else 0
        atom = line.atom(i)
        atoms.append((MIRRORED.get(atom, atom) if level % 2 else atom, line.cells(i), level))
    highest = max((level for *_, level in atoms), default=0)
    for level in range(highest, 0, -1):
        atoms = _reverse_runs(atoms, level)
    parts: list[tuple[str, int]] = []
    for atom, cells, _ in atoms:
        parts += _spell_out(atom, cells)
    return parts


def _spell_out(atom: str, cells: int) -> list[tuple[str, int]]:
    if kind(atom[0]) == "escape":
        return [(char, 1) for char in escape(atom)]
    return [(atom, cells)]


def _reverse_runs(atoms: list[tuple[str, int, int]], min_level: int) -> list[tuple[str, int, int]]:
    """(atom, cells, level) with every run of `min_level` or higher reversed."""
    new_order: list[tuple[str, int, int]] = []
    run: list[tuple[str, int, int]] = []
    for atom in atoms:
        if atom[2] >= min_level:
            run.append(atom)
        else:
            new_order += [*reversed(run), atom]
            run = []
    return [*new_order, *reversed(run)]
