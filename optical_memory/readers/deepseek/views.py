"""A page's picture as a published encoder looks at it, and its tokens with and without the model's
constant vectors.

Pixels are RGB in -1..1. Pages of a native size need no resampling; where there are tiles, the
picture is cut into them and the whole is shown once more, shrunk and padded with grey as DeepSeek's
own preprocessing does. Only tokens that depend on the picture are stored: newline and separator
vectors are put back on reading. Imports no torch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow
from PIL import ImageOps

from optical_memory.errors import ReaderMismatch
from optical_memory.profiles import PX_PER_TOKEN, Rung, Views

__all__ = ["Seen", "dressed", "look", "stripped"]

GREY = 127  # int(0.5 * 255), the margin of padded pictures
Image = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Seen:
    """Pixels of pages of one rung: `pages` (b, 3, page_px, page_px), and row by row the `tiles`
    (b * across * down, 3, tile_px, tile_px), or None."""

    pages: Floats
    tiles: Floats | None


def look(images: Sequence[Image], rung: Rung) -> Seen:
    """What the encoder is shown of (height, width) pictures. Raises `ReaderMismatch` for one of
    another size.
    """
    width, height = rung.size_px
    for image in images:
        if image.shape != (height, width):
            raise ReaderMismatch(
                f"{rung.name} pages are {width} x {height} px, this one is {image.shape[::-1]}"
            )
    views = rung.views
    pages = [_padded(image, views.page_px) for image in images]
    tiles = [tile for image in images for tile in _tiles(image, views)]
    return Seen(_pixels(pages), _pixels(tiles) if tiles else None)


def _padded(image: Image, side_px: int) -> Image:
    """The picture in a square: as it is, or shrunk (bicubic) and centred on grey."""
    if image.shape == (side_px, side_px):
        return image
    colour = Pillow.fromarray(image).convert("RGB")
    return np.asarray(ImageOps.pad(colour, (side_px, side_px), color=(GREY,) * 3))[..., 0]


def _tiles(image: Image, views: Views) -> Iterator[Image]:
    side = views.tile_px
    for y in range(views.down):
        for x in range(views.across):
            yield image[y * side : (y + 1) * side, x * side : (x + 1) * side]


def _pixels(images: Sequence[Image]) -> Floats:
    gray = (np.stack(images).astype(np.float32) / 255 - np.float32(0.5)) / np.float32(0.5)
    return np.repeat(gray[:, None], 3, axis=1)


# ---- tokens --------------------------------------------------------------------------------------


def stripped(features: Floats, views: Views) -> Floats:
    """The tokens to store, (n_grid_tokens, d), of all that the model gives, (tokens, d).

    Raises `ReaderMismatch` for another number of them.
    """
    if len(features) != views.n_tokens:
        raise ReaderMismatch(
            f"{views.n_tokens} tokens were expected of this picture, the model gave {len(features)}"
        )
    if not views.newlines:
        return features[: views.n_grid_tokens]
    kept, at = [], 0
    for rows, columns in _blocks(views):
        block = features[at : at + rows * (columns + 1)].reshape(rows, columns + 1, -1)
        kept.append(block[:, :columns].reshape(rows * columns, -1))
        at += rows * (columns + 1)
    return np.concatenate(kept)


def dressed(grid: Floats, views: Views, newline: Floats | None, separator: Floats | None) -> Floats:
    """All tokens that the decoder receives, (tokens, d): the inverse of `stripped`, with these two
    (d,) vectors.

    Raises `ReaderMismatch` for another number of stored tokens.
    """
    if len(grid) != views.n_grid_tokens:
        raise ReaderMismatch(f"{views.n_grid_tokens} stored tokens were expected, not {len(grid)}")
    parts, at = [], 0
    for rows, columns in _blocks(views):
        block = grid[at : at + rows * columns].reshape(rows, columns, -1)
        if newline is not None:
            block = np.concatenate(
                [block, np.broadcast_to(newline, (rows, 1, len(newline)))], axis=1
            )
        parts.append(block.reshape(-1, grid.shape[1]))
        at += rows * columns
    if separator is not None:
        parts.append(separator[None])
    return np.concatenate(parts).astype(np.float32)


def _blocks(views: Views) -> Iterator[tuple[int, int]]:
    """(rows, columns) of tokens of the mosaic, where there is one, and of the whole page, in the
    model's order.
    """
    tile, page = views.tile_px // PX_PER_TOKEN, views.page_px // PX_PER_TOKEN
    if views.tiles:
        yield views.down * tile, views.across * tile
    yield page, page
