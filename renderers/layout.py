"""Turns to pages: marks, rows and turn boundaries on the grid, nothing lost from one page to the
next.

Pure and without memory: a page depends only on the turns and offsets it is given, so turns that
come later never change a full page, and laying out what is left gives the same pages as laying out
everything at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from optical_memory.errors import LayoutError
from optical_memory.pages import Grid, Layout, Page, RowBox, TurnSpan
from optical_memory.renderers.cells import Line
from optical_memory.renderers.marks import Heard, mark
from optical_memory.renderers.styles import STYLES
from optical_memory.renderers.wrapping import cut_row
from optical_memory.turns import Turn, body, call_offset

__all__ = ["PlacedTurn", "paginate"]

CHARS_PER_CELL = 4  # no atom holds more


@dataclass(frozen=True, slots=True)
class PlacedTurn:
    """A turn on its way to a page: its id, its number in the session, and the offset in
    `body(turn)` to go on from.
    """

    turn: Turn
    id: str
    ordinal: int
    offset: int = 0


@dataclass(frozen=True, slots=True)
class _Piece:
    """`text[start:end]`, a part of a turn's body that is laid out in one go; `last` when the turn
    ends with it.
    """

    placed: PlacedTurn
    text: str
    start: int
    end: int

    @property
    def last(self) -> bool:
        return self.end == len(self.text)


def paginate(turns: Sequence[PlacedTurn], grid: Grid | None = None) -> list[Page]:
    """Lay turns out on pages in their order. Every page but the last is full.

    Each turn starts on its own row with its mark. A tool call and its results stay on one page
    where a page can hold them. Over all pages, the bodies of a turn's spans give `body(turn)` back.
    Raises `LayoutError` if the grid is too narrow for a mark.
    """
    grid = grid or Grid()
    pages, sheet = [], _Sheet(grid)
    for group in _groups([p for p in turns if p.offset < len(body(p.turn)) or p.offset == 0]):
        together = sheet.lay_all(group)
        if (
            together is None
            and len(group) > 1
            and (together := _Sheet(grid).lay_all(group)) is not None
        ):
            pages.append(sheet.page())
        if together is not None:
            sheet = together
            continue
        for piece in group:
            rest = sheet.lay(piece)
            while rest is not None:
                pages.append(sheet.page())
                sheet = _Sheet(grid)
                rest = sheet.lay(rest)
    return pages if sheet.empty else [*pages, sheet.page()]


def _groups(turns: Sequence[PlacedTurn]) -> Iterator[tuple[_Piece, ...]]:
    """Pieces that belong on one page: tool calls with the results that follow them; everything else
    by itself.
    """
    i = 0
    while i < len(turns):
        placed, text, i = turns[i], body(turns[i].turn), i + 1
        calls = max(placed.offset, call_offset(placed.turn))
        if placed.offset < calls or not text:
            yield (_Piece(placed, text, placed.offset, calls),)
        if calls < len(text):
            answers = list(takewhile(lambda t: t.turn.role == "tool", turns[i:]))
            i += len(answers)
            yield (_Piece(placed, text, calls, len(text)), *(_whole(answer) for answer in answers))


def _whole(placed: PlacedTurn) -> _Piece:
    text = body(placed.turn)
    return _Piece(placed, text, placed.offset, len(text))


class _Sheet:
    """A page being filled."""

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self._style = STYLES[grid.style]
        self._measure = grid.measure * self._style.unit
        self._rows: list[RowBox] = []
        self._lines: list[str] = []
        self._spans: list[TurnSpan] = []
        self._chars = 0
        self._heard = Heard()

    @property
    def empty(self) -> bool:
        return not self._rows

    @property
    def _full(self) -> bool:
        return len(self._rows) >= self.grid.rows * self.grid.text_columns

    def page(self) -> Page:
        return Page(Layout(self.grid, tuple(self._rows), tuple(self._spans)), tuple(self._lines))

    def lay_all(self, pieces: Sequence[_Piece]) -> _Sheet | None:
        """This sheet with all the pieces on it, or None if they do not fit. Leaves this sheet as it
        is.
        """
        sheet = _Sheet(self.grid)
        sheet._rows, sheet._lines, sheet._spans = (
            self._rows.copy(),
            self._lines.copy(),
            self._spans.copy(),
        )
        sheet._chars, sheet._heard = self._chars, self._heard
        return sheet if all(sheet.lay(piece) is None for piece in pieces) else None

    def lay(self, piece: _Piece) -> _Piece | None:
        """Put as much of the piece on the page as there is room for; return what is left."""
        if self._full:
            return piece
        span, prefix = self._begin(piece)
        at, line = piece.start, self._style.split_line(prefix)
        while not self._full and (at < piece.end or prefix):
            at = self._lay_line(piece, at, line)
            prefix, line = "", _NO_MARK
        done = at >= piece.end
        self._spans.append(replace(span, end=self._chars, more=not (done and piece.last)))
        return None if done else replace(piece, start=at)

    def _begin(self, piece: _Piece) -> tuple[TurnSpan, str]:
        """The span to extend and the mark to draw: none where the turn goes on from the piece
        before.
        """
        placed = piece.placed
        if self._spans and self._spans[-1].ordinal == placed.ordinal and piece.start:
            return self._spans.pop(), ""
        self._part_from_last()
        resumed, limit = piece.start > 0, self._measure - self._style.longest * self._style.unit
        text, heard = mark(placed.turn, placed.ordinal, self._heard, resumed=resumed)
        if self._width(text) > min(limit, self._measure * 2 // 3):
            text, heard = mark(placed.turn, placed.ordinal, self._heard, resumed=resumed, bare=True)
        if self._width(text) > limit:
            raise LayoutError(
                f"turn {placed.id!r} cannot be put on a grid with {self.grid.measure} cells in a line: its mark "
                f"{text!r} leaves less than {self._style.longest} cells; use a grid with more columns"
            )
        self._heard = heard
        start = self._chars
        return TurnSpan(
            placed.id, placed.ordinal, start, start + len(text), start, resumed=resumed
        ), text

    def _width(self, text: str) -> int:
        return self._style.split_line(text).at[-1]

    def _lay_line(self, piece: _Piece, at: int, prefix: Line) -> int:
        """Lay the line of text at `at`, as many rows of it as there is room for; return where the
        rest begins.
        """
        found = piece.text.find("\n", at, piece.end)
        stop = piece.end if found < 0 else found
        window = piece.text[at : min(stop, at + self.grid.capacity * CHARS_PER_CELL)]
        line, first = self._style.split_line(window, self.grid.measure), 0
        while True:
            cut = cut_row(line, first, self._measure - prefix.at[-1], self._measure)
            ends = cut.resume == len(line)
            join = "\n" if ends and at + len(window) == found else cut.join
            self._add_row(prefix, line, first, cut.stop, join)
            prefix, first = _NO_MARK, cut.resume
            if ends or self._full:
                return at + line.starts[first] + (len(join) if ends else 0)

    def _add_row(self, prefix: Line, line: Line, first: int, stop: int, join: str) -> None:
        chars, start, clusters = len(prefix.text), prefix.at[-1], self._style.clusters
        text = prefix.text + line.text[line.starts[first] : line.starts[stop]]
        found = clusters(prefix, 0, len(prefix), 0, 0) + clusters(line, first, stop, chars, start)
        column, y = divmod(len(self._rows), self.grid.rows)
        x = self.grid.margin + column * (self.grid.measure + self.grid.gutter)
        cells = -(-(start + line.at[stop] - line.at[first]) // self._style.unit)
        self._rows.append(RowBox(y, x, cells, len(text), join, found))
        self._lines.append(text)
        self._chars += len(text) + len(join)

    def _part_from_last(self) -> None:
        """Two turns are parted by a line break; one that the first turn's text did not bring is in
        no span.
        """
        if self._rows and self._rows[-1].join != "\n":
            self._rows[-1] = replace(self._rows[-1], join="\n")
            self._chars += 1


_NO_MARK = Line("", range(1), range(1))
