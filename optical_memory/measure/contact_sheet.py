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


def contact_sheet(images: Sequence[Image], captions: Sequence[str]) -> Image:
    """Pictures side by side in their own sizes, a caption of one line above each. (height, width),
    0 on 255.
    """
    title = bitmap_font("10x20").height + MARGIN
    height = max(len(image) for image in images) + title + 2 * MARGIN
    sheet = np.full(
        (height, sum(image.shape[1] + MARGIN for image in images) + MARGIN), 255, np.uint8
    )
    x = MARGIN
    for image, caption in zip(images, captions, strict=True):
        _frame(sheet, MARGIN + title, x, image)
        words = _caption(caption, image.shape[1])
        sheet[MARGIN : MARGIN + words.shape[0], x : x + words.shape[1]] = words
        x += image.shape[1] + MARGIN
    return sheet


def _frame(sheet: Image, y: int, x: int, image: Image) -> None:
    height, width = image.shape
    sheet[y - 1 : y + height + 1, x - 1 : x + width + 1] = 136
    sheet[y : y + height, x : x + width] = image


def _caption(text: str, width: int) -> Image:
    font = bitmap_font("10x20")
    fallback = font.glyph("?")
    glyphs = [
        font.glyph(char) if char in font else fallback for char in text[: width // font.width]
    ]
    strip = np.zeros((font.height, font.width * max(1, len(glyphs))), np.uint8)
    for i, glyph in enumerate(glyphs):
        if glyph is not None:
            strip[:, i * font.width : (i + 1) * font.width] = glyph
    return 255 - strip
