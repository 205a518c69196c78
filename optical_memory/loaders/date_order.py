"""The order of day and month in the dates of a file, decided once for all of them.

3/4/2024 is 3 April to some and 4 March to others. Another date of the same file may decide, or the
order of time; else the order is a guess, and whoever uses it must say so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from optical_memory.loaders.written_times import Order, WrittenTime

__all__ = [
    "DateOrder",
    "date_order",
]

_NAMES: dict[Order, str] = {
    "dmy": "day first",
    "mdy": "month first",
    "ymd": "year first",
}

_CLEAR_MAJORITY = 0.9
"""So many of the decisive dates may outvote the others: a message may quote a date."""


@dataclass(frozen=True, slots=True)
class DateOrder:
    """`order` is None if dates contradict each other, or if none needs an order. `is_guess` says
    that nothing in the file decides.
    """

    order: Order | None = None
    is_guess: bool = False

    @property
    def reason(self) -> str:
        """A sentence for the report of what was left out or guessed."""
        if self.order is None:
            return (
                "its day and month cannot be told apart: dates of this file contradict each other; "
                "give day_first to decide"
            )
        return (
            f"its day and month cannot be told apart: read as {_NAMES[self.order]}, as all dates "
            "of this file; give day_first to decide"
        )


def date_order(times: Sequence[WrittenTime], day_first: bool | None = None) -> DateOrder:
    """The order in which to read these times of a file, as they follow each other.

    `day_first` decides if it is given. Else a date that has only one reading decides, else the
    order in which no time is before the last. Else it is a guess: the form of the United States,
    else the order in which the dates lie closest together, else day first.
    """
    unclear = [time for time in times if len(set(time.days.values())) > 1]
    if not unclear:
        return DateOrder()
    if day_first is not None:
        return DateOrder("dmy" if day_first else "mdy")
    votes = _votes(times)
    if votes:
        order, n_votes = votes.most_common(1)[0]
        if n_votes < _CLEAR_MAJORITY * votes.total():
            return DateOrder()
        return DateOrder(order, is_guess=n_votes < votes.total())
    return _by_order_of_time(times, unclear)


def _votes(times: Sequence[WrittenTime]) -> Counter[Order]:
    """How many dates have a single reading, by its order."""
    votes: Counter[Order] = Counter()
    for time in times:
        if len(time.orders) > 1 and len(time.days) == 1:
            votes.update(list(time.days))
    return votes


def _by_order_of_time(times: Sequence[WrittenTime], unclear: Sequence[WrittenTime]) -> DateOrder:
    candidates = _orders_of_all(unclear)
    if not candidates:
        return DateOrder()
    days = {order: _days(times, order) for order in candidates}
    n_back = {order: _n_steps_back(days[order]) for order in candidates}
    fewest = min(n_back.values())
    best = [order for order in candidates if n_back[order] == fewest]
    if len(best) == 1 and fewest == 0:
        return DateOrder(best[0], is_guess=len(candidates) == 1)
    if "mdy" in best and any(time.is_american for time in unclear):
        return DateOrder("mdy", is_guess=True)
    closest = min(best, key=lambda order: max(days[order]) - min(days[order]))
    return DateOrder(closest, is_guess=True)


def _orders_of_all(times: Sequence[WrittenTime]) -> list[Order]:
    """The orders in which each of the times is a day."""
    possible = set.intersection(*(set(time.days) for time in times))
    return [order for order in _NAMES if order in possible]


def _days(times: Sequence[WrittenTime], order: Order) -> list[date]:
    moments = (time.moment(order) for time in times)
    return [moment.date() for moment in moments if moment is not None]


def _n_steps_back(days: Sequence[date]) -> int:
    return sum(later < earlier for earlier, later in pairwise(days))
