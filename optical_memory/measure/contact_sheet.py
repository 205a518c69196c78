"""Several pictures side by side on a sheet, each with a caption."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from optical_memory.renderers.drawing import Image
from optical_memory.renderers.glyphs import bitmap_font

__all__ = [
    "MARGIN",
    "contact_sheet",
]

MARGIN = 16
"""Blank px around and between the pictures."""

PAPER = 255  # white, as on a page
FRAME = 136  # grey, a line of 1 px: a page's own edge is white
CAPTION_FONT = "10x20"


def contact_sheet(images: Sequence[Image], captions: Sequence[str]) -> Image:
    """Pictures side by side in their own sizes, a caption of one line above each.

    Gives (height, width) uint8: 0 is ink, 255 is paper.
    """
    top = MARGIN + bitmap_font(CAPTION_FONT).height + MARGIN
    height = top + max(len(image) for image in images) + MARGIN
    width = MARGIN + sum(image.shape[1] + MARGIN for image in images)
    sheet = np.full((height, width), PAPER, np.uint8)
    x = MARGIN
    for image, text in zip(images, captions, strict=True):
        _put_framed(sheet, top, x, image)
        _put(sheet, MARGIN, x, _caption(text, image.shape[1]))
        x += image.shape[1] + MARGIN
    return sheet


def _put(sheet: Image, y: int, x: int, image: Image) -> None:
    height, width = image.shape
    sheet[y : y + height, x : x + width] = image


def _put_framed(sheet: Image, y: int, x: int, image: Image) -> None:
    height, width = image.shape
    sheet[y - 1 : y + height + 1, x - 1 : x + width + 1] = FRAME
    _put(sheet, y, x, image)


def _caption(text: str, width: int) -> Image:
    """The text as (font height, px) uint8, cut so that it fits `width` px."""
    font = bitmap_font(CAPTION_FONT)
    fallback = font.glyph("?")
    letters = text[: width // font.width]
    strip = np.zeros((font.height, font.width * max(1, len(letters))), np.uint8)
    for i, char in enumerate(letters):
        glyph = font.glyph(char) if char in font else fallback
        if glyph is not None:
            _put(strip, 0, i * font.width, glyph)
    return PAPER - strip
