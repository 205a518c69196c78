"""The days that a question names, in a row for each day of a session."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

__all__ = [
    "DayRange",
    "NamedDays",
]

DayRange = tuple[int, int, bool]
"""The first and the last of some days since 1970, and if the question names them as a day."""

Flags = npt.NDArray[np.bool_]


class NamedDays:
    """Which days from `first` to `last`, those of a session, are in ranges of a question.

    "On Sunday" has a range for each week of the session, so each range is marked once, and not
    compared with each unit.
    """

    def __init__(self, ranges: Sequence[DayRange], first: int, last: int) -> None:
        self._first = first
        self._last = last if ranges else first - 1
        # A flag a day; the last flag stands for any other day.
        self._is_named: Flags = np.zeros(self._last - first + 2, np.bool_)
        self._is_single: Flags = self._is_named.copy()
        for range_first, range_last, is_single in ranges:
            days = slice(max(0, range_first - first), max(0, min(range_last, last) - first + 1))
            self._is_named[days] = True
            self._is_single[days] |= is_single

    def __bool__(self) -> bool:
        return bool(self._is_named.any())

    def are_named(self, days: npt.NDArray[np.integer]) -> Flags:
        """(n,) True for days in any range."""
        are_named: Flags = self._is_named[self._places(days)]
        return are_named

    def are_single(self, days: npt.NDArray[np.integer]) -> Flags:
        """(n,) True for days that the question names as a day, and not as part of a month."""
        are_single: Flags = self._is_single[self._places(days)]
        return are_single

    def _places(self, days: npt.NDArray[np.integer]) -> npt.NDArray[np.integer]:
        is_inside = (days >= self._first) & (days <= self._last)
        return np.where(is_inside, days, self._last + 1) - self._first
