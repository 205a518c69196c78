"""Where cells stand on a picture: their size and where each row and column starts, in px."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from optical_memory.errors import LayoutError
from optical_memory.pages import Grid
from optical_memory.renderers.glyphs import MIN_CELL

__all__ = [
    "PATCH_PX",
    "cell_size",
    "edges",
    "origins",
]

PATCH_PX = 16
"""Side of a patch of the DeepEncoder, in px."""


def cell_size(columns: int, rows: int, side_px: int) -> tuple[int, int]:
    """(width, height) of a cell in px on a picture of `side_px` x `side_px`.

    >>> cell_size(128, 64, 1024)
    (8, 16)

    Raises `LayoutError` if the smallest font does not fit the cell.
    """
    min_width, min_height = MIN_CELL
    width = _pitch(columns, side_px, min_width)
    height = _pitch(rows, side_px, min_height)
    if width < min_width or height < min_height:
        min_side = max(min_width * columns, min_height * rows)
        raise LayoutError(
            f"a page of {columns} x {rows} cells cannot be drawn at {side_px} px: cells of "
            f"{width} x {height} px are smaller than {min_width} x {min_height}; "
            f"draw it at {min_side} px or more"
        )
    return width, height


def _pitch(count: int, side_px: int, min_px: int) -> int:
    """Px of a cell along one axis.

    It is the largest power of two up to a patch that has room, so that no cell straddles two
    patches of the encoder. If that is too small for a glyph, it is all the room there is.
    """
    room = side_px // count
    power_of_two = 1 << max(0, room.bit_length() - 1)
    return min(PATCH_PX, power_of_two) if power_of_two >= min_px else room


def origins(count: int, side_px: int, pitch: int) -> npt.NDArray[np.intp]:
    """(count,) The px at which each row or column of `pitch` px starts.

    That is near i * side / count: the last multiple of the pitch up to there if the pitch is a
    power of two, else rounded, halves up. The part of its room that a cell does not fill stays
    blank.
    """
    is_power_of_two = pitch & (pitch - 1) == 0
    if is_power_of_two:
        return np.arange(count) * side_px // (count * pitch) * pitch
    return (np.arange(count) * 2 * side_px + count) // (2 * count)


def edges(grid: Grid, side_px: int) -> tuple[list[int], list[int]]:
    """(rows + 1, columns + 1) The px at which each row and each cell of a line starts, and at the
    end the side. Raises `LayoutError` like `cell_size`.
    """
    width, height = cell_size(grid.columns, grid.rows, side_px)
    ys = origins(grid.rows, side_px, height).tolist()
    xs = origins(grid.columns, side_px, width).tolist()
    return [*ys, side_px], [*xs, side_px]
