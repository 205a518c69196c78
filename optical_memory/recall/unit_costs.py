"""What units add to a window, one after the other: their text, and the lines around it."""

from __future__ import annotations

from functools import lru_cache

from optical_memory.counting import count_tokens
from optical_memory.search.segment import NO_DAY

__all__ = [
    "UnitCosts",
]

DAY_TOKENS = 16
"""A line that tells a day and its time, of a usual zone."""

GAP_TOKENS = 1
"""A mark of a gap. A line with the time of the day, in its place, costs some more."""

CUT_TOKENS = 1
"""A mark in a turn of which a part is left out."""


class UnitCosts:
    """The tokens that units cost in a frame beside those that were taken before.

    A turn has the label of its speaker, the first of a day its time. These are estimates, within a
    few in a hundred: the frame is counted when it is laid out.
    """

    def __init__(self) -> None:
        self._turns: set[int] = set()
        self._told_days: set[int] = {NO_DAY}

    def cost(self, ordinal: int, start: int, day: int, label: str, n_tokens: int) -> int:
        """The cost of a unit of `n_tokens`, which begins at `start` in the turn `ordinal`.

        `label` names the speaker, and `day` is the turn's, since 1970.
        """
        if ordinal in self._turns:
            return n_tokens
        n_tokens += _label_tokens(label)
        if start > 0:
            n_tokens += CUT_TOKENS
        if day not in self._told_days:
            return n_tokens + DAY_TOKENS
        if ordinal - 1 in self._turns or ordinal + 1 in self._turns:
            return n_tokens
        return n_tokens + GAP_TOKENS

    def take(self, ordinal: int, day: int) -> None:
        """Take a unit of this turn and day into the window."""
        self._turns.add(ordinal)
        self._told_days.add(day)


@lru_cache(maxsize=256)
def _label_tokens(label: str) -> int:
    return count_tokens(f"{label}: ")
