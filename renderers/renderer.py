"""The page renderer: turns in, pages and pictures out; the one object that the rest of the package
is handed.

Holds the grid and nothing else; layout and drawing are pure functions beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from optical_memory.pages import Grid, Page
from optical_memory.renderers.cells import kind, split_line
from optical_memory.renderers.drawing import Image
from optical_memory.renderers.layout import PlacedTurn, paginate
from optical_memory.renderers.styles import STYLES

__all__ = ["PageRenderer", "Picture", "escaped"]


@dataclass(frozen=True, eq=False, slots=True)
class Picture:
    """A drawn page: `image` (side_px, side_px), 0 on 255, and how many characters are drawn as
    escapes.
    """

    image: Image
    escaped: int


@dataclass(frozen=True, slots=True)
class PageRenderer:
    """Lays turns out on pages of one grid and draws them."""

    grid: Grid = field(default_factory=Grid)

    def paginate(self, turns: Sequence[PlacedTurn]) -> list[Page]:
        """Pages in the order of the turns; every page but the last is full. Raises `LayoutError`:
        see `paginate`.
        """
        return paginate(turns, self.grid)

    def draw(self, page: Page, side_px: int) -> Image:
        """The page in (side_px, side_px) px, black (0) on white (255). Raises `LayoutError` for too
        small a side.
        """
        return STYLES[page.layout.grid.style].draw(page, side_px)

    def picture(self, page: Page, side_px: int) -> Picture:
        """The drawn page with its count of escapes."""
        return Picture(self.draw(page, side_px), escaped(page))


def escaped(page: Page) -> int:
    r"""Characters of the page that are drawn as a visible escape (`\u{1F600}`): emoji, controls,
    unassigned ones.
    """
    lines = (split_line(text) for text in page.lines)
    return sum(kind(line.atom(i)[0]) == "escape" for line in lines for i in range(len(line)))
