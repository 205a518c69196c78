"""A page as read: its text, how sure the reader is of every character, and characters as arrays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from optical_memory.turns import short_repr

__all__ = [
    "CONFIDENT",
    "UNREAD",
    "Reading",
    "codepoints",
    "is_inked",
    "runs",
]

UNREAD = "\ufffd"
"""Stands in a reading for a character that the reader cannot read; its confidence is 0."""

CONFIDENT = 0.9
"""A character read with less confidence is read again with the text around it, and is called
doubtful if that does not help.
"""


@short_repr
@dataclass(frozen=True, slots=True)
class Reading:
    """A page as read: `text` has exactly `layout.n_chars` characters, `confidence` one probability
    for each of them.

    A character that the reader cannot read (wide or shaped clusters, for pocket) is U+FFFD with
    confidence 0. Joins (line ends) come from the layout and have confidence 1.

    `method` names the way in which the reader read, if it was not its usual way; a reader that
    names methods has `decode_by`.
    """

    text: str
    confidence: npt.NDArray[np.float32]  # (n_chars,)
    method: str = ""


def codepoints(text: str) -> npt.NDArray[np.uint32]:
    """(len(text),) code points, lone surrogates included."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.dtype("<u4"))


def is_inked(text: str) -> npt.NDArray[np.bool_]:
    """(len(text),) True for every character that leaves ink: all but blanks and line ends."""
    return np.fromiter((not char.isspace() for char in text), np.bool_, len(text))


def runs(values: npt.NDArray[Any]) -> Iterator[tuple[int, int, int]]:
    """(start, end, value) of the maximal runs of equal values in an array (n,).

    >>> list(runs(np.array([7, 7, 0])))
    [(0, 2, 7), (2, 3, 0)]
    """
    # A run begins at 0, and at each value that differs from its neighbour on the left.
    changes = np.flatnonzero(values[1:] != values[:-1]) + 1
    bounds = [0, *changes.tolist(), len(values)]
    return ((start, end, int(values[start])) for start, end in pairwise(bounds) if start < end)
