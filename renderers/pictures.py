"""Pictures to PNG bytes and back, exactly.

Knows images of 0 (ink) to 255 (paper) in steps of 17; nothing of pages. Imports Pillow.
"""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

import numpy as np
from PIL import Image as Pillow

from optical_memory.errors import CorruptPicture
from optical_memory.renderers.drawing import Image

__all__ = [
    "from_png",
    "png_bytes",
]

GRAYS = range(0, 256, 17)
"""The 16 grays of 4 bits, in the order of a PNG's palette."""

MAX_PX = 2**26
"""Of a stored picture: the largest rungs have some 6000 px a side. A header may say 2³¹ px."""

DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    LookupError,
    struct.error,
    zlib.error,
    Pillow.DecompressionBombError,
)
"""The errors that Pillow raises for broken files."""


def png_bytes(image: Image) -> bytes:
    """PNG bytes of a (height, width) image: 1 bit a pixel if it is black and white only, else 4
    bits. `from_png` gives the same image.

    Raises `ValueError` for grays that are not multiples of 17: such an image was not drawn here.
    """
    if (image % 17).any():
        raise ValueError(
            "grays are not multiples of 17: only images that this package drew are stored exactly"
        )
    file = BytesIO()
    if ((image == 0) | (image == 255)).all():
        Pillow.fromarray(image == 255).save(file, "PNG")
    else:
        picture = Pillow.frombytes("P", image.shape[::-1], (image // 17).tobytes())
        picture.putpalette(np.repeat(GRAYS, 3).tolist())  # red, green and blue of each gray
        picture.save(file, "PNG", bits=4)
    return file.getvalue()


def from_png(data: bytes) -> Image:
    """The (height, width) image, 0 to 255. Raises `CorruptPicture` if the bytes are no PNG.

    The size in the header is read first: nothing is unpacked for a size that no rung has.
    """
    if data[12:16] == b"IHDR":
        _refuse_large(*struct.unpack(">II", data[16:24].ljust(8, b"\0")))
    try:
        with Pillow.open(BytesIO(data), formats=["PNG"]) as picture:
            _refuse_large(*picture.size)  # a file may have more than one header
            return np.asarray(picture.convert("L"), np.uint8).copy()
    except DAMAGE as error:
        raise CorruptPicture(f"{len(data)} bytes are not a PNG picture: {error}") from error


def _refuse_large(width: int, height: int) -> None:
    """Raises `CorruptPicture` for a picture of more than `MAX_PX`."""
    if width * height > MAX_PX:
        raise CorruptPicture(f"a picture of {width} x {height} px is no page's")
