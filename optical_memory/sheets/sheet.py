"""`Sheet`: passages drawn for a host, as a value whose picture is drawn when it is first needed."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from math import isqrt

from optical_memory.hosts.profile import HostProfile
from optical_memory.renderers.pictures import png_bytes
from optical_memory.sheets.draw import HEAD_PX, draw_rows
from optical_memory.sheets.layout import Row, lay_rows
from optical_memory.sheets.pieces import Piece
from optical_memory.telemetry.measuring import operation
from optical_memory.turns import short_repr

__all__ = [
    "Sheet",
    "drop_drawn_sheets",
    "lay_sheets",
]

MIN_WIDTH_PX = 280
"""No sheet is narrower: a row holds 40 letters at least."""

WIDTHS = 3
"""Narrower and wider sheets that are tried around the square."""

ENOUGH_FILL = 0.95
"""A sheet of full width that is so well filled is not made narrower."""

CACHED_SHEETS = 64
"""Pictures that the process keeps, of about 0.2 MB each."""


@short_repr
@dataclass(frozen=True, slots=True)
class Sheet:
    """Rows of passages on a picture of `width_px` x `height_px`, at a price of `n_tokens`.

    The same rows give the same bytes.
    """

    rows: tuple[Row, ...]
    width_px: int
    height_px: int
    n_tokens: int

    @property
    def png(self) -> bytes:
        """The picture: 4 bits a pixel. It is kept in the process, for the next request."""
        return _png(self.rows, self.width_px, self.height_px)

    @property
    def n_chars(self) -> int:
        """Characters on the sheet."""
        return sum(len(row.text) for row in self.rows)

    @property
    def fill(self) -> float:
        """Share of the height that has rows, in 0..1."""
        used_64 = sum(row.type.line_64 for row in self.rows)
        return min(1.0, used_64 / 64 / (self.height_px - 2 * HEAD_PX))

    @property
    def text(self) -> str:
        """The words of the sheet, row by row."""
        return "\n".join(row.text for row in self.rows)


@lru_cache(maxsize=CACHED_SHEETS)
def _png(rows: tuple[Row, ...], width_px: int, height_px: int) -> bytes:
    with operation("draw_sheet", optical_memory__pixels=width_px * height_px):
        return png_bytes(draw_rows(rows, width_px, height_px))


def drop_drawn_sheets() -> None:
    """Drop all pictures that the process keeps: something on them was forgotten."""
    _png.cache_clear()


def lay_sheets(pieces: Sequence[Piece], host: HostProfile) -> list[Sheet]:
    """The sheets of these pieces: all full but the last two, which are alike.

    A single sheet is as small as its words allow. At a flat price only the last is not full.

    >>> from optical_memory.hosts import host_named
    >>> from optical_memory.sheets.pieces import Piece, Type
    >>> words = [Piece("so many words " * 1500, Type(50.0))]
    >>> [(s.width_px, s.height_px, s.n_tokens) for s in lay_sheets(words, host_named("claude-5"))]
    [(1036, 616, 817), (1036, 588, 780)]
    """
    rows = lay_rows(pieces, host.sheet.width_px)
    parts = _cut(rows, host.sheet.height_px)
    if len(parts) == 1:
        return [_small_sheet(pieces, parts[0], host)]
    if parts and not _is_flat(host):
        parts[-2:] = _halves(parts[-2], parts[-1])
    return [_sheet(part, host.sheet.width_px, host) for part in parts]


def _cut(rows: Sequence[Row], height_px: int) -> list[list[Row]]:
    """The rows of each sheet."""
    parts: list[list[Row]] = []
    room_64 = 0
    for row in rows:
        if row.type.line_64 > room_64:
            parts.append([])
            room_64 = 64 * (height_px - 2 * HEAD_PX)
        parts[-1].append(row)
        room_64 -= row.type.line_64
    return parts


def _is_flat(host: HostProfile) -> bool:
    """True if a lower picture is no cheaper: then a sheet is full, or its words are better text."""
    size = host.sheet
    lowest = host.price.tokens(size.width_px, size.step_px)
    return lowest == host.price.tokens(size.width_px, size.height_px)


def _halves(full: Sequence[Row], last: Sequence[Row]) -> list[list[Row]]:
    """The rows of the last two sheets, shared so that both are about as high.

    A sheet of a few rows would have much white below them.
    """
    rows = [*full, *last]
    heights = list(accumulate(row.type.line_64 for row in rows))
    middle = min(len(full), bisect_left(heights, heights[-1] // 2) + 1)
    return [rows[:middle], rows[middle:]]


def _small_sheet(pieces: Sequence[Piece], rows: Sequence[Row], host: HostProfile) -> Sheet:
    """A single sheet, about as wide as high, at the least price: fewer px are lost to its edges."""
    size = host.sheet
    widest = _sheet(rows, size.width_px, host)
    if widest.fill >= ENOUGH_FILL:
        return widest
    side_px = _round_up(isqrt(widest.width_px * _height_px(rows)), size.step_px)
    sheets = [widest]
    for n_steps in range(-WIDTHS, WIDTHS + 1):
        width_px = max(_round_up(MIN_WIDTH_PX, size.step_px), side_px + n_steps * size.step_px)
        parts = _cut(lay_rows(pieces, width_px), size.height_px)
        if width_px < size.width_px and len(parts) == 1:
            sheets.append(_sheet(parts[0], width_px, host))
    return min(sheets, key=lambda sheet: (sheet.n_tokens, -sheet.fill))


def _height_px(rows: Sequence[Row]) -> int:
    """The px that rows need, with the white above and below."""
    return 2 * HEAD_PX + -(-sum(row.type.line_64 for row in rows) // 64)


def _sheet(rows: Sequence[Row], width_px: int, host: HostProfile) -> Sheet:
    height_px = min(host.sheet.height_px, _round_up(_height_px(rows), host.sheet.step_px))
    return Sheet(tuple(rows), width_px, height_px, host.price.tokens(width_px, height_px))


def _round_up(px: int, step_px: int) -> int:
    return -(-px // step_px) * step_px
