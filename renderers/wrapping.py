"""Word wrap: one line of atoms into rows, nothing lost and nothing added.

Knows atoms and widths; nothing of turns or pages. A row ends before a single space that is not
drawn (its join is " "). Or it ends anywhere else with the join "": in a word that is longer than
the measure, at several spaces, beside wide characters.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from optical_memory.pages import Cluster
from optical_memory.renderers.cells import Line, kind

__all__ = [
    "Cut",
    "clusters",
    "cut_row",
    "window_end",
]

CHARS_PER_CELL = 4
"""No atom holds more characters a cell: no page takes more of a line at once."""

SIGNS_PER_ESCAPE = 5
"""The shortest escape is `\\u{A}`. In the style "cells" each sign takes a cell."""

WINDOW_CHARS = 256
"""Characters that are counted at once to find how much of a text a page can hold."""


@dataclass(frozen=True, slots=True)
class Cut:
    """The end of a row: atoms up to `stop` are drawn, `join` follows them, and the next row begins
    with atom `resume`.
    """

    stop: int
    join: str
    resume: int


def window_end(text: str, start: int, stop: int, n_cells: int, unit: int) -> int:
    """The end of the part of `text[start:stop]` that `n_cells` can hold at most.

    A text may be a single line of a megabyte. `unit` is that of the style: 1 if each sign has a
    cell.
    """
    cells_per_escape = SIGNS_PER_ESCAPE / (1 if unit == 1 else CHARS_PER_CELL)
    cells_left = float(n_cells)
    while cells_left > 0 and start < stop:
        end = min(stop, start + WINDOW_CHARS)
        chunk = text[start:end]
        cells_left -= len(chunk) / CHARS_PER_CELL
        if not (chunk.isascii() and chunk.isprintable()):
            escapes = [char for char in chunk if char != "\n" and kind(char) == "escape"]
            cells_left -= (cells_per_escape - 1 / CHARS_PER_CELL) * len(escapes)
        start = end
    return start


def cut_row(line: Line, first: int, room: int, measure: int) -> Cut:
    """Cut a row from atom `first` on. It is at most `room` wide in the units of `line.positions`;
    later rows are `measure` wide.

    The end of the line gives `stop == resume == len(line)`. A row may be empty if a word fits only
    the next row.
    """
    right_edge = line.positions[first] + room
    full = (
        bisect_right(line.positions, right_edge, lo=first) - 1
    )  # the first atom that does not fit
    if full >= len(line):
        return Cut(len(line), "", len(line))
    cut = _last_break(line, first, full)
    if cut is not None:
        # A word too long for any row starts here rather than on the next row.
        fits = cut.stop == full or _word_fits(line, cut.resume, measure)
        return cut if fits else Cut(full, "", full)
    if room < measure and not line.atom(first).isspace() and _word_fits(line, first, measure):
        return Cut(first, "", first)
    return Cut(full, "", full)


def _last_break(line: Line, first: int, full: int) -> Cut | None:
    """The last cut between words up to atom `full`, on a row that is not blank up to there."""
    for i in range(full, first, -1):
        cut = None if _is_blank(line, first, i) else _break_before(line, i)
        if cut is not None:
            return cut
    return None


def _break_before(line: Line, i: int) -> Cut | None:
    """The cut between atoms `i - 1` and `i`, if words may be parted there."""
    last_atom = line.atom(i - 1)
    next_atom = line.atom(i)
    if next_atom == " ":
        is_single = last_atom != " " and i + 1 < len(line) and line.atom(i + 1) != " "
        return Cut(i, " ", i + 1) if is_single else Cut(i, "", i)
    if last_atom == " ":
        is_single = i == 1 or line.atom(i - 2) != " "
        return None if is_single else Cut(i, "", i)  # a single space: see one atom before
    may_part = last_atom == "\t" or _stands_alone(line, i - 1) or _stands_alone(line, i)
    return Cut(i, "", i) if may_part else None


def _stands_alone(line: Line, i: int) -> bool:
    """Lines may be broken beside wide characters and parts of scripts without spaces."""
    atom = line.atom(i)
    if line.cells(i) <= 1 or atom.isascii():
        return False
    is_thai_or_lao = "\u0e00" <= atom[0] <= "\u0eff"
    return is_thai_or_lao or len(atom) == 1


def _is_blank(line: Line, first: int, stop: int) -> bool:
    return line.text[line.starts[first] : line.starts[stop]].isspace()


def _word_fits(line: Line, first: int, measure: int) -> bool:
    """The word that begins at atom `first` fits a row of its own."""
    space = line.text.find(" ", line.starts[first])
    word_end = line.starts[-1] if space < 0 else space
    stop = bisect_right(line.starts, word_end, lo=first) - 1
    return line.positions[stop] - line.positions[first] <= measure


def clusters(line: Line, first: int, stop: int, chars: int, cells: int) -> tuple[Cluster, ...]:
    """The clusters of a row that draws atoms `first` to `stop` after a mark of `chars` characters
    in `cells` cells.

    Right-to-left runs become one cluster each: inside it, words stand in reading order.
    """
    row_clusters: list[Cluster] = []
    i = first
    while i < stop:
        end = i + 1
        while line.levels and end < stop and _is_rtl(line, i) and _is_rtl(line, end):
            end += 1
        n_chars = line.starts[end] - line.starts[i]
        n_cells = line.positions[end] - line.positions[i]
        if n_chars != 1 or n_cells != 1:
            char = chars + line.starts[i] - line.starts[first]
            cell = cells + line.positions[i] - line.positions[first]
            row_clusters.append(Cluster(char, n_chars, cell, n_cells))
        i = end
    return tuple(row_clusters)


def _is_rtl(line: Line, i: int) -> bool:
    return line.levels[line.starts[i]] > 0
