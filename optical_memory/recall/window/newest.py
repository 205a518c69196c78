"""The newest that fit: how turns and messages are chosen for a window."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

__all__ = [
    "RECENT_SHARE",
    "newest_that_fit",
]

RECENT_SHARE = 0.05
"""Share of a budget that recent turns may take if there is something to recall.

It is a share of the budget that is left after the turns that must stay.
"""


def newest_that_fit(costs: Sequence[int], budget: int, must_stay: Iterable[int] = ()) -> list[int]:
    """Positions of the newest items whose costs fit into `budget`, in order; the newest is last.

    >>> newest_that_fit([5, 30, 5, 5], budget=20)
    [2, 3]
    >>> newest_that_fit([5, 30, 5, 5], budget=5, must_stay=[0])
    [0, 3]

    It stops at the first item that does not fit, so that no gap is left. The items in `must_stay`
    (positions) are always in the result; their costs are not counted against `budget`.
    """
    positions = set(must_stay)
    budget_left = budget
    for i in reversed(range(len(costs))):
        if i in positions:
            continue
        if costs[i] > budget_left:
            break
        positions.add(i)
        budget_left -= costs[i]
    return sorted(positions)
