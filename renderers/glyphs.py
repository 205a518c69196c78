"""Glyphs of the bundled bitmap fonts, cut to a page's cells: a character in, a small array of ink out.

Knows fonts and pixels, nothing of turns or pages. Bitmap fonts are drawn 1:1 (or at whole multiples), never resampled,
so the same character in the same cell gives the same pixels on every machine.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import freetype
import numpy as np
import numpy.typing as npt

__all__ = ["BITMAP_FONTS", "FONT_DIR", "BitmapFont", "bitmap_font", "fit_bitmap"]

FONT_DIR = Path(__file__).parent / "fonts"

BITMAP_FONTS = ((10, 20, "10x20"), (8, 13, "8x13"), (6, 10, "6x10"), (5, 8, "5x8"), (4, 6, "4x6"))
"""(width, height, file): the public-domain misc-fixed fonts of X11, the largest first."""

Ink = npt.NDArray[np.uint8]  # (height, width), 0 = paper, 255 = ink


class BitmapFont:
    """One misc-fixed font: `glyph(char)` is its (height, width) ink, or None where the font has no such glyph."""

    def __init__(self, name: str, width: int, height: int) -> None:
        self.name, self.width, self.height = name, width, height
        self._face = freetype.Face(str(FONT_DIR / f"{name}.pcf.gz"))
        self._face.select_charmap(freetype.FT_ENCODING_UNICODE)
        self._face.select_size(0)
        self._ascent = self._face.size.ascender // 64

    def glyph(self, char: str) -> Ink | None:
        index = self._face.get_char_index(char)
        if index == 0:
            return None
        self._face.load_glyph(index, freetype.FT_LOAD_RENDER | freetype.FT_LOAD_TARGET_MONO)
        slot = self._face.glyph
        ink = np.zeros((self.height, self.width), np.uint8)
        if slot.bitmap.rows and slot.bitmap.width:
            _paste(ink, _unpack(slot.bitmap), self._ascent - slot.bitmap_top, slot.bitmap_left)
        return ink


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
    width, height = next((w, h) for w, h, n in BITMAP_FONTS if n == name)
    return BitmapFont(name, width, height)


def fit_bitmap(cell_width: int, cell_height: int) -> tuple[str, int] | None:
    """The (font, whole-number scale) with the largest glyphs that fit the cell; None if even 4x6 does not."""
    fits = [
        (w * h * scale * scale, name, scale)
        for w, h, name in BITMAP_FONTS
        if (scale := min(cell_width // w, cell_height // h)) >= 1
    ]
    return max(fits)[1:] if fits else None
