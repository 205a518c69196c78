"""Where the cells of a page stand in its visual tokens.

A cell fills one slot of a visual token: 8 x 16 px at Base, 4 x 8 px at Small and Tiny.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from optical_memory.errors import ReaderMismatch
from optical_memory.profiles import PX_PER_TOKEN
from optical_memory.renderers.geometry import cell_size, origins

__all__ = [
    "SLOTS",
    "CellGeometry",
    "Slots",
    "cell_geometry",
]


@dataclass(frozen=True)
class Slots:
    """A regular division of a visual token into slots of `width` x `height` px."""

    width: int
    height: int

    @property
    def across(self) -> int:
        """Slots in a row."""
        return PX_PER_TOKEN // self.width

    @property
    def count(self) -> int:
        """Slots of a visual token."""
        return self.across * (PX_PER_TOKEN // self.height)


SLOTS = (Slots(8, 16), Slots(4, 8))
"""32 slots a token at Base, 128 at Small and Tiny.

At Small, cells use four of five slots in a row and in a column.
"""


@dataclass(frozen=True)
class CellGeometry:
    """For some cells of a page at one size: the visual token of each, and its slot there."""

    token_row: Tensor  # (cells,) int64
    token_column: Tensor  # (cells,) int64
    slot: Tensor  # (cells,) int64
    table: int  # index of the division in SLOTS

    def __getitem__(self, index: Tensor) -> CellGeometry:
        """The geometry of some of the cells; `index` (n,) int64."""
        return CellGeometry(
            self.token_row[index], self.token_column[index], self.slot[index], self.table
        )

    def to(self, device: str | torch.device) -> CellGeometry:
        """The same on another device: an embedding takes no indices from elsewhere."""
        return CellGeometry(
            self.token_row.to(device),
            self.token_column.to(device),
            self.slot.to(device),
            self.table,
        )


def cell_geometry(
    x: npt.NDArray[np.integer], y: npt.NDArray[np.integer], *, columns: int, rows: int, side_px: int
) -> CellGeometry:
    """Geometry of the cells at columns `x` (cells,) and rows `y` (cells,).

    The page has `columns` x `rows` cells and is drawn at `side_px`. Raises `ReaderMismatch` if its
    cells do not fill slots: pocket was not trained on such a grid.
    """
    width, height = cell_size(columns, rows, side_px)
    slots = Slots(width, height)
    if slots not in SLOTS:
        sizes = " or ".join(f"{kind.width} x {kind.height}" for kind in SLOTS)
        raise ReaderMismatch(
            f"pocket does not read {columns} x {rows} cells at {side_px} px: they are {width} x "
            f"{height} px, and it reads only cells of {sizes} px"
        )
    x_px = origins(columns, side_px, width)[x]
    y_px = origins(rows, side_px, height)[y]
    slot_row = y_px % PX_PER_TOKEN // height
    slot_column = x_px % PX_PER_TOKEN // width
    return CellGeometry(
        token_row=torch.from_numpy(y_px // PX_PER_TOKEN),
        token_column=torch.from_numpy(x_px // PX_PER_TOKEN),
        slot=torch.from_numpy(slot_row * slots.across + slot_column),
        table=SLOTS.index(slots),
    )
