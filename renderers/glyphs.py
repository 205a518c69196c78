"""Glyphs of the bundled bitmap fonts, cut to a page's cells: a character in, a small array of ink
out.

Knows fonts and pixels, nothing of turns or pages. Bitmap fonts are drawn 1:1 or at whole multiples.
Only GNU Unifont, which has the characters that the small fonts lack, is box-filtered (in integers)
if a cell is smaller than its 8x16 glyph. So the same character in the same cell gives the same
pixels on every machine.
"""

from __future__ import annotations

import gzip
from functools import cache
from io import BytesIO
from pathlib import Path
from threading import RLock

import freetype
import numpy as np
import numpy.typing as npt

__all__ = [
    "BITMAP_FONTS",
    "FONT_DIR",
    "FREETYPE",
    "MIN_CELL",
    "BitmapFont",
    "Ink",
    "bitmap_font",
    "cell_ink",
    "fit_bitmap",
    "fit_ink",
    "native_cells",
    "native_ink",
    "resized",
]

FONT_DIR = Path(__file__).parent / "fonts"

FREETYPE = RLock()
"""Held while FreeType works: neither its library nor a face may be used by two threads at once."""

BITMAP_FONTS = ((10, 20, "10x20"), (8, 13, "8x13"), (6, 10, "6x10"), (5, 8, "5x8"), (4, 6, "4x6"))
"""(width, height, file): the public-domain misc-fixed fonts of X11, the largest first."""

UNIFONT = (16, 16, "unifont")
"""GNU Unifont: every assigned character of the Basic Multilingual Plane, 8 or 16 px wide and 16 px
high.
"""

MIN_CELL = (4, 6)
"""(width, height) in px of the smallest cell that can be drawn: the smallest font's."""

NUDGES = {
    "\N{MINUS SIGN}": {"4x6": -1, "5x8": -1, "6x10": -1, "8x13": -1, "10x20": -2},
    "\N{EN DASH}": {"4x6": 1, "5x8": 1, "6x10": 1, "8x13": 1, "10x20": 2},
    "\N{EM DASH}": {"6x10": -1, "8x13": -1, "10x20": -2},
}
"""Pixels up or down, by font: misc-fixed draws these as it draws "-" or a box line, and no reader
could tell which of them stood on a page.
"""

PATCHES = {
    ("5x8", "Å"): {1: ".##.."},
    ("4x6", "м"): {1: "###."},
    ("4x6", "θ"): {0: "##..", 4: ".##."},
    ("4x6", "Ґ"): {1: "##..", 2: "#..."},
    ("4x6", "ќ"): {0: "..#.", 1: "...."},
    ("4x6", "Ў"): {1: "..#."},
}
"""Rows of glyphs that misc-fixed draws like another letter (Å like Â)."""

Ink = npt.NDArray[np.uint8]
"""(height, width), 0 = paper, 255 = ink, always a multiple of 17 (4 bits)."""


class BitmapFont:
    """One bitmap font, open in FreeType."""

    def __init__(self, name: str, width: int, height: int) -> None:
        self.name = name
        self.width = width
        self.height = height
        packed_file = FONT_DIR / f"{name}.pcf.gz"
        data = gzip.decompress(packed_file.read_bytes())  # seeking in a packed file is slow
        self._face = freetype.Face(BytesIO(data))
        self._face.select_charmap(freetype.FT_ENCODING_UNICODE)
        self._face.select_size(0)
        self._ascent = self._face.size.ascender // 64

    def __contains__(self, char: str) -> bool:
        return bool(self._face.get_char_index(char))

    def advance(self, char: str) -> int:
        """The glyph's own width in px (Unifont has two)."""
        with FREETYPE:
            self._face.load_char(char, freetype.FT_LOAD_DEFAULT)
            return int(self._face.glyph.advance.x) // 64  # FreeType counts 1/64 px

    def glyph(self, char: str) -> Ink | None:
        """The character's (height, width) ink; None if the font has no such glyph."""
        index = self._face.get_char_index(char)
        if index == 0:
            return None
        ink = np.zeros((self.height, self.width), np.uint8)
        with FREETYPE:
            self._face.load_glyph(index, freetype.FT_LOAD_RENDER | freetype.FT_LOAD_TARGET_MONO)
            slot = self._face.glyph
            if slot.bitmap.rows and slot.bitmap.width:
                y = self._ascent - slot.bitmap_top
                _paste(ink, _unpack(slot.bitmap), slot.bitmap_left, y)
        return self._distinct(char, ink)

    def _distinct(self, char: str, ink: Ink) -> Ink:
        """The glyph, changed if misc-fixed draws another character like it."""
        for row, dots in PATCHES.get((self.name, char), {}).items():
            ink[row] = [255 * (dot == "#") for dot in dots]
        nudge = NUDGES.get(char, {}).get(self.name, 0)
        return np.roll(ink, nudge, axis=0)


def _unpack(bitmap: freetype.Bitmap) -> Ink:
    """(height, width) ink of a bitmap with one bit a pixel."""
    rows = np.array(bitmap.buffer, np.uint8).reshape(bitmap.rows, bitmap.pitch)
    return np.unpackbits(rows, axis=1)[:, : bitmap.width] * np.uint8(255)


