"""pocket's sizes, as numbers. Loads no torch."""

from __future__ import annotations

__all__ = [
    "CELL_DIM",
    "ENCODER_DIM",
    "PLACES",
    "TOKEN_DIM",
]

ENCODER_DIM = 512
"""Channels of the encoder."""

PLACES = 20
"""Rows and columns of visual tokens at most: a picture of 1280 px has 20 of 64 px."""

TOKEN_DIM = 576
"""Width of a visual token: the channels of the encoder, a code of `PLACES` for its row and another
for its column, and room.
"""

CELL_DIM = 16
"""Width of the vector that a lookup reads off a visual token for one cell."""
