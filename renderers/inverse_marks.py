"""Marks of turns in white on black, which no text of a turn can imitate: for models that look.

A stored picture has its marks in black on white, as the reader of pages knows them. This is done
when a picture is handed over.
"""

from __future__ import annotations

from collections.abc import Collection

from optical_memory.pages import Layout, TurnSpan, rows_of
from optical_memory.renderers.geometry import edges
from optical_memory.renderers.pictures import from_png, png_bytes

__all__ = [
    "with_inverse_marks",
]


def with_inverse_marks(png: bytes, layout: Layout, white_rows: Collection[int] = ()) -> bytes:
    """The picture of a page with the number and the sign of each turn in white on black.

    Rows in `white_rows` are left alone: their turns are forgotten. Raises `CorruptPicture` if the
    bytes are no PNG.
    """
    image = from_png(png)
    ys, xs = edges(layout.grid, image.shape[0])
    for span in layout.spans:
        if span.body == span.start:
            continue
        number, *_ = rows_of(layout, span.start, span.body)
        if number in white_rows:
            continue
        row = layout.rows[number]
        box = (slice(ys[row.y], ys[row.y + 1]), slice(xs[row.x], xs[row.x + _cells(span)]))
        image[box] = 255 - image[box]
    return png_bytes(image)


def _cells(span: TurnSpan) -> int:
    """Cells of a mark's number and sign: digits are as wide as a cell, or about so."""
    return min(span.body - span.start, len(str(span.ordinal)) + 1)
