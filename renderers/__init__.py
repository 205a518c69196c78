"""Pages of text: turns laid out on a grid of cells, drawn natively at any side, in black on white."""

from __future__ import annotations

from optical_memory.renderers.layout import PlacedTurn
from optical_memory.renderers.renderer import PageRenderer, Picture

__all__ = ["PageRenderer", "Picture", "PlacedTurn"]
