"""Where cells stand on a picture: their size and where each row and column starts, in px."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from optical_memory.errors import LayoutError
from optical_memory.renderers.glyphs import MIN_CELL

__all__ = [
    "PATCH_PX",
    "cell_size",
    "origins",
]

PATCH_PX = 16
"""Side of a patch of the DeepEncoder, in px."""


def cell_size(columns: int, rows: int, side_px: int) -> tuple[int, int]:
    """(width, height) in px of a cell. Raises `LayoutError` where the smallest font would not fit."""
    width, height = (
        _pitch(n, side_px, least) for n, least in zip((columns, rows), MIN_CELL, strict=True)
    )
    if width < MIN_CELL[0] or height < MIN_CELL[1]:
        least = max(MIN_CELL[0] * columns, MIN_CELL[1] * rows)
        raise LayoutError(
            f"a page of {columns} x {rows} cells cannot be drawn at {side_px} px: cells of {width} x {height} px are "
            f"smaller than {MIN_CELL[0]} x {MIN_CELL[1]}; draw it at {least} px or more"
        )
    return width, height


def _pitch(count: int, side_px: int, least: int) -> int:
    """Px of a cell along one axis: the largest power of two up to a patch that has room, so that no
    cell straddles two patches of the encoder; all the room where that would be too small for a
    glyph.
    """
    room = side_px // count
    even = 1 << max(0, room.bit_length() - 1)
    return min(PATCH_PX, even) if even >= least else room


def origins(count: int, side_px: int, pitch: int) -> npt.NDArray[np.intp]:
    """Where each of `count` rows or columns of `pitch` px starts, in px.

    Near i * side / count: the last multiple of the pitch up to there if the pitch is a power of
    two, else rounded, halves up. What a cell leaves of its room stays blank.
    """
    if pitch & (pitch - 1):
        return (np.arange(count) * 2 * side_px + count) // (2 * count)
    return np.arange(count) * side_px // (count * pitch) * pitch