def _paste(ink: Ink, glyph: Ink, x: int, y: int) -> None:
    """Blit a glyph with its corner at (x, y), clipped at the borders."""
    x_start = max(0, x)
    y_start = max(0, y)
    x_end = min(ink.shape[1], x + glyph.shape[1])
    y_end = min(ink.shape[0], y + glyph.shape[0])
    if y_end > y_start and x_end > x_start:
        ink[y_start:y_end, x_start:x_end] |= glyph[y_start - y : y_end - y, x_start - x : x_end - x]


@cache
def bitmap_font(name: str) -> BitmapFont:
    """The bundled font of this file name, opened once."""
    for width, height, font_name in (*BITMAP_FONTS, UNIFONT):
        if font_name == name:
            return BitmapFont(name, width, height)
    raise KeyError(f"no bitmap font {name!r}")


def fit_bitmap(cell_width: int, cell_height: int) -> tuple[str, int] | None:
    """(font, whole-number scale) of the largest glyphs that fit the cell; None if even 4x6 does not
    fit.
    """
    fits = []
    for width, height, name in BITMAP_FONTS:
        scale = min(cell_width // width, cell_height // height)
        if scale >= 1:
            fits.append((width * height * scale * scale, name, scale))
    return max(fits)[1:] if fits else None


# ---- any character in any cell -------------------------------------------------------------------


def native_ink(char: str) -> Ink | None:
    """The character's Unifont glyph (16, 8 or 16); None if Unifont has none."""
    font = bitmap_font(UNIFONT[2])
    ink = font.glyph(char)
    return None if ink is None else ink[:, : font.advance(char)]


@cache
def native_cells(char: str) -> int:
    """Cells the character takes: 1, 2 if it is wide, 0 if no bundled bitmap font has a glyph for
    it.
    """
    if char == "\t" or char in bitmap_font("8x13"):
        return 1
    unifont = bitmap_font(UNIFONT[2])
    return unifont.advance(char) // 8 if char in unifont else 0


@cache
def cell_ink(char: str, cells: int, width: int, height: int) -> Ink:
    """The character drawn in `cells` cells of `width` x `height` px: (height, cells * width) ink.

    It comes from the largest misc-fixed font that fits the cell, else from Unifont. A character
    that neither has is drawn as U+FFFD.
    """
    if char == "\t":
        return _tab(width * cells, height)
    if cells == 1:
        ink = _misc_fixed_ink(char, width, height)
        if ink is not None:
            return ink
    ink = native_ink(char)
    if ink is None:
        ink = native_ink("\ufffd")
        assert ink is not None  # Unifont has the replacement character
    return fit_ink(ink, height, width * cells)


def _misc_fixed_ink(char: str, width: int, height: int) -> Ink | None:
    """(height, width) ink from the largest misc-fixed font that fits; None if it draws nothing."""
    fit = fit_bitmap(width, height)
    if fit is None:
        return None
    name, scale = fit
    glyph = bitmap_font(name).glyph(char)
    if glyph is None or not glyph.any():
        return None
    return _add_tick(char, _centre(_scale(glyph, scale), height, width))


def fit_ink(ink: Ink, height: int, width: int) -> Ink:
    """Bitmap ink put into (height, width): the largest whole multiple that fits, else box-filtered
    to 4 bits.
    """
    scale = min(height // ink.shape[0], width // ink.shape[1])
    if scale >= 1:
        return _centre(_scale(ink, scale), height, width)
    small = resized(ink, min(height, ink.shape[0]), min(width, ink.shape[1]))
    return _centre(small, height, width)


def resized(ink: Ink, height: int, width: int) -> Ink:
    """Bitmap ink of any size box-filtered to (height, width) and 4 bits."""
    small = _box(_box(ink.astype(np.int64), height).T, width).T
    # The darkest pixel is black, so that thin strokes stay visible.
    gray = small * 15 // max(1, int(small.max()))
    return (gray * 17).astype(np.uint8)


def _box(values: npt.NDArray[np.int64], size: int) -> npt.NDArray[np.int64]:
    """Box filter along the first axis in whole numbers: each output row is a sum over `len(values)`
    sub-rows.
    """
    sub_rows = np.repeat(values, size, axis=0).reshape(size, len(values), -1)
    sums: npt.NDArray[np.int64] = sub_rows.sum(axis=1)
    return sums


def _scale(ink: Ink, scale: int) -> Ink:
    return ink if scale == 1 else np.kron(ink, np.ones((scale, scale), np.uint8))


def _centre(ink: Ink, height: int, width: int) -> Ink:
    cell = np.zeros((height, width), np.uint8)
    _paste(cell, ink, (width - ink.shape[1]) // 2, (height - ink.shape[0]) // 2)
    return cell


def _add_tick(char: str, cell: Ink) -> Ink:
    """A tick of one pixel in a lower corner of the cell: on the left for Greek letters, on the
    right for Cyrillic letters.

    misc-fixed draws many of them like Latin letters (А, Α, A), and no reader could tell which of
    them stood on a page.
    """
    if "Ͱ" <= char <= "Ͽ":
        cell[-1, 0] = 255
    elif "Ѐ" <= char <= "ӿ":
        cell[-1, -1] = 255
    return cell


def _tab(width: int, height: int) -> Ink:
    """An arrow to a stop: a rule across the cell and a short bar at its right end.

    No other character looks like it.
    """
    ink = np.zeros((height, width), np.uint8)
    middle = height // 2
    arm = max(1, height // 6)
    pen = max(1, width // 8)
    ink[middle : middle + pen, :] = 255
    ink[middle - arm : middle + pen + arm, width - pen :] = 255
    return ink
