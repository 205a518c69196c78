"""Pictures to PNG bytes and back, exactly; and a contact sheet of several.

Knows images of 0 (ink) to 255 (paper) in steps of 17; nothing of pages. Imports Pillow.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

import numpy as np
from PIL import Image as Pillow

from optical_memory.errors import CorruptTokens
from optical_memory.renderers.drawing import Image
from optical_memory.renderers.glyphs import bitmap_font

__all__ = ["contact_sheet", "from_png", "png_bytes"]

GRAYS = [level * 17 for level in range(16)]
MARGIN = 16


def png_bytes(image: Image) -> bytes:
    """PNG bytes: 1 bit a pixel where the image is black and white only, else 4 bits. `from_png`
    gives the same image.

    Raises `ValueError` for grays that are not multiples of 17: such an image was not drawn here.
    """
    if (image % 17).any():
        raise ValueError(
            "grays are not multiples of 17: only images that this package drew are stored exactly"
        )
    file = BytesIO()
    if np.isin(image, (0, 255)).all():
        Pillow.fromarray(image == 255).save(file, "PNG")
    else:
        indexed = Pillow.frombytes("P", image.shape[::-1], (image // 17).tobytes())
        indexed.putpalette([gray for gray in GRAYS for _ in "rgb"])
        indexed.save(file, "PNG", bits=4)
    return file.getvalue()


def from_png(data: bytes) -> Image:
    """The image, (height, width) 0 to 255. Raises `CorruptTokens` where the bytes are no picture."""
    try:
        with Pillow.open(BytesIO(data), formats=["PNG"]) as picture:
            return np.asarray(picture.convert("L"), np.uint8).copy()
    except (OSError, SyntaxError) as error:  # what Pillow raises for broken files
        raise CorruptTokens(f"{len(data)} bytes are not a PNG picture: {error}") from error


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
