"""Preprocessing: a page's picture as a published encoder sees it.

Pixels are RGB in -1..1, a value for each of the 256 shades of a picture. Pages of a native size
need no resampling. If there are tiles, the picture is cut into them and the whole is shown once
more, shrunk and padded with grey as DeepSeek's own preprocessing does. Imports no torch.
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
    "SHADES",
    "PixelValues",
    "preprocess",
]

Image = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

GREY = 127  # int(0.5 * 255), the margin of padded pictures

SHADES: Floats = np.arange(256, dtype=np.float32) / np.float32(127.5) - np.float32(1)
"""(256,): the value of a pixel for each shade of grey, from black to white."""


@dataclass(frozen=True, slots=True)
class PixelValues:
    """Pictures of b pages of one rung, as shades and as pixels.

    `page_shades` are (b, page_px, page_px) uint8. `tile_shades` are
    (b * across * down, tile_px, tile_px) uint8, row by row, or None if the rung has no tiles.
    Pixels take 12 times the memory, so a GPU makes its own from the shades.
    """

    page_shades: Image
    tile_shades: Image | None

    @property
    def pages(self) -> Floats:
        """(b, 3, page_px, page_px) in -1..1."""
        return _pixels(self.page_shades)

    @property
    def tiles(self) -> Floats | None:
        """(b * across * down, 3, tile_px, tile_px) in -1..1, or None."""
        return None if self.tile_shades is None else _pixels(self.tile_shades)


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
    return PixelValues(np.stack(pages), np.stack(tiles) if tiles else None)


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


def _pixels(shades: Image) -> Floats:
    """(b, side, side) shades to (b, 3, side, side) in -1..1."""
    return np.repeat(SHADES[shades][:, None], 3, axis=1)
