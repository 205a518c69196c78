"""Pieces to rows: words run on from turn to turn, so that no paper is paid for white."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from optical_memory.renderers.sans import PEN_PX, UNIT, split_line
from optical_memory.renderers.wrapping import cut_row
from optical_memory.sheets.pieces import Piece, Type
from optical_memory.turns import short_repr

__all__ = [
    "BAR_UNITS",
    "MARGIN_PX",
    "Row",
    "Segment",
    "lay_rows",
]

MARGIN_PX = 6
"""White px at the left and the right of a sheet."""

GAP_UNITS = UNIT // 2
"""Font units of white between two pieces."""

BAR_UNITS = 3 * UNIT // 4
"""Font units of the bar before a label, with the white behind it."""


@short_repr
@dataclass(frozen=True, slots=True)
class Segment:
    """Words at a place of a row: `x` and `end` are font units from the left margin.

    Before the beginning of a label stands a bar of `BAR_UNITS`.
    """

    text: str
    x: int
    end: int
    is_label: bool


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a sheet: segments from left to right, all in a type; `pieces` are the numbers of the
    first and the last piece on it.
    """

    type: Type
    segments: tuple[Segment, ...]
    pieces: tuple[int, int]

    @property
    def text(self) -> str:
        """The words of the row."""
        return " ".join(segment.text for segment in self.segments)


def _measure_units(type: Type, width_px: int) -> int:
    """The length of a row in font units."""
    return (width_px - 2 * MARGIN_PX) * PEN_PX // type.em_64


def lay_rows(pieces: Sequence[Piece], width_px: int) -> list[Row]:
    """The rows of all pieces on sheets of this width. Another type begins a new row."""
    builder = _RowBuilder(width_px)
    for i, piece in enumerate(pieces):
        builder.add(i, piece)
    return builder.rows()


class _RowBuilder:
    """Rows so far, and the row that is being filled."""

    def __init__(self, width_px: int) -> None:
        self._width_px = width_px
        self._rows: list[Row] = []
        self._segments: list[Segment] = []
        self._pieces = (0, 0)
        self._type: Type | None = None
        self._x = 0

    def add(self, number: int, piece: Piece) -> None:
        """Lay a piece behind the others."""
        if piece.type != self._type:
            self._end_row()
            self._type = piece.type
        measure = _measure_units(piece.type, self._width_px)
        line = split_line(piece.text, measure // UNIT)
        first = 0
        while first < len(line):
            is_label = piece.is_label and first == 0
            gap = (GAP_UNITS if self._segments else 0) + (BAR_UNITS if is_label else 0)
            cut = cut_row(line, first, max(0, measure - self._x - gap), measure)
            if cut.stop > first:
                width = line.positions[cut.stop] - line.positions[first]
                text = line.text[line.starts[first] : line.starts[cut.stop]]
                self._put(number, text, gap, width, is_label)
            if cut.resume < len(line):
                self._end_row()
            first = cut.resume

    def _put(self, number: int, text: str, gap: int, width: int, is_label: bool) -> None:
        """Put words behind the others on the row, after `gap` font units."""
        start = self._x + gap
        self._x = start + width
        first_piece = self._pieces[0] if self._segments else number
        self._pieces = (first_piece, number)
        self._segments.append(Segment(text, start, self._x, is_label))

    def _end_row(self) -> None:
        if self._segments and self._type is not None:
            self._rows.append(Row(self._type, tuple(self._segments), self._pieces))
        self._segments = []
        self._x = 0

    def rows(self) -> list[Row]:
        """All rows, with the last, which may be short."""
        self._end_row()
        return self._rows
