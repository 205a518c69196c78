"""The page renderer: turns in, pages and pictures out.

It holds the grid and nothing else; layout and drawing are pure functions beside it. The rest of the
package is given this object.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice

from optical_memory.pages import Grid, Page
from optical_memory.renderers.cells import kind, split_line
from optical_memory.renderers.drawing import Image
from optical_memory.renderers.layout import PlacedTurn, page_by_page, paginate
from optical_memory.renderers.styles import STYLES

__all__ = [
    "PageRenderer",
    "count_escapes",
]


@dataclass(frozen=True, slots=True)
class PageRenderer:
    """Lays turns out on pages of one grid and draws them."""

    grid: Grid = field(default_factory=Grid)

    def paginate(self, turns: Sequence[PlacedTurn]) -> list[Page]:
        """Pages in the order of the turns; every page but the last is full.

        Raises `LayoutError` if the grid is too narrow for the mark of a turn.
        """
        return paginate(turns, self.grid)

    def first_pages(self, turns: Sequence[PlacedTurn], n: int) -> list[Page]:
        """The first `n` full pages of these turns, at most; the rest is not laid out.

        Raises as `paginate`.
        """
        pages = list(islice(page_by_page(turns, self.grid), n + 1))
        return pages[:n] if len(pages) > n else pages[:-1]

    def draw(self, page: Page, side_px: int) -> Image:
        """The page in (side_px, side_px) px, black (0) on white (255).

        Raises `LayoutError` if the side is too small for the page's grid.
        """
        return STYLES[page.layout.grid.style].draw(page, side_px)


def count_escapes(page: Page) -> int:
    r"""Characters of the page that are drawn as a visible escape (`\u{1F600}`): emoji, controls,
    unassigned characters.
    """
    count = 0
    for text in page.lines:
        line = split_line(text)
        count += sum(kind(line.atom(i)[0]) == "escape" for i in range(len(line)))
    return count
