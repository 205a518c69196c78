"""Turns to pages: marks, rows and turn boundaries on the grid, nothing lost from one page to the
next.

Pure and without memory: a page depends only on the turns and offsets it is given. So turns that
come later never change a full page, and laying out the rest gives the same pages as laying out
everything at once.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice, takewhile

from optical_memory.errors import LayoutError
from optical_memory.pages import Grid, Layout, Page, RowBox, TurnSpan
from optical_memory.renderers.cells import Line
from optical_memory.renderers.marks import NAME_LIMIT, SHORT_NAME_LIMIT, MarkState, bare_mark, mark
from optical_memory.renderers.styles import STYLES
from optical_memory.renderers.wrapping import cut_row, window_end
from optical_memory.turns import Turn, body, call_offset

__all__ = [
    "PlacedTurn",
    "page_by_page",
    "paginate",
]

_MARK_SIZES = (
    (NAME_LIMIT, True),
    (2 * SHORT_NAME_LIMIT, True),
    (SHORT_NAME_LIMIT, True),
    (NAME_LIMIT, False),
    (SHORT_NAME_LIMIT, False),
)
"""Characters of the name, and whether the time is told: the first that leaves room for text."""


@dataclass(frozen=True, slots=True)
class PlacedTurn:
    """A turn on its way to a page, from `offset` in its body on; `ordinal` is its number."""

    turn: Turn
    id: str
    ordinal: int
    offset: int = 0

    @property
    def is_laid_out(self) -> bool:
        """True if nothing of the turn is left to lay out."""
        return 0 < self.offset >= len(body(self.turn))


@dataclass(frozen=True, slots=True)
class _Piece:
    """`text[start:end]`, a part of a turn's body that is laid out as a whole."""

    source: PlacedTurn
    text: str
    start: int
    end: int

    @classmethod
    def whole(cls, source: PlacedTurn) -> _Piece:
        return cls(source, body(source.turn), source.offset, len(body(source.turn)))

    @property
    def ends_turn(self) -> bool:
        return self.end == len(self.text)


def paginate(turns: Sequence[PlacedTurn], grid: Grid | None = None) -> list[Page]:
    """Lay turns out on pages in their order. Every page but the last is full.

    >>> (page,) = paginate([PlacedTurn(Turn("user", "hello"), id="m1", ordinal=1)])
    >>> page.lines
    ('1> hello',)

    Each turn starts on a row of its own with its mark. A tool call and its results stay on one page
    if a page can hold them. Over all pages, the bodies of a turn's spans give `body(turn)` back.
    Raises `LayoutError` if the grid is too narrow for a mark.
    """
    return list(page_by_page(turns, grid))


def page_by_page(turns: Sequence[PlacedTurn], grid: Grid | None = None) -> Iterator[Page]:
    """The same, a page at a time: who takes the first pages of a long turn lays out no others."""
    builder = _PageBuilder(grid or Grid())
    for group in _groups([turn for turn in turns if not turn.is_laid_out]):
        builder = yield from _lay_group(builder, group)
    if not builder.is_empty:
        yield builder.page()


def _groups(turns: Sequence[PlacedTurn]) -> Iterator[tuple[_Piece, ...]]:
    """Pieces that belong on one page: tool calls with the results that follow them; every other
    piece by itself.
    """
    i = 0
    while i < len(turns):
        source = turns[i]
        i += 1
        text = body(source.turn)
        # The text before a call may stand on the page before; only the call stays with its results.
        calls_start = max(source.offset, call_offset(source.turn))
        if source.offset < calls_start or not text:
            yield (_Piece(source, text, source.offset, calls_start),)
        if calls_start < len(text):
            results = list(takewhile(_is_result, islice(turns, i, None)))
            i += len(results)
            calls = _Piece(source, text, calls_start, len(text))
            yield (calls, *map(_Piece.whole, results))


def _is_result(placed_turn: PlacedTurn) -> bool:
    return placed_turn.turn.role == "tool"


Laying = Generator[Page, None, "_PageBuilder"]  # full pages; the page that is being filled


def _lay_group(builder: _PageBuilder, group: tuple[_Piece, ...]) -> Laying:
    if len(group) > 1:
        together = builder.with_all(group)
        if together is not None:
            return together
        together = _PageBuilder(builder.grid).with_all(group)
        if together is not None:
            yield builder.page()
            return together
    return (yield from _lay_apart(builder, group))


def _lay_apart(builder: _PageBuilder, group: tuple[_Piece, ...]) -> Laying:
    for piece in group:
        rest = builder.lay(piece)
        while rest is not None:
            yield builder.page()
            builder = _PageBuilder(builder.grid)
            rest = builder.lay(rest)
    return builder


