"""Pages of text: turns laid out on a grid of cells, and drawn at any side, black on white."""

from __future__ import annotations

from optical_memory.renderers.layout import PlacedTurn
from optical_memory.renderers.renderer import PageRenderer

__all__ = [
    "PageRenderer",
    "PlacedTurn",
]
