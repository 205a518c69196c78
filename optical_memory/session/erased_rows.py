"""Rows of forgotten turns, which are white in every picture: no reader is told of them, nor made to
find them.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from optical_memory.pages import Layout, RowBox, rows_of
from optical_memory.readings import Reading
from optical_memory.session.archive import Snapshot

__all__ = ["is_gone", "white_rows", "with_white", "without_white"]


def is_gone(snapshot: Snapshot, turn: str) -> bool:
    record = snapshot.turn(turn)
    return record is not None and record.forgotten


def white_rows(snapshot: Snapshot, layout: Layout) -> frozenset[int]:
    gone = [rows_of(layout, s.start, s.end) for s in layout.spans if is_gone(snapshot, s.turn)]
    return frozenset(row for rows in gone for row in rows)


def without_white(layout: Layout, white: frozenset[int]) -> Layout:
    return (
        replace(layout, rows=tuple(row for i, row in enumerate(layout.rows) if i not in white))
        if white
        else layout
    )


def with_white(reading: Reading, layout: Layout, white: frozenset[int]) -> Reading:
    """A reading of the other rows, with blanks of confidence 0 in the white ones; their joins a
    layout knows.
    """
    text: list[str] = []
    sure: list[npt.NDArray[np.float32]] = []
    at = 0
    for i, row in enumerate(layout.rows):
        n = row.chars + len(row.join)
        text.append(" " * row.chars + row.join if i in white else reading.text[at : at + n])
        sure.append(_blind(row) if i in white else reading.confidence[at : at + n])
        at += 0 if i in white else n
    return Reading("".join(text), np.concatenate(sure)) if white else reading


def _blind(row: RowBox) -> npt.NDArray[np.float32]:
    return np.repeat(np.array([0, 1], np.float32), [row.chars, len(row.join)])
