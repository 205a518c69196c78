"""Pictures to PNG bytes and back, exactly; and a contact sheet of several.

Knows images of 0 (ink) to 255 (paper) in steps of 17; nothing of pages. Imports Pillow.
"""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image as Pillow

from optical_memory.errors import CorruptTokens
from optical_memory.renderers.drawing import Image

__all__ = ["from_png", "png_bytes"]

GRAYS = [level * 17 for level in range(16)]


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
