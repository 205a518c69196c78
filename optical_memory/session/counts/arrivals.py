"""When the turns of a session came in, as far as this process knows."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, NamedTuple

__all__ = ["Arrivals"]

MAX_MARKS: Final = 64
"""So many marks are kept; of more, every other older mark goes. A memory of fixed size is enough:
an age of minutes need not be exact to the second.
"""


class _Mark(NamedTuple):
    """At `time` (monotonic seconds) the session had `n_turns` turns."""

    n_turns: int
    time: float


class Arrivals:
    """Marks in time by which the age of a turn is known, or how old it is at least.

    Turns that were there when the marks began are as old as the marks, at least.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._begin = clock()
        self._marks: tuple[_Mark, ...] = ()  # replaced as a whole: threads may read it at any time

    def note(self, n_turns: int) -> None:
        """The session has so many turns now, those that were forgotten counted too."""
        marks = self._marks
        if marks and marks[-1].n_turns >= n_turns:
            return
        time = self._clock() if marks else self._begin
        marks = (*marks, _Mark(n_turns, time))
        if len(marks) > MAX_MARKS:
            marks = (*marks[:-2:2], *marks[-2:])
        self._marks = marks

    def age(self, ordinal: int) -> float:
        """Seconds since the turn came in, at least; 0 for a turn that was not noted."""
        for mark in self._marks:
            if mark.n_turns > ordinal:
                return self._clock() - mark.time
        return 0.0
