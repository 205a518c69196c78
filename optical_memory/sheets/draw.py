"""Rows to pixels: a sheet in grey proportional type, a black bar before each label."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from optical_memory.renderers.drawing import Image
from optical_memory.renderers.glyphs import Ink
from optical_memory.renderers.sans import PEN_PX, UNIT, draw_line, in_order
from optical_memory.sheets.layout import BAR_UNITS, MARGIN_PX, Row, Segment

__all__ = [
    "HEAD_PX",
    "draw_rows",
    "row_tops",
]

HEAD_PX = 3
"""White px above the first row and below the last."""

OVERLAP_PX = 1
"""Px by which the band of a row reaches into the next: the white that every band has below its
descenders. Without it "l" and "i" would be moved down at some densities, and read as "]" and "j".
"""

BAR_PX = 2
"""Black px before a label."""


def row_tops(rows: Sequence[Row]) -> list[int]:
    """The px at which each row begins, and at the end the px at which the last ends."""
    tops = [HEAD_PX]
    y_64 = HEAD_PX * 64
    for row in rows:
        y_64 += row.type.line_64
        tops.append(y_64 // 64)
    return tops


def draw_rows(rows: Sequence[Row], width_px: int, height_px: int) -> Image:
    """The rows in (height_px, width_px) px, 0 on 255."""
    ink = np.zeros((height_px, width_px), np.uint8)
    tops = row_tops(rows)
    for row, top in zip(rows, tops, strict=False):
        band = row.type.line_64 // 64 + OVERLAP_PX
        for segment in row.segments:
            _draw_segment(ink[top : top + band], segment, row.type.em_64)
    return 255 - ink


def _draw_segment(strip: Ink, segment: Segment, em_64: int) -> None:
    """Put the letters of a segment into a row's strip (band, width)."""
    pen = MARGIN_PX * PEN_PX + segment.x * em_64
    if segment.is_label:
        x_bar = (pen - BAR_UNITS * em_64) // PEN_PX
        strip[:, x_bar : x_bar + BAR_PX] = 255
    draw_line(strip, in_order(segment.text, len(segment.text) * UNIT), pen, em_64)
