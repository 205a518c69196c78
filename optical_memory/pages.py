"""A page as a value: laid-out lines on a grid of cells, and the turns that they cover. No pixels,
no I/O.

Two values. `Layout` says where things stand (rows, cells, turn boundaries) without a word of text:
it outlives the text. `Page` is a layout with its lines. `page.text` is the drawn text in reading
order; every offset in the package (turn spans, ledger, certificate) is an offset into it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import astuple, dataclass
from functools import cached_property
from typing import Any, Literal

from optical_memory.turns import short_repr

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

    >>> Grid().measure, Grid().capacity
    (63, 8064)

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
        blank_columns = 2 * self.margin + self.gutter * (self.text_columns - 1)
        return (self.columns - blank_columns) // self.text_columns

    @property
    def capacity(self) -> int:
        """Cells that can carry text."""
        return self.measure * self.text_columns * self.rows

    def to_list(self) -> list[int | str]:
        """The fields for JSON, without the style if it is "cells".

        Pages that were stored before there were styles look like that, and their digests must stay.
        """
        fields = list(astuple(self))
        return fields[:4] if self.style == "cells" else fields


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
    """The place of one line: row `y`, first cell `x`, its width in cells and characters, and the
    text that joins it to the next line.

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

    The turn's own content starts at `body`, after the mark. `more` says that the turn goes on on
    the next page, `resumed` that it began on an earlier page.
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
    """The place of every character of a page, without the text."""

    grid: Grid
    rows: tuple[RowBox, ...]
    spans: tuple[TurnSpan, ...]

    @property
    def n_chars(self) -> int:
        """Characters of the page's text, joins included."""
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
        """The layout that `to_json` wrote, of this version or of any before."""
        rows = tuple(_row(*fields) for fields in data["rows"])
        spans = tuple(TurnSpan(*fields) for fields in data["spans"])
        return cls(Grid(*data["grid"]), rows, spans)


def _row(y: int, x: int, cells: int, chars: int, join: str, clusters: list[list[int]]) -> RowBox:
    return RowBox(y, x, cells, chars, join, tuple(Cluster(*fields) for fields in clusters))


@short_repr
@dataclass(frozen=True)
class Page:
    """A layout with its lines: `lines[i]` is the text of `layout.rows[i]`."""

    layout: Layout
    lines: tuple[str, ...]

    @cached_property
    def text(self) -> str:
        """The drawn text in reading order: every line with its join."""
        rows = zip(self.lines, self.layout.rows, strict=True)
        return "".join(line + row.join for line, row in rows)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the grid, the rows and the text: the picture depends on nothing else."""
        rows = [
            [row.y, row.x, row.cells, row.join, line]
            for row, line in zip(self.layout.rows, self.lines, strict=True)
        ]
        # Digests are stored and name cached tokens: this JSON must stay as it is, byte by byte.
        content = [self.layout.grid.to_list(), rows]
        canonical = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
        return "sha256:" + hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()

    @property
    def fill(self) -> float:
        """Share of the text cells that carry text."""
        return sum(row.cells for row in self.layout.rows) / self.layout.grid.capacity

    def density_px2_per_char(self, side_px: int) -> float:
        """Drawn pixels per character, the number that decides how well a page is read (px²)."""
        return side_px * side_px / max(1, len(self.text))


def rows_of(layout: Layout, start: int, end: int) -> list[int]:
    """Numbers of the rows that hold a character of `page.text[start:end]`, joins included.

    Every turn begins on a row of its own, so the rows of two turns never overlap.
    """
    rows = []
    row_start = 0  # offset in the page's text
    for i, row in enumerate(layout.rows):
        row_end = row_start + row.chars + len(row.join)
        if row_start < end and row_end > start:
            rows.append(i)
        row_start = row_end
    return rows
