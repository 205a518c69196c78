"""Glyphs of the bundled bitmap fonts, cut to a page's cells: a character in, a small array of ink
out.

Knows fonts and pixels, nothing of turns or pages. Bitmap fonts are drawn 1:1 or at whole multiples;
only GNU Unifont, which covers what the small fonts lack, is box-filtered (in integers) where a cell
is smaller than its 8x16 glyph. So the same character in the same cell gives the same pixels on
every machine.
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
"""Pixels up or down: misc-fixed draws these as it draws "-" or a box line, and no reader could tell
which one stood on a page.
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

Ink = npt.NDArray[
    np.uint8
]  # (height, width), 0 = paper, 255 = ink, always a multiple of 17 (4 bits)


class BitmapFont:
    """One bitmap font: `glyph(char)` is its (height, width) ink, or None where the font has no such
    glyph.
    """

    def __init__(self, name: str, width: int, height: int) -> None:
        self.name, self.width, self.height = name, width, height
        unpacked = gzip.decompress(
            (FONT_DIR / f"{name}.pcf.gz").read_bytes()
        )  # seeking in a packed file is slow
        self._face = freetype.Face(BytesIO(unpacked))
        self._face.select_charmap(freetype.FT_ENCODING_UNICODE)
        self._face.select_size(0)
        self._ascent = self._face.size.ascender // 64

    def __contains__(self, char: str) -> bool:
        return bool(self._face.get_char_index(char))

    def advance(self, char: str) -> int:
        """The glyph's own width in px (Unifont has two)."""
        with FREETYPE:
            self._face.load_char(char, freetype.FT_LOAD_DEFAULT)
            return int(self._face.glyph.advance.x) // 64

    def glyph(self, char: str) -> Ink | None:
        index = self._face.get_char_index(char)
        if index == 0:
            return None
        ink = np.zeros((self.height, self.width), np.uint8)
        with FREETYPE:
            self._face.load_glyph(index, freetype.FT_LOAD_RENDER | freetype.FT_LOAD_TARGET_MONO)
            slot = self._face.glyph
            if slot.bitmap.rows and slot.bitmap.width:
                _paste(ink, _unpack(slot.bitmap), self._ascent - slot.bitmap_top, slot.bitmap_left)
        return self._told_apart(char, ink)

    def _told_apart(self, char: str, ink: Ink) -> Ink:
        for row, dots in PATCHES.get((self.name, char), {}).items():
            ink[row] = [255 * (dot == "#") for dot in dots]
        return np.roll(ink, NUDGES.get(char, {}).get(self.name, 0), axis=0)


def _unpack(bitmap: freetype.Bitmap) -> Ink:
    packed = np.array(bitmap.buffer, np.uint8).reshape(bitmap.rows, bitmap.pitch)
    return np.unpackbits(packed, axis=1)[:, : bitmap.width] * np.uint8(255)


def _paste(ink: Ink, glyph: Ink, top: int, left: int) -> None:
    """Blit with clipping at the borders."""
    y0, x0 = max(0, top), max(0, left)
    y1, x1 = min(ink.shape[0], top + glyph.shape[0]), min(ink.shape[1], left + glyph.shape[1])
    if y1 > y0 and x1 > x0:
        ink[y0:y1, x0:x1] |= glyph[y0 - top : y1 - top, x0 - left : x1 - left]


@cache
def bitmap_font(name: str) -> BitmapFont:
    width, height = next((w, h) for w, h, n in (*BITMAP_FONTS, UNIFONT) if n == name)
    return BitmapFont(name, width, height)


