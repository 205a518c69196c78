"""Word wrap: one line of atoms into rows, nothing lost and nothing added.

Knows atoms and widths; nothing of turns or pages. A row ends before the one space that is not drawn
(its join is " "), or anywhere else with the join "" (a word that is longer than the measure,
several spaces, wide characters).
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from optical_memory.pages import Cluster
from optical_memory.renderers.cells import Line

__all__ = ["Cut", "clusters", "cut_row"]


@dataclass(frozen=True, slots=True)
class Cut:
    """Where a row ends: atoms up to `stop` are drawn, `join` follows them, the next row begins with
    atom `resume`.
    """

    stop: int
    join: str
    resume: int


def cut_row(line: Line, first: int, room: int, measure: int) -> Cut:
    """Cut a row from atom `first` on, at most `room` wide in the units of `line.at`; later rows are
    `measure` wide.

    The end of the line gives `stop == resume == len(line)`. A row may be empty when a word fits
    only the next one.
    """
    full = (
        bisect_right(line.at, line.at[first] + room, lo=first) - 1
    )  # the first atom that does not fit any more
    if full >= len(line):
        return Cut(len(line), "", len(line))
    for at in range(full, first, -1):
        if not _is_blank(line, first, at) and (cut := _break_at(line, at)):
            return cut if at == full or _word(line, cut.resume, measure) else Cut(full, "", full)
    if room < measure and not line.atom(first).isspace() and _word(line, first, measure):
        return Cut(first, "", first)
    return Cut(full, "", full)


def _break_at(line: Line, at: int) -> Cut | None:
    """The cut between atoms `at - 1` and `at`, where words may be parted."""
    before, after = line.atom(at - 1), line.atom(at)
    if after == " ":
        lone = before != " " and at + 1 < len(line) and line.atom(at + 1) != " "
        return Cut(at, " ", at + 1) if lone else Cut(at, "", at)
    if before == " ":
        return (
            Cut(at, "", at) if at > 1 and line.atom(at - 2) == " " else None
        )  # a lone space: one step back
    return Cut(at, "", at) if before == "\t" or _breaks(line, at - 1) or _breaks(line, at) else None


def _breaks(line: Line, i: int) -> bool:
    """Lines may be broken beside wide characters and chunks of scripts without spaces: all that is
    wide by itself.
    """
    atom = line.atom(i)
    return (
        line.cells(i) > 1
        and not atom.isascii()
        and ("\u0e00" <= atom[0] <= "\u0eff" or len(atom) == 1)
    )


def _is_blank(line: Line, first: int, stop: int) -> bool:
    return line.text[line.starts[first] : line.starts[stop]].isspace()


def _word(line: Line, start: int, measure: int) -> bool:
    """The word at `start` fits a row of its own."""
    text, end = line.text, line.starts[start]
    space = text.find(" ", end)
    last = line.starts[-1] if space < 0 else space
    stop = bisect_right(line.starts, last, lo=start) - 1
    return line.at[stop] - line.at[start] <= measure


def clusters(line: Line, first: int, stop: int, chars: int, cells: int) -> tuple[Cluster, ...]:
    """The clusters of a row that draws atoms `first` to `stop` after a mark of `chars` characters
    in `cells` cells.

    Right-to-left runs become one cluster each: inside it, words stand in reading order.
    """
    found: list[Cluster] = []
    i = first
    while i < stop:
        end = i + 1
        while line.levels and end < stop and _rtl(line, i) and _rtl(line, end):
            end += 1
        size, width = line.starts[end] - line.starts[i], line.at[end] - line.at[i]
        if size != 1 or width != 1:
            char = chars + line.starts[i] - line.starts[first]
            found.append(Cluster(char, size, cells + line.at[i] - line.at[first], width))
        i = end
    return tuple(found)


def _rtl(line: Line, i: int) -> bool:
    return line.levels[line.starts[i]] > 0
