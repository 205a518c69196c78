"""Runs of numbers that follow each other, as (first, last): how records keep lists of ordinals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Final

from optical_memory.errors import StoreError

__all__ = [
    "numbers",
    "runs",
]

MOST: Final = 10**7
"""No session has so many turns. A record that says so would take all memory."""

Run = tuple[int, int]


def n_numbers(runs: Iterable[Run]) -> int:
    """How many numbers the runs have."""
    return sum(last + 1 - first for first, last in runs)


def numbers(runs: Sequence[Run]) -> list[int]:
    """The numbers in runs. Raises `StoreError` if they are more than any session has."""
    if n_numbers(runs) > MOST:
        raise StoreError("the session's record counts more turns than any session has")
    return list(chain.from_iterable(range(first, last + 1) for first, last in runs))


def runs(values: Iterable[int]) -> list[Run]:
    """Runs of numbers that follow each other, in the order that they are in.

    >>> runs([3, 4, 5, 9, 1, 2])
    [(3, 5), (9, 9), (1, 2)]
    """
    values_runs: list[Run] = []
    for value in values:
        if values_runs and values_runs[-1][1] + 1 == value:
            values_runs[-1] = (values_runs[-1][0], value)
        else:
            values_runs.append((value, value))
    return values_runs