class _PageBuilder:
    """A page that is being filled."""

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self._style = STYLES[grid.style]
        self._measure = grid.measure * self._style.unit
        self._rows: list[RowBox] = []
        self._lines: list[str] = []
        self._spans: list[TurnSpan] = []
        self._n_chars = 0
        self._marks = MarkState()

    @property
    def is_empty(self) -> bool:
        return not self._rows

    @property
    def _is_full(self) -> bool:
        return len(self._rows) >= self.grid.rows * self.grid.text_columns

    def page(self) -> Page:
        layout = Layout(self.grid, tuple(self._rows), tuple(self._spans))
        return Page(layout, tuple(self._lines))

    def with_all(self, pieces: Sequence[_Piece]) -> _PageBuilder | None:
        """This page with all the pieces on it; None if they do not fit. Does not change it."""
        builder = self._copy()
        return builder if all(builder.lay(piece) is None for piece in pieces) else None

    def _copy(self) -> _PageBuilder:
        builder = _PageBuilder(self.grid)
        builder._rows = self._rows.copy()
        builder._lines = self._lines.copy()
        builder._spans = self._spans.copy()
        builder._n_chars = self._n_chars
        builder._marks = self._marks
        return builder

    def lay(self, piece: _Piece) -> _Piece | None:
        """Put as much of the piece on the page as there is room for; return the rest."""
        if self._is_full:
            return piece
        span, mark_text = self._start_span(piece)
        position = piece.start
        prefix = self._style.split_line(mark_text)
        has_mark = bool(mark_text)
        while not self._is_full and (position < piece.end or has_mark):
            position = self._lay_line(piece, position, prefix)
            prefix = _NO_MARK
            has_mark = False
        is_whole = position >= piece.end
        turn_ends = is_whole and piece.ends_turn
        self._spans.append(replace(span, end=self._n_chars, more=not turn_ends))
        return None if is_whole else replace(piece, start=position)

    def _start_span(self, piece: _Piece) -> tuple[TurnSpan, str]:
        """The span to extend and the mark to draw.

        There is no mark if the turn goes on from the piece before.
        """
        source = piece.source
        if self._spans and self._spans[-1].ordinal == source.ordinal and piece.start:
            return self._spans.pop(), ""
        self._end_last_line()
        is_resumed = piece.start > 0
        text = self._mark(source, is_resumed)
        start = self._n_chars
        span = TurnSpan(
            source.id, source.ordinal, start, start + len(text), start, resumed=is_resumed
        )
        return span, text

    def _mark(self, source: PlacedTurn, is_resumed: bool) -> str:
        """The mark of a turn, short enough that the widest escape has room beside it."""
        limit = self._measure - self._style.escape_cells * self._style.unit
        room = min(limit, self._measure * 2 // 3)  # with more, there is too little for the text
        for name_limit, tells_time in _MARK_SIZES:
            text, marks = mark(
                source.turn,
                source.ordinal,
                self._marks,
                is_resumed=is_resumed,
                name_limit=name_limit,
                tells_time=tells_time,
            )
            if self._width(text) <= room:
                self._marks = marks
                return text
        text = bare_mark(source.turn, source.ordinal, is_resumed=is_resumed)
        if self._width(text) > limit:
            raise LayoutError(
                f"turn {source.id!r} cannot be put on a grid with {self.grid.measure} cells in a "
                f"line: its mark {text!r} leaves less than {self._style.escape_cells} cells; "
                "use a grid with more columns"
            )
        return text

    def _width(self, text: str) -> int:
        return self._style.split_line(text).positions[-1]

    def _lay_line(self, piece: _Piece, position: int, prefix: Line) -> int:
        """Lay the line of text at `position`, as many rows of it as there is room for.

        Returns the position of the rest.
        """
        end = window_end(piece.text, position, piece.end, self.grid.capacity, self._style.unit)
        line_break = piece.text.find("\n", position, min(piece.end, end + 1))
        end = end if line_break < 0 else line_break
        line = self._style.split_line(piece.text[position:end], self.grid.measure)
        first = 0
        while True:
            room = self._measure - prefix.positions[-1]
            cut = cut_row(line, first, room, self._measure)
            is_last = cut.resume == len(line)
            join = "\n" if is_last and end == line_break else cut.join
            self._add_row(prefix, line, first, cut.stop, join)
            prefix = _NO_MARK
            first = cut.resume
            if is_last or self._is_full:
                return position + line.starts[first] + (len(join) if is_last else 0)

    def _add_row(self, prefix: Line, line: Line, first: int, stop: int, join: str) -> None:
        """Add a row with the mark `prefix` (it may be empty) and atoms `first` to `stop`."""
        style = self._style
        n_chars = len(prefix.text)
        prefix_width = prefix.positions[-1]
        text = prefix.text + line.text[line.starts[first] : line.starts[stop]]
        clusters = style.clusters(prefix, 0, len(prefix), 0, 0)
        clusters += style.clusters(line, first, stop, n_chars, prefix_width)
        column, y = divmod(len(self._rows), self.grid.rows)
        x = self.grid.margin + column * (self.grid.measure + self.grid.gutter)
        row_width = prefix_width + line.positions[stop] - line.positions[first]
        cells = -(-row_width // style.unit)  # rounded up
        self._rows.append(RowBox(y, x, cells, len(text), join, clusters))
        self._lines.append(text)
        self._n_chars += len(text) + len(join)

    def _end_last_line(self) -> None:
        """A line break parts two turns. If the first turn's text did not bring it, it is in no
        span.
        """
        if self._rows and self._rows[-1].join != "\n":
            self._rows[-1] = replace(self._rows[-1], join="\n")
            self._n_chars += 1


_NO_MARK = Line("", range(1), range(1))
