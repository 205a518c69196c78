"""A page as a value: laid-out lines on a grid of cells, and the turns that they cover. No pixels,
no I/O.

Two values. `Layout` is where things stand (rows, cells, turn boundaries) without a word of text: it
outlives the text. `Page` is a layout with its lines. `page.text` is the drawn text in reading
order; every offset in the package (turn spans, ledger, certificate) is an offset into it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import astuple, dataclass
from functools import cached_property
from typing import Any, Literal

__all__ = [
    "Cluster",
    "Grid",
    "Layout",
    "Page",
    "RowBox",
    "StyleName",
    "TurnSpan",
    "rows_of",
]

StyleName = Literal["cells", "sans"]


@dataclass(frozen=True, slots=True)
class Grid:
    """The cells of a page: `columns` x `rows`, in `text_columns` newspaper columns with `gutter`
    blank cells between.

    128 x 64 gives cells of 8 x 16 px at Large and Base and of 4 x 8 px at Small and Tiny, so that a
    patch of the encoder (16 x 16 px) holds whole cells only. At Base and Tiny the cells fill the
    picture; at Large and Small every fifth slot of a row and of a column stays blank.

    In the style "cells" a character stands in a cell of its own (bitmap fonts). In the style "sans"
    a cell is half an em wide and a line high, characters are as wide as they are (Noto Sans), and a
    cell at either side stays blank.
    """

    columns: int = 128
    rows: int = 64
    text_columns: int = 2
    gutter: int = 2
    style: StyleName = "cells"

    @property
    def margin(self) -> int:
        """Blank cells at either side of the page."""
        return int(self.style == "sans")

    @property
    def measure(self) -> int:
        """Cells in one line of text."""
        return (
            self.columns - 2 * self.margin - self.gutter * (self.text_columns - 1)
        ) // self.text_columns

    @property
    def capacity(self) -> int:
        """Cells that can carry text."""
        return self.measure * self.text_columns * self.rows

    def to_list(self) -> list[int | str]:
        """The fields for JSON; the style only where it is not "cells", as it was before there were
        others.
        """
        return list(astuple(self))[: 4 if self.style == "cells" else 5]


@dataclass(frozen=True, slots=True)
class Cluster:
    """Part of a row that is not one character in one cell: wide characters, shaped runs, escapes.

    `chars` characters from `char` (offset in the row) are drawn in `cells` cells from `cell`
    (offset in the row).
    """

    char: int
    chars: int
    cell: int
    cells: int


@dataclass(frozen=True, slots=True)
class RowBox:
    """Where one line stands: row `y`, first cell `x`, its width in cells and characters, and what
    joins it to the next.

    `join` is "" (a word was broken), " " (wrapped at a space that is not drawn) or "\\n" (the text
    had a line break). In the style "cells", characters outside `clusters` take one cell each, in
    order; in "sans" there are no clusters, and `cells` is the width rounded up.
    """

    y: int
    x: int
    cells: int
    chars: int
    join: str
    clusters: tuple[Cluster, ...] = ()


@dataclass(frozen=True, slots=True)
class TurnSpan:
    """Turn `turn` (its id, and `ordinal` in the session) is drawn at `page.text[start:end]`, its
    mark included.

    `body` is where the turn's own content starts (after the mark). `more` says that it goes on on
    the next page, `resumed` that it began on an earlier one.
    """

    turn: str
    ordinal: int
    start: int
    body: int
    end: int
    more: bool = False
    resumed: bool = False


@dataclass(frozen=True, slots=True)
class Layout:
    """Where every character of a page stands, without the text."""

    grid: Grid
    rows: tuple[RowBox, ...]
    spans: tuple[TurnSpan, ...]

    @property
    def n_chars(self) -> int:
        return sum(row.chars + len(row.join) for row in self.rows)

    def to_json(self) -> dict[str, Any]:
        """Compact JSON: each value as the list of its fields."""
        return {
            "grid": self.grid.to_list(),
            "rows": [list(astuple(row)) for row in self.rows],
            "spans": [list(astuple(span)) for span in self.spans],
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Layout:
        rows = tuple(
            RowBox(y, x, cells, chars, join, tuple(Cluster(*cluster) for cluster in clusters))
            for y, x, cells, chars, join, clusters in data["rows"]
        )
        return cls(Grid(*data["grid"]), rows, tuple(TurnSpan(*span) for span in data["spans"]))


@dataclass(frozen=True)
class Page:
    """A layout with its lines: `lines[i]` is the text of `layout.rows[i]`."""

    layout: Layout
    lines: tuple[str, ...]

    @cached_property
    def text(self) -> str:
        return "".join(
            line + row.join for line, row in zip(self.lines, self.layout.rows, strict=True)
        )

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the grid, the rows and the text: what the picture depends on."""
        rows = [
            [r.y, r.x, r.cells, r.join, line]
            for r, line in zip(self.layout.rows, self.lines, strict=True)
        ]
        canonical = json.dumps(
            [self.layout.grid.to_list(), rows], ensure_ascii=False, separators=(",", ":")
        )
        return "sha256:" + hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()

    @property
    def fill(self) -> float:
        """Share of the text cells that carry text."""
        return sum(row.cells for row in self.layout.rows) / self.layout.grid.capacity

    def density_px2_per_char(self, side_px: int) -> float:
        """Drawn pixels per character, the number that decides how well a page is read (px²)."""
        return side_px * side_px / max(1, len(self.text))


def rows_of(layout: Layout, start: int, end: int) -> list[int]:
    """Rows with a character of `page.text[start:end]`; a turn always has rows of its own."""
    at, found = 0, []
    for i, row in enumerate(layout.rows):
        stop = at + row.chars + len(row.join)
        if at < end and stop > start:
            found.append(i)
        at = stop
    return found
