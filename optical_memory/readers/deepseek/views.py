"""Preprocessing: a page's picture as a published encoder sees it.

Pixels are RGB in -1..1. Pages of a native size need no resampling. If there are tiles, the picture
is cut into them and the whole is shown once more, shrunk and padded with grey as DeepSeek's own
preprocessing does. Imports no torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow
from PIL import ImageOps

from optical_memory.errors import ReaderMismatch
from optical_memory.profiles import Rung, Views

__all__ = [
    "PixelValues",
    "preprocess",
]

GREY = 127  # int(0.5 * 255), the margin of padded pictures
Image = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class PixelValues:
    """Pixels of b pages of one rung.

    `pages` are (b, 3, page_px, page_px). `tiles` are (b * across * down, 3, tile_px, tile_px), row
    by row, or None if the rung has no tiles.
    """

    pages: Floats
    tiles: Floats | None


def preprocess(images: Sequence[Image], rung: Rung) -> PixelValues:
    """The input of the encoder for (height, width) uint8 pictures, black (0) on white (255).

    Raises `ReaderMismatch` if a picture does not have the rung's size.
    """
    width, height = rung.size_px
    for image in images:
        if image.shape != (height, width):
            raise ReaderMismatch(
                f"{rung.name} pages are {width} x {height} px, this one is {image.shape[::-1]}"
            )
    pages = [_pad(image, rung.views.page_px) for image in images]
    tiles: list[Image] = []
    for image in images:
        tiles += _cut(image, rung.views)
    return PixelValues(_normalize(pages), _normalize(tiles) if tiles else None)


def _pad(image: Image, side_px: int) -> Image:
    """The picture in a square (side_px, side_px): as it is, or shrunk (bicubic) and centred."""
    if image.shape == (side_px, side_px):
        return image
    colour = Pillow.fromarray(image).convert("RGB")
    return np.asarray(ImageOps.pad(colour, (side_px, side_px), color=(GREY,) * 3))[..., 0]


def _cut(image: Image, views: Views) -> list[Image]:
    """The tiles of a picture, (tile_px, tile_px) each, row by row."""
    side = views.tile_px
    tiles: list[Image] = []
    for row in range(views.down):
        band = image[row * side : (row + 1) * side]
        for column in range(views.across):
            tiles.append(band[:, column * side : (column + 1) * side])
    return tiles


def _normalize(images: Sequence[Image]) -> Floats:
    """(b, side, side) uint8 to (b, 3, side, side) in -1..1."""
    gray = (np.stack(images).astype(np.float32) / 255 - np.float32(0.5)) / np.float32(0.5)
    return np.repeat(gray[:, None], 3, axis=1).astype(np.float32, copy=False)