def fit_bitmap(cell_width: int, cell_height: int) -> tuple[str, int] | None:
    """The (font, whole-number scale) with the largest glyphs that fit the cell; None if even 4x6
    does not.
    """
    fits = [
        (w * h * scale * scale, name, scale)
        for w, h, name in BITMAP_FONTS
        if (scale := min(cell_width // w, cell_height // h)) >= 1
    ]
    return max(fits)[1:] if fits else None


# ---- any character in any cell -------------------------------------------------------------------


def native_ink(char: str) -> Ink | None:
    """The character's Unifont glyph (16, 8 or 16), or None where Unifont has none."""
    font = bitmap_font(UNIFONT[2])
    ink = font.glyph(char)
    return None if ink is None else ink[:, : font.advance(char)]


@cache
def native_cells(char: str) -> int:
    """Cells the character takes: 1, 2 for wide ones, 0 where no bundled bitmap font has a glyph for
    it.
    """
    if char == "\t" or char in bitmap_font("8x13"):
        return 1
    unifont = bitmap_font(UNIFONT[2])
    return unifont.advance(char) // 8 if char in unifont else 0


@cache
def cell_ink(char: str, cells: int, width: int, height: int) -> Ink:
    """The character drawn in `cells` cells of `width` x `height` px: (height, cells * width) ink.

    The largest misc-fixed font that fits the cell, else Unifont; U+FFFD where neither has the
    character.
    """
    if char == "\t":
        return _tab(width * cells, height)
    fit = fit_bitmap(width, height)
    if (
        fit
        and cells == 1
        and (glyph := bitmap_font(fit[0]).glyph(char)) is not None
        and glyph.any()
    ):
        return _ticked(char, _centre(_scale(glyph, fit[1]), height, width))
    ink = native_ink(char)
    if ink is None:
        ink = native_ink("\ufffd")
        assert ink is not None  # Unifont has the replacement character
    return fit_ink(ink, height, width * cells)


def fit_ink(ink: Ink, height: int, width: int) -> Ink:
    """Bitmap ink put into (height, width): the largest whole multiple that fits, else box-filtered
    to 4 bits.
    """
    scale = min(height // ink.shape[0], width // ink.shape[1])
    if scale >= 1:
        return _centre(_scale(ink, scale), height, width)
    return _centre(resized(ink, min(height, ink.shape[0]), min(width, ink.shape[1])), height, width)


def resized(ink: Ink, height: int, width: int) -> Ink:
    """Bitmap ink of any size box-filtered to (height, width) and 4 bits."""
    small = _box(_box(ink.astype(np.int64), height).T, width).T
    gray = (
        small * 15 // max(1, int(small.max()))
    )  # the darkest pixel is black, so that thin strokes stay visible
    return (gray * 17).astype(np.uint8)


def _box(values: npt.NDArray[np.int64], size: int) -> npt.NDArray[np.int64]:
    """Box filter along the first axis in whole numbers: each output row is a sum over `len(values)`
    sub-rows.
    """
    sums: npt.NDArray[np.int64] = (
        np.repeat(values, size, axis=0).reshape(size, len(values), -1).sum(axis=1)
    )
    return sums


def _scale(ink: Ink, scale: int) -> Ink:
    return ink if scale == 1 else np.kron(ink, np.ones((scale, scale), np.uint8))


def _centre(ink: Ink, height: int, width: int) -> Ink:
    cell = np.zeros((height, width), np.uint8)
    _paste(cell, ink, (height - ink.shape[0]) // 2, (width - ink.shape[1]) // 2)
    return cell


def _ticked(char: str, cell: Ink) -> Ink:
    """Greek letters of misc-fixed carry a tick of one pixel in the lower left corner of their cell,
    Cyrillic ones in the lower right: many are drawn like Latin ones (А, Α, A), and no reader could
    tell which one stood on a page.
    """
    if "Ͱ" <= char <= "Ͽ":
        cell[-1, 0] = 255
    elif "Ѐ" <= char <= "ӿ":
        cell[-1, -1] = 255
    return cell


def _tab(width: int, height: int) -> Ink:
    """An arrow to a stop: a rule across the cell and a short bar at its right end; no other
    character looks like it.
    """
    ink = np.zeros((height, width), np.uint8)
    middle, arm, pen = height // 2, max(1, height // 6), max(1, width // 8)
    ink[middle : middle + pen, :] = 255
    ink[middle - arm : middle + pen + arm, width - pen :] = 255
    return ink
