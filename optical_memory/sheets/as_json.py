"""Sheets as plain JSON: their words with their places, from which the same picture is drawn."""

from __future__ import annotations

from typing import Any

from optical_memory.sheets.layout import Row, Segment
from optical_memory.sheets.pieces import Type
from optical_memory.sheets.sheet import Sheet

__all__ = [
    "sheet_from_json",
    "sheet_to_json",
]


def sheet_to_json(sheet: Sheet) -> list[Any]:
    """The sheet as lists, numbers and texts: less than a quarter of its picture's bytes.

    >>> row = Row(Type(50.0), (Segment("Ann:", 0, 40, True),), (0, 0))
    >>> sheet_to_json(Sheet((row,), 280, 56, 21))
    [280, 56, 21, [[50.0, 0, 0, ['Ann:', 0, 40, True]]]]
    """
    rows = [[row.type.density_px2, *row.pieces, *map(_segment, row.segments)] for row in sheet.rows]
    return [sheet.width_px, sheet.height_px, sheet.n_tokens, rows]


def _segment(segment: Segment) -> list[Any]:
    return [segment.text, segment.x, segment.end, segment.is_label]


def sheet_from_json(value: Any) -> Sheet:
    """The sheet that `sheet_to_json` wrote: it has the same bytes."""
    width_px, height_px, n_tokens, rows = value
    return Sheet(tuple(map(_row, rows)), width_px, height_px, n_tokens)


def _row(value: Any) -> Row:
    density_px2, first, last, *segments = value
    return Row(Type(density_px2), tuple(Segment(*segment) for segment in segments), (first, last))
